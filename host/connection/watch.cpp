#include "connection/watch.hpp"

#include "base/check.hpp"
#include "threads/pool.hpp"

namespace gatehouse::host {
namespace {

std::uint32_t events_of(Interest interest) noexcept {
    switch (interest) {
    case Interest::bytes:
        return input_events;
    case Interest::bytes_once:
        return input_events | EPOLLONESHOT;
    case Interest::bytes_or_room:
        return input_events | EPOLLOUT;
    case Interest::room:
        return EPOLLOUT | EPOLLET;
    case Interest::room_once:
        return EPOLLOUT | EPOLLET | EPOLLONESHOT;
    case Interest::upstream_bytes:
        return upstream_events;
    case Interest::upstream_bytes_or_room:
        return upstream_events | EPOLLWRNORM;
    case Interest::upstream_room:
        return EPOLLWRNORM | EPOLLET;
    case Interest::reset:
    case Interest::none:
        break;
    }
    return EPOLLET; // the kernel always reports a reset
}

} // namespace

bool Watch::set(int fd, std::uint64_t token, Interest interest) noexcept {
    GATEHOUSE_CHECK(pool_ != nullptr && interest != Interest::none);
    const bool set = interest_ == Interest::none ? pool_->watch(fd, events_of(interest), token)
                                                 : pool_->rearm(fd, events_of(interest), token);
    if (set) interest_ = interest;
    return set;
}

void Watch::remove(int fd) noexcept {
    if (interest_ == Interest::none) return;
    pool_->forget(fd);
    interest_ = Interest::none;
}

} // namespace gatehouse::host
