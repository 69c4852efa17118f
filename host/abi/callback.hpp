// How abi/ calls back into plugins on a thread that others wait for.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"

#include <string_view>

namespace gatehouse::host {

inline constexpr Nanoseconds longest_callback = 100'000'000;

// Runs a callback, and names its plugin in the log if it has taken longer than that.
template <class Call>
void call_back(Log& log, std::string_view plugin, std::string_view extension, Call callback) noexcept {
    const Nanoseconds begin = monotonic_now();
    callback();
    const Nanoseconds taken = monotonic_now() - begin;
    if (taken > longest_callback)
        log.warning("a plugin's callback took long; it must not block, since others wait for it",
                    {{"plugin", plugin}, {"extension", extension}, {"milliseconds", taken / 1'000'000}});
}

} // namespace gatehouse::host
