// How long something took, in buckets of powers of 2. Counting is one atomic addition. [any]
#pragma once

#include "base/clock.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

namespace gatehouse::host {

class Histogram {
  public:
    // Bucket i counts what took less than 2^i microseconds and did not fit into the one before; the last also what took longer.
    static constexpr std::size_t buckets = 32;

    void count(Nanoseconds duration) noexcept {
        const auto micros = static_cast<std::uint64_t>(std::max<Nanoseconds>(duration, 0)) / 1000;
        const std::size_t bucket = std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(micros)), buckets - 1);
        counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    }

    using Counts = std::array<std::uint64_t, buckets>;
    Counts counts() const noexcept {
        Counts counts{};
        for (std::size_t i = 0; i < buckets; ++i) counts[i] = counts_[i].load(std::memory_order_relaxed);
        return counts;
    }

  private:
    std::array<std::atomic<std::uint64_t>, buckets> counts_{};
};

// The number of microseconds that bucket `i` is below.
inline std::uint64_t histogram_limit(std::size_t i) noexcept { return std::uint64_t{1} << i; }

// The least limit that at least `percent` of the counted values are below; 0 if none was counted.
std::uint64_t histogram_percentile(const Histogram::Counts& counts, double percent) noexcept;

} // namespace gatehouse::host
