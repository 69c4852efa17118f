#include "base/scheduling.hpp"

#include <sched.h>

namespace gatehouse::host {

void set_scheduling(Scheduling scheduling) noexcept {
    if (scheduling != Scheduling::batch) return;
    const sched_param none{};
    ::sched_setscheduler(0, SCHED_BATCH, &none);
}

} // namespace gatehouse::host
