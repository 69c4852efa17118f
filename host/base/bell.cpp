#include "base/bell.hpp"

#include <cerrno>
#include <sys/eventfd.h>
#include <system_error>

namespace gatehouse::host {

Bell::Bell() : event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (!event_) throw std::system_error(errno, std::generic_category(), "cannot make an event descriptor");
}

// Fails only at 2^64 - 2 unacknowledged rings, when the descriptor is readable anyway.
void Bell::ring() const noexcept { ::eventfd_write(event_.get(), 1); }

void Bell::acknowledge() const noexcept {
    eventfd_t rings = 0;
    ::eventfd_read(event_.get(), &rings);
}

} // namespace gatehouse::host
