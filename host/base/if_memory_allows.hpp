// For functions that must not throw: what they can do without when memory runs out, such as a line of the log.
#pragma once

#include <new>

namespace gatehouse::host {

// Calls what(). False: memory ran out, and only a part of it was done, or nothing. [any]
template <class What>
bool if_memory_allows(What what) noexcept {
    try {
        what();
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

} // namespace gatehouse::host
