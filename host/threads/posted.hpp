// The place of a token in a pool's queue.
#pragma once

#include <cstdint>

namespace gatehouse::host {

// Whoever posts a token brings the place along, so posting allocates nothing and cannot fail. It is in one queue, once.
struct Posted {
    std::uint64_t token = 0;
    Posted* next = nullptr;
};

} // namespace gatehouse::host
