// How long something took, in the ranges that the metrics show, with the sum of all. Counting is two atomic additions. [any]
#pragma once

#include "base/clock.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace gatehouse::host {

class TimeHistogram {
  public:
    // A range ends with its bound, which belongs to it. The last range has none.
    static constexpr std::array<Nanoseconds, 12> bounds{100'000,       500'000,       1'000'000,      5'000'000,
                                                        10'000'000,    50'000'000,    100'000'000,    500'000'000,
                                                        1'000'000'000, 5'000'000'000, 10'000'000'000, 60'000'000'000};

    void count(Nanoseconds duration) noexcept {
        duration = std::max<Nanoseconds>(duration, 0);
        const auto range = std::lower_bound(bounds.begin(), bounds.end(), duration) - bounds.begin();
        ranges_[static_cast<std::size_t>(range)].fetch_add(1, std::memory_order_relaxed);
        sum_.fetch_add(duration, std::memory_order_relaxed);
    }

    struct Counts {
        std::array<std::uint64_t, bounds.size() + 1> ranges{};
        Nanoseconds sum = 0;
    };
    Counts counts() const noexcept {
        Counts counts;
        for (std::size_t i = 0; i < ranges_.size(); ++i) counts.ranges[i] = ranges_[i].load(std::memory_order_relaxed);
        counts.sum = sum_.load(std::memory_order_relaxed);
        return counts;
    }

  private:
    std::array<std::atomic<std::uint64_t>, bounds.size() + 1> ranges_{};
    std::atomic<Nanoseconds> sum_{0};
};

} // namespace gatehouse::host
