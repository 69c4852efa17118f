// What outlives the pools of a listener, one after the other: a reload makes them anew. [any]
#pragma once

#include "base/clock.hpp"
#include "base/mutex.hpp"

#include <atomic>
#include <cstdint>
#include <new>
#include <set>

namespace gatehouse::host {

// What threads have computed so far, those that have ended included.
class ThreadClocks {
  public:
    // A thread's clock (pthread_getcpuclockid), from its begin to its end. Without memory it counts when it ends.
    void enter(clockid_t clock) noexcept {
        try {
            const MutexLock lock(mutex_);
            running_.insert(clock);
        } catch (const std::bad_alloc&) { // see above
        }
    }
    void leave(clockid_t clock) noexcept { // the calling thread's
        const MutexLock lock(mutex_);
        running_.erase(clock);
        ended_ += monotonic_now(clock);
    }
    Nanoseconds sum() const noexcept {
        const MutexLock lock(mutex_);
        Nanoseconds sum = ended_;
        for (const clockid_t clock : running_) sum += monotonic_now(clock);
        return sum;
    }

  private:
    mutable Mutex mutex_;
    std::set<clockid_t> running_ GATEHOUSE_GUARDED_BY(mutex_);
    Nanoseconds ended_ GATEHOUSE_GUARDED_BY(mutex_) = 0;
};

struct PoolRecord {
    std::atomic<std::uint64_t> failures{0}; // threads that could not be started
    ThreadClocks clocks;
};

} // namespace gatehouse::host
