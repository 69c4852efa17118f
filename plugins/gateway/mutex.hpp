// A mutex for a lock that is held for less time than it takes to sleep and to be woken.
#pragma once

#include <pthread.h>

namespace gateway {

// A thread that finds it locked tries again for a while (glibc bounds that) before it sleeps in the kernel. For
// std::unique_lock.
class AdaptiveMutex {
  public:
    AdaptiveMutex() = default;
    AdaptiveMutex(const AdaptiveMutex&) = delete;
    AdaptiveMutex& operator=(const AdaptiveMutex&) = delete;

    void lock() noexcept { ::pthread_mutex_lock(&mutex_); }
    void unlock() noexcept { ::pthread_mutex_unlock(&mutex_); }

  private:
    pthread_mutex_t mutex_ = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
};

} // namespace gateway
