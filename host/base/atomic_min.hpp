// The minimum of what several threads ask for.
#pragma once

#include <atomic>

namespace gatehouse::host {

// Lowers `minimum` to `value` if that is less. True: it was lowered, so the caller is the one who tells others of it. [any]
template <class Value>
bool lower(std::atomic<Value>& minimum, Value value) noexcept {
    Value now = minimum.load();
    while (value < now)
        if (minimum.compare_exchange_weak(now, value)) return true;
    return false;
}

} // namespace gatehouse::host
