#include "threads/jobs.hpp"

#include "threads/crash_report.hpp"

#include <pthread.h>

namespace gatehouse::host {

void Jobs::add(std::function<void()> job) {
    const MutexLock lock(mutex_);
    waiting_.push_back(std::move(job));
    if (runs_) return;
    thread_.join(never); // the one before, which only returns
    try {
        thread_.start<&Jobs::run>(*this, name_);
        runs_ = true;
    } catch (const std::system_error&) {
        waiting_.pop_back();
        throw;
    }
}

bool Jobs::stop(Nanoseconds deadline) noexcept {
    {
        const MutexLock lock(mutex_);
        ended_ = true;
    }
    return thread_.join(deadline);
}

void Jobs::run() noexcept {
    ::pthread_setname_np(::pthread_self(), name_.c_str());
    prepare_thread_for_crash_report();
    for (;;) {
        std::function<void()> job;
        {
            const MutexLock lock(mutex_);
            runs_ = !waiting_.empty() && !ended_;
            if (!runs_) return;
            job = std::move(waiting_.front());
            waiting_.pop_front();
        }
        job(); // what it holds goes before the next one, too: it may take long to destroy
    }
}

} // namespace gatehouse::host
