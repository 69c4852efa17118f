#include "threads/jobs.hpp"

#include "threads/crash_report.hpp"

#include <pthread.h>

namespace gatehouse::host {

void Jobs::add(std::function<void()> job) {
    if (!thread_.started()) thread_.start<&Jobs::run>(*this, name_);
    const MutexLock lock(mutex_);
    waiting_.push_back(std::move(job));
    changed_.notify_one();
}

bool Jobs::stop(Nanoseconds deadline) noexcept {
    {
        const MutexLock lock(mutex_);
        ended_ = true;
        changed_.notify_one();
    }
    return thread_.join(deadline);
}

void Jobs::run() noexcept {
    ::pthread_setname_np(::pthread_self(), name_.c_str());
    prepare_thread_for_crash_report();
    MutexLock lock(mutex_);
    for (;;) {
        while (waiting_.empty() && !ended_) changed_.wait(lock);
        if (ended_) return;
        const std::function<void()> job = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        job();
        lock.lock();
    }
}

} // namespace gatehouse::host
