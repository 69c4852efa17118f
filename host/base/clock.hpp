// Time as the host reckons it: nanoseconds of the monotonic clock in a plain integer.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <time.h>

namespace gatehouse::host {

using Nanoseconds = std::int64_t;

inline constexpr Nanoseconds never = std::numeric_limits<Nanoseconds>::max();

inline Nanoseconds monotonic_now(clockid_t clock = CLOCK_MONOTONIC) noexcept {
    timespec time{};
    ::clock_gettime(clock, &time);
    return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

// A few milliseconds late, and several times cheaper: for deadlines that are pushed out at every request.
inline Nanoseconds coarse_now() noexcept { return monotonic_now(CLOCK_MONOTONIC_COARSE); }

// The point `span` after `from`, or `never`.
inline Nanoseconds plus(Nanoseconds from, Nanoseconds span) noexcept { return span >= never - from ? never : from + span; }

// The same for a configured time, of which zero means that there is none.
inline Nanoseconds after(Nanoseconds from, std::chrono::milliseconds duration) noexcept {
    return duration.count() <= 0 || duration.count() > never / 1'000'000 ? never : plus(from, duration.count() * 1'000'000);
}

} // namespace gatehouse::host
