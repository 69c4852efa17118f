// Tells when a listener has been at one of its limits for a second: once, and again each minute while it lasts.
#pragma once

#include "base/clock.hpp"
#include "threads/alarm.hpp"

#include <algorithm>
#include <atomic>

namespace gatehouse::host {

class LimitNotice {
  public:
    // The limit has been met. [any]
    void met(Alarm& alarm) noexcept {
        if (since_.load(std::memory_order_relaxed) != never) return;
        const Nanoseconds now = monotonic_now();
        Nanoseconds not_met = never;
        if (since_.compare_exchange_strong(not_met, now)) alarm.wake_by(now + patience);
    }

    // Whether it is time to tell: the limit was met a second ago, and still() says that the listener is at it. Lowers `again`
    // to when it wants to be asked again. [main]
    template <class Still>
    bool is_due(Still still, Nanoseconds now, Nanoseconds& again) noexcept {
        const Nanoseconds since = since_.load();
        if (since == never) return false;
        if (now >= since + patience && !still()) {
            since_.store(never);
            return false;
        }
        const bool due = now >= std::max(since + patience, next_);
        if (due) next_ = now + pace;
        again = std::min(again, std::max(since + patience, next_));
        return due;
    }

  private:
    static constexpr Nanoseconds patience = 1'000'000'000;
    static constexpr Nanoseconds pace = 60'000'000'000;

    std::atomic<Nanoseconds> since_{never}; // never: it was not met, or the listener has been below it since
    Nanoseconds next_ = 0;                  // [main]
};

} // namespace gatehouse::host
