// Bytes that no mix-up leaves the same.
#pragma once

#include <random>
#include <string>

namespace gatehouse::support {

inline std::string random_bytes(std::size_t size, unsigned seed) {
    std::mt19937_64 random(seed);
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    return bytes;
}

} // namespace gatehouse::support
