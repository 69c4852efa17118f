// The standard library's mutex, lock and condition variable, with the annotations that clang's thread safety analysis needs;
// libstdc++'s own have none. See thread_annotations.hpp.
#pragma once

#include "base/clock.hpp"
#include "base/thread_annotations.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace gatehouse::host {

class GATEHOUSE_CAPABILITY Mutex {
  public:
    void lock() GATEHOUSE_ACQUIRE() { mutex_.lock(); }
    void unlock() GATEHOUSE_RELEASE() { mutex_.unlock(); }

  private:
    friend class MutexLock;
    std::mutex mutex_;
};

// Holds a mutex for its own lifetime. The holder may unlock it in between and lock it again.
class GATEHOUSE_SCOPED_CAPABILITY MutexLock {
  public:
    explicit MutexLock(Mutex& mutex) GATEHOUSE_ACQUIRE(mutex) : lock_(mutex.mutex_) {}
    ~MutexLock() GATEHOUSE_RELEASE() = default;
    MutexLock(const MutexLock&) = delete;
    MutexLock& operator=(const MutexLock&) = delete;

    void lock() GATEHOUSE_ACQUIRE() { lock_.lock(); }
    void unlock() GATEHOUSE_RELEASE() { lock_.unlock(); }

  private:
    friend class ConditionVariable;
    std::unique_lock<std::mutex> lock_;
};

// Takes no predicate: clang would not know that one runs with the lock held. Wait in a loop that looks at the condition.
class ConditionVariable {
  public:
    void notify_one() noexcept { condition_.notify_one(); }
    void notify_all() noexcept { condition_.notify_all(); }

    // Lets go of the mutex while it waits. May return without a cause.
    void wait(MutexLock& lock) { condition_.wait(lock.lock_); }
    // The same, until monotonic_now() is `deadline` at most; false if it has come.
    bool wait_until(MutexLock& lock, Nanoseconds deadline) {
        const std::chrono::steady_clock::time_point when{std::chrono::nanoseconds(deadline)};
        return condition_.wait_until(lock.lock_, when) == std::cv_status::no_timeout;
    }

  private:
    std::condition_variable condition_;
};

} // namespace gatehouse::host
