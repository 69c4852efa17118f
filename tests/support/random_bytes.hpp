// Bytes that no mix-up leaves the same.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>

namespace gatehouse::support {

inline std::string random_bytes(std::size_t size, unsigned seed) {
    std::mt19937_64 random(seed);
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; i += sizeof(std::uint64_t)) {
        const std::uint64_t value = random();
        std::memcpy(bytes.data() + i, &value, std::min(sizeof value, size - i));
    }
    return bytes;
}

} // namespace gatehouse::support
