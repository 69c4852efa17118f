#include "abi/poll.hpp"

#include "abi/callback.hpp"
#include "abi/handles.hpp"
#include "base/bounded_text.hpp"
#include "threads/background.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <sys/epoll.h>

using namespace gatehouse::host;

namespace {

std::string_view reason(int error) noexcept {
    switch (error) {
    case EBADF:
        return "it is not open";
    case ENOENT:
        return "it was closed while it was watched";
    case EPERM:
        return "it is of a kind that cannot be watched";
    case EEXIST:
        return "it is watched already";
    default:
        return "no memory, thread or descriptor for it, or too many of them";
    }
}

} // namespace

struct gatehouse_poll final : Activity {
    gatehouse_poll(gatehouse_instance& of, const gatehouse_poll_request& request)
        : instance(of), fd_(request.fd), data_(request.data), ready_(request.ready) {}

    gatehouse_status watch(std::uint32_t events) noexcept {
        int error = 0;
        const std::uint32_t of_epoll =
            ((events & GATEHOUSE_READABLE) != 0 ? EPOLLIN : 0U) | ((events & GATEHOUSE_WRITABLE) != 0 ? EPOLLOUT : 0U);
        if (events != 0)
            error = instance.callbacks.watch(*this, fd_, of_epoll);
        else if (wanted_.load() != 0)
            instance.callbacks.unwatch(fd_); // epoll would go on to tell of errors
        if (error != 0) return refused(error);
        wanted_.store(events);
        return GATEHOUSE_OK;
    }

    gatehouse_status refused(int error) noexcept {
        BoundedText<128> why;
        why += "cannot watch descriptor ";
        why.add(fd_);
        why += ": ";
        why += reason(error);
        refuse(instance, why.view());
        const bool invalid = error == EBADF || error == ENOENT || error == EPERM || error == EEXIST;
        return invalid ? GATEHOUSE_INVALID : GATEHOUSE_EXHAUSTED;
    }

    gatehouse_instance& instance; // constant after construction, as are the next three

  private:
    void due() noexcept override {} // no time is set
    void ready(int /*fd*/, std::uint32_t events) noexcept override {
        std::uint32_t found = (events & (EPOLLERR | EPOLLHUP)) != 0 ? ~0U : 0U;
        if ((events & EPOLLIN) != 0) found |= GATEHOUSE_READABLE;
        if ((events & EPOLLOUT) != 0) found |= GATEHOUSE_WRITABLE;
        found &= wanted_.load(); // which may have changed since
        if (found == 0) return;
        call_back(instance.facilities.log, instance.name, GATEHOUSE_EXT_POLL, [this, found] { ready_(data_, found); });
    }

    const int fd_;
    void* const data_;
    void (*const ready_)(void*, std::uint32_t) noexcept;

    std::atomic<std::uint32_t> wanted_{0};
};

namespace gatehouse::host {
namespace {

bool are_events(std::uint32_t events) noexcept {
    constexpr std::uint32_t all = GATEHOUSE_READABLE | GATEHOUSE_WRITABLE;
    return (events | all) == all;
}

// What is wrong with a request, or "".
std::string_view problem(const gatehouse_poll_request& request) noexcept {
    if (request.fd < 0) return "a descriptor to watch is negative";
    if (request.ready == nullptr) return "a descriptor to watch has no ready()";
    if (request.flags != 0) return "a descriptor to watch has a flag that this host does not know";
    if (!are_events(request.events)) return "a descriptor to watch has an event that this host does not know";
    return "";
}

gatehouse_status watch(gatehouse_instance* instance, const gatehouse_poll_request* given, gatehouse_poll** poll) noexcept {
    if (too_early(*instance, "a descriptor's watch()")) return GATEHOUSE_INVALID;
    gatehouse_poll_request request{};
    std::memcpy(&request, given, std::min<std::size_t>(given->size, sizeof request));
    if (const std::string_view why = problem(request); !why.empty()) {
        refuse(*instance, why);
        return GATEHOUSE_INVALID;
    }
    try {
        const auto made = std::make_shared<gatehouse_poll>(*instance, request);
        if (!instance->callbacks.add(made, never)) return made->refused(ENOMEM);
        const gatehouse_status status = made->watch(request.events);
        if (status == GATEHOUSE_OK)
            *poll = made.get();
        else
            instance->callbacks.remove(*made);
        return status;
    } catch (const std::bad_alloc&) { // the status alone says so
        return GATEHOUSE_EXHAUSTED;
    }
}

gatehouse_status change(gatehouse_poll* poll, std::uint32_t events) noexcept {
    return are_events(events) ? poll->watch(events) : GATEHOUSE_INVALID;
}

void stop(gatehouse_poll* poll) noexcept { poll->instance.callbacks.remove(*poll); }

} // namespace

const gatehouse_poll_v1 poll_table{sizeof(gatehouse_poll_v1), 0, watch, change, stop};

} // namespace gatehouse::host
