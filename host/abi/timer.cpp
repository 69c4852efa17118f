#include "abi/timer.hpp"

#include "abi/callback.hpp"
#include "abi/handles.hpp"
#include "threads/background.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

using namespace gatehouse::host;

struct gatehouse_timer final : Activity {
    gatehouse_timer(gatehouse_instance& of, const gatehouse_timer_request& request, Nanoseconds first, Nanoseconds interval)
        : instance(of), data_(request.data), expired_(request.expired), next_(first), interval_(interval) {}

    void set(Nanoseconds next, Nanoseconds interval) noexcept {
        const MutexLock lock(mutex_);
        next_ = next;
        interval_ = interval;
        instance.callbacks.at(*this, next);
    }

    gatehouse_instance& instance; // constant after construction, as are the next two

  private:
    // Sets the next time first, so that the callback may set another.
    void due() noexcept override {
        if (!is_due()) return;
        call_back(instance.facilities.log, instance.name, GATEHOUSE_EXT_TIMER, [this] { expired_(data_); });
    }
    void ready(int /*fd*/, std::uint32_t /*events*/) noexcept override {} // it watches nothing

    // False: another thread has put it off since it was taken out to be called.
    bool is_due() noexcept {
        const MutexLock lock(mutex_);
        const Nanoseconds now = monotonic_now();
        const bool due = next_ <= now;
        if (due) {
            next_ = interval_ == 0 ? never : plus(next_, interval_);
            if (next_ <= now) next_ = now + interval_; // what was missed is left out
        }
        instance.callbacks.at(*this, next_);
        return due;
    }

    void* const data_;
    void (*const expired_)(void*) noexcept;

    Mutex mutex_; // taken before that of the thread
    Nanoseconds next_ GATEHOUSE_GUARDED_BY(mutex_);
    Nanoseconds interval_ GATEHOUSE_GUARDED_BY(mutex_); // 0: once
};

namespace gatehouse::host {
namespace {

constexpr std::uint64_t longest = std::uint64_t{365} * 24 * 3600 * 1000; // milliseconds

bool is_time(std::uint64_t first, std::uint64_t interval) noexcept {
    return (first <= longest || first == GATEHOUSE_TIMER_NEVER) && interval <= longest;
}

Nanoseconds nanoseconds(std::uint64_t milliseconds) noexcept { return static_cast<Nanoseconds>(milliseconds) * 1'000'000; }

Nanoseconds from_now(std::uint64_t milliseconds) noexcept {
    return milliseconds == GATEHOUSE_TIMER_NEVER ? never : monotonic_now() + nanoseconds(milliseconds);
}

// What is wrong with a request, or "".
std::string_view problem(const gatehouse_timer_request& request) noexcept {
    if (request.expired == nullptr) return "a timer has no expired()";
    if (request.flags != 0) return "a timer has a flag that this host does not know";
    if (!is_time(request.first_milliseconds, request.interval_milliseconds)) return "a timer has a time of more than 365 days";
    return "";
}

gatehouse_status start(gatehouse_instance* instance, const gatehouse_timer_request* given, gatehouse_timer** timer) noexcept {
    if (too_early(*instance, "a timer's start()")) return GATEHOUSE_INVALID;
    gatehouse_timer_request request{};
    std::memcpy(&request, given, std::min<std::size_t>(given->size, sizeof request));
    if (const std::string_view why = problem(request); !why.empty()) {
        refuse(*instance, why);
        return GATEHOUSE_INVALID;
    }
    try {
        const Nanoseconds first = from_now(request.first_milliseconds);
        auto made = std::make_shared<gatehouse_timer>(*instance, request, first, nanoseconds(request.interval_milliseconds));
        gatehouse_timer* const handle = made.get();
        if (instance->callbacks.add(std::move(made), first)) {
            *timer = handle;
            return GATEHOUSE_OK;
        }
        refuse(*instance, "no memory or thread for a timer, or too many of them");
    } catch (const std::bad_alloc&) { // the status alone says so
    }
    return GATEHOUSE_EXHAUSTED;
}

gatehouse_status set(gatehouse_timer* timer, std::uint64_t first, std::uint64_t interval) noexcept {
    if (!is_time(first, interval)) return GATEHOUSE_INVALID;
    timer->set(from_now(first), nanoseconds(interval));
    return GATEHOUSE_OK;
}

void stop(gatehouse_timer* timer) noexcept { timer->instance.callbacks.remove(*timer); }

} // namespace

const gatehouse_timer_v1 timer_table{sizeof(gatehouse_timer_v1), 0, start, set, stop};

} // namespace gatehouse::host
