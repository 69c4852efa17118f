#include "threads/drain.hpp"

namespace gatehouse::host {

void Drain::start(Nanoseconds deadline) noexcept {
    deadline_.store(deadline, std::memory_order_release);
    bell_.ring();
}

} // namespace gatehouse::host
