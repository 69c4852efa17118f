// The choices of one thread. The same seed makes the same choices again; the moments at which they happen are never the same.
#pragma once

#include "random_bytes.hpp"

#include <chrono>
#include <cstddef>
#include <random>
#include <string>
#include <string_view>

namespace gatehouse::chaos {

class Random {
  public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}

    std::size_t between(std::size_t least, std::size_t most) {
        return std::uniform_int_distribution<std::size_t>(least, most)(engine_);
    }
    std::chrono::milliseconds milliseconds(std::size_t least, std::size_t most) {
        return std::chrono::milliseconds(between(least, most));
    }
    bool chance(std::size_t percent) { return between(1, 100) <= percent; }

    // Bytes that no mix-up leaves the same, at most noise_size of them.
    static constexpr std::size_t noise_size = 8 << 20;
    std::string_view bytes(std::size_t size) {
        static const std::string noise = support::random_bytes(noise_size, 7);
        return std::string_view(noise).substr(between(0, noise_size - size), size);
    }

  private:
    std::mt19937_64 engine_;
};

} // namespace gatehouse::chaos
