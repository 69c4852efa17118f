// What the fuzz targets have in common.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

namespace gatehouse::fuzz {

inline void require(bool holds) {
    if (!holds) std::abort();
}

// Calls look(bytes) with ever longer beginnings of the input, each in memory of just its size, so that the sanitizer sees a
// byte too many: all of them up to 64 bytes, then ever fewer.
template <class Look>
void for_each_beginning(const std::uint8_t* data, std::size_t size, Look look) {
    for (std::size_t length = 0;; length = std::min(size, length + std::max<std::size_t>(1, length / 64))) {
        const std::vector<std::uint8_t> exact(data, data + length);
        look(std::as_bytes(std::span(exact)));
        if (length == size) return;
    }
}

} // namespace gatehouse::fuzz
