// What takes long and must not hold the main thread up: jobs, one after the other, on a thread of their own, which is there as
// long as there are any.
#pragma once

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/thread.hpp"

#include <deque>
#include <functional>
#include <new>
#include <string>
#include <system_error>
#include <utility>

namespace gatehouse::host {

class Jobs {
  public:
    // `name`: the thread's, at most 15 bytes.
    explicit Jobs(std::string name) noexcept : name_(std::move(name)) {}
    ~Jobs() { stop(never); }
    Jobs(const Jobs&) = delete;
    Jobs& operator=(const Jobs&) = delete;

    // Runs `job()`, which does not throw, after those before it. False: no memory or thread for it. [any], before stop()
    template <class Job>
    bool post(Job job) noexcept {
        try {
            add(std::move(job));
            return true;
        } catch (const std::bad_alloc&) {
            return false;
        } catch (const std::system_error&) { // no thread
            return false;
        }
    }

    // Those that have not begun are forgotten; false if one still runs at `deadline`. [one thread]
    bool stop(Nanoseconds deadline) noexcept;

  private:
    void add(std::function<void()> job);
    void run() noexcept;

    const std::string name_; // constant after construction
    Mutex mutex_;
    std::deque<std::function<void()>> waiting_ GATEHOUSE_GUARDED_BY(mutex_);
    bool runs_ GATEHOUSE_GUARDED_BY(mutex_) = false; // the thread takes another job if there is one
    bool ended_ GATEHOUSE_GUARDED_BY(mutex_) = false;
    Thread thread_; // of who holds mutex_, and of stop()
};

} // namespace gatehouse::host
