// The fake host's side of gatehouse.timer/1 and gatehouse.poll/1. Timers expire when the test lets time pass, and a descriptor
// is ready when the test says so.
#ifndef GATEHOUSE_TESTING_CALLBACKS_HPP
#define GATEHOUSE_TESTING_CALLBACKS_HPP

#include "../ext/poll.h"
#include "../ext/timer.h"
#include "background.hpp"
#include "host.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace gatehouse::kit {

// A descriptor that a plugin watches.
struct PollRecord {
    int fd;
    std::uint32_t events; // GATEHOUSE_READABLE and _WRITABLE
};

namespace detail {

// The plugin knows it as a gatehouse_timer*.
struct FakeTimer {
    Host* host;
    void* data;
    void (*expired)(void* data) noexcept;
    std::optional<milliseconds> due; // on the fake clock; guarded by Host::mutex, as is the next one
    milliseconds interval{0};
};

// The plugin knows it as a gatehouse_poll*.
struct FakePoll {
    Host* host;
    PollRecord record; // guarded by Host::mutex
    void* data;
    void (*ready)(void* data, std::uint32_t events) noexcept;
};

inline bool is_time(std::uint64_t first, std::uint64_t interval) {
    constexpr std::uint64_t longest = std::uint64_t{365} * 24 * 3600 * 1000;
    return (first <= longest || first == GATEHOUSE_TIMER_NEVER) && interval <= longest;
}

inline gatehouse_status set_timer(gatehouse_timer* handle, uint64_t first, uint64_t interval) noexcept {
    auto& timer = *reinterpret_cast<FakeTimer*>(handle);
    if (!is_time(first, interval)) {
        timer.host->violation("timer set(): a time of more than 365 days");
        return GATEHOUSE_INVALID;
    }
    const std::lock_guard lock(timer.host->mutex);
    timer.due.reset();
    if (first != GATEHOUSE_TIMER_NEVER) timer.due = timer.host->now + milliseconds(first);
    timer.interval = milliseconds(interval);
    return GATEHOUSE_OK;
}

inline gatehouse_status start_timer(gatehouse_instance* instance, const gatehouse_timer_request* request,
                                    gatehouse_timer** timer) noexcept {
    Host* host = host_of(instance);
    if (host->too_early("timer start()")) return GATEHOUSE_INVALID;
    const bool good = request->size >= sizeof *request && request->expired != nullptr && request->flags == 0 &&
                      is_time(request->first_milliseconds, request->interval_milliseconds);
    if (!good) {
        host->violation("timer start(): the request breaks a rule of ext/timer.h");
        return GATEHOUSE_INVALID;
    }
    auto made = std::make_shared<FakeTimer>(FakeTimer{host, request->data, request->expired, std::nullopt, {}});
    *timer = reinterpret_cast<gatehouse_timer*>(made.get());
    set_timer(*timer, request->first_milliseconds, request->interval_milliseconds);
    const std::lock_guard lock(host->mutex);
    host->timers.push_back(std::move(made));
    return GATEHOUSE_OK;
}

inline void stop_timer(gatehouse_timer* timer) noexcept {
    Host& host = *reinterpret_cast<FakeTimer*>(timer)->host;
    erase(host, host.timers, timer, "timer stop()");
}

inline bool are_events(std::uint32_t events) {
    constexpr std::uint32_t all = GATEHOUSE_READABLE | GATEHOUSE_WRITABLE;
    return (events | all) == all;
}

inline gatehouse_status watch_descriptor(gatehouse_instance* instance, const gatehouse_poll_request* request,
                                         gatehouse_poll** poll) noexcept {
    Host* host = host_of(instance);
    if (host->too_early("poll watch()")) return GATEHOUSE_INVALID;
    const std::lock_guard lock(host->mutex);
    const bool twice = std::ranges::any_of(host->polls, [&](const auto& other) { return other->record.fd == request->fd; });
    const bool good = request->size >= sizeof *request && request->ready != nullptr && request->flags == 0 &&
                      request->fd >= 0 && are_events(request->events);
    if (twice || !good) {
        host->violations.push_back("poll watch() of descriptor " + std::to_string(request->fd) +
                                   (twice ? ": it is watched already" : ": the request breaks a rule of ext/poll.h"));
        return GATEHOUSE_INVALID;
    }
    auto made = std::make_shared<FakePoll>(FakePoll{host, {request->fd, request->events}, request->data, request->ready});
    *poll = reinterpret_cast<gatehouse_poll*>(made.get());
    host->polls.push_back(std::move(made));
    return GATEHOUSE_OK;
}

inline gatehouse_status change_poll(gatehouse_poll* handle, uint32_t events) noexcept {
    auto& poll = *reinterpret_cast<FakePoll*>(handle);
    const std::lock_guard lock(poll.host->mutex);
    if (!are_events(events)) {
        poll.host->violations.emplace_back("poll change(): an event that is none");
        return GATEHOUSE_INVALID;
    }
    poll.record.events = events;
    return GATEHOUSE_OK;
}

inline void stop_poll(gatehouse_poll* poll) noexcept {
    Host& host = *reinterpret_cast<FakePoll*>(poll)->host;
    erase(host, host.polls, poll, "poll stop()");
}

// Time goes by until the next timer is due, which expires, or until `last`; false: none was due. As in the host, the timer's
// next time is set first, so that the callback may set another.
inline bool Host::expire_next(milliseconds last) {
    std::shared_ptr<FakeTimer> next;
    {
        const std::lock_guard lock(mutex);
        for (const auto& timer : timers)
            if (timer->due && *timer->due <= last && (!next || *timer->due < *next->due)) next = timer;
        now = std::max(now, next ? *next->due : last);
        if (!next) return false;
        if (next->interval > milliseconds(0))
            *next->due += next->interval;
        else
            next->due.reset();
    }
    next->expired(next->data);
    return true;
}

} // namespace detail
} // namespace gatehouse::kit

#endif
