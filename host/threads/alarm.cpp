#include "threads/alarm.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/timerfd.h>
#include <system_error>
#include <utility>

namespace gatehouse::host {

Alarm::Alarm() : timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
    if (!timer_) throw std::system_error(errno, std::generic_category(), "cannot make a timer");
}

void Alarm::set(Nanoseconds when) noexcept {
    const MutexLock lock(mutex_);
    if (when >= next_.load(std::memory_order_relaxed)) return;
    next_.store(when, std::memory_order_relaxed);
    due_ = std::max(when, monotonic_now());
    const Nanoseconds at = std::max<Nanoseconds>(when, 1); // zero would disarm it
    const itimerspec time{{}, {at / 1'000'000'000, at % 1'000'000'000}};
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &time, nullptr);
}

Nanoseconds Alarm::acknowledge() noexcept {
    const MutexLock lock(mutex_);
    std::uint64_t expirations = 0;
    // A failed read only means that a later setting has overtaken the expiration; checking all deadlines once more is harmless.
    [[maybe_unused]] const ssize_t size = ::read(timer_.get(), &expirations, sizeof expirations);
    next_.store(never, std::memory_order_relaxed);
    return std::exchange(due_, never);
}

} // namespace gatehouse::host
