#include "threads/drain.hpp"

namespace gatehouse::host {

void Drain::start(Nanoseconds deadline) noexcept {
    deadline_.store(deadline);
    if (bell_) bell_->ring();
}

} // namespace gatehouse::host
