// How many connections each route of a listener has taken, by its number in the file. Outlives the listener's generations.
#pragma once

#include "base/mutex.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace gatehouse::host {

class RouteCounts {
  public:
    // Of the route with this number, from 0 on; valid as long as this is. Throws std::bad_alloc. [any]
    std::atomic<std::uint64_t>& of(std::size_t route) {
        const MutexLock lock(mutex_);
        while (counts_.size() <= route) counts_.push_back(std::make_unique<Count>(0));
        return *counts_[route];
    }

    // Those of the first `most` routes, as far as there are any. Throws std::bad_alloc. [any]
    std::vector<std::uint64_t> first(std::size_t most) const {
        std::vector<std::uint64_t> counts;
        const MutexLock lock(mutex_);
        for (std::size_t i = 0; i < counts_.size() && i < most; ++i)
            counts.push_back(counts_[i]->load(std::memory_order_relaxed));
        return counts;
    }

  private:
    using Count = std::atomic<std::uint64_t>;

    mutable Mutex mutex_;
    std::vector<std::unique_ptr<Count>> counts_ GATEHOUSE_GUARDED_BY(mutex_); // nothing for a listener without routes
};

} // namespace gatehouse::host
