// Waits for a state that another thread brings about.
#pragma once

#include "base/clock.hpp"

#include <chrono>
#include <thread>

namespace gatehouse::host {

inline constexpr Nanoseconds millisecond = 1'000'000;

// False: the condition has not come true within 40 seconds, which is long enough for a busy machine.
template <class Condition>
bool eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(40);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

} // namespace gatehouse::host
