#include "threads/standby.hpp"

#include "threads/pool.hpp"

#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <system_error>

namespace gatehouse::host {

Standby::Standby() : outer_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!outer_) throw std::system_error(errno, std::generic_category(), "cannot make an epoll set");
}

bool Standby::add(Pool& pool) noexcept {
    epoll_event event{EPOLLIN, {.ptr = &pool}};
    return ::epoll_ctl(outer_.get(), EPOLL_CTL_ADD, pool.descriptor(), &event) == 0;
}

void Standby::remove(Pool& pool) noexcept { ::epoll_ctl(outer_.get(), EPOLL_CTL_DEL, pool.descriptor(), nullptr); }

void Standby::serve() noexcept {
    std::array<epoll_event, 64> events; // not initialised: only what the kernel has written is looked at
    const int count = ::epoll_wait(outer_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) static_cast<Pool*>(events[static_cast<std::size_t>(i)].data.ptr)->warm_up();
}

} // namespace gatehouse::host
