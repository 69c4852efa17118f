// The time of RFC 868: seconds since 1900-01-01 00:00 UTC, 32 bits, big-endian. The number wraps around on 2036-02-07; a client
// takes a small number for a time after that.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

inline std::array<std::byte, 4> since_1900(std::int64_t unix_time) {
    constexpr std::int64_t from_1900_to_1970 = 2'208'988'800;                       // 70 years, 17 of them with a leap day
    const auto seconds = static_cast<std::uint32_t>(unix_time + from_1900_to_1970); // modulo 2^32: the wrap
    const auto byte = [seconds](int shift) { return static_cast<std::byte>(seconds >> shift); };
    return {byte(24), byte(16), byte(8), byte(0)};
}
