#include "threads/drain.hpp"

#include <cerrno>
#include <sys/eventfd.h>
#include <system_error>

namespace gatehouse::host {

Drain::Drain() : event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (!event_) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void Drain::start(Nanoseconds deadline) noexcept {
    deadline_.store(deadline, std::memory_order_release);
    ::eventfd_write(event_.get(), 1);
}

} // namespace gatehouse::host
