// SIGTERM and SIGINT. A thread of their own waits for them, so they are heard whatever the other threads do.
//
// The first is for the main thread, which drains. But the main thread may be in the code of a plugin and never come back. So a
// moment after the second one, and when the time for the drain is over, this thread ends the process.
#pragma once

#include "base/bell.hpp"
#include "base/clock.hpp"
#include "base/descriptor.hpp"
#include "base/thread.hpp"

#include <atomic>
#include <functional>

namespace gatehouse::host {

class StopSignals {
  public:
    // How long the main thread may take to end the process, from the first signal on, and from the second one.
    struct Patience {
        Nanoseconds first;
        Nanoseconds second;
    };

    // `leave` ends the process with this status. The signals are blocked in all threads. Throws std::system_error. [main]
    using Leave = std::function<void(int status)>;
    StopSignals(Patience patience, Leave leave);
    ~StopSignals();

    // The time for the drain is another one by now. [main]
    void be_patient(Nanoseconds first) noexcept { patience_.store(first); }

    int descriptor() const noexcept { return heard_.descriptor(); } // readable when one has come
    // How many have come so far, and the first one's number. [main]
    unsigned count() const noexcept;
    int first() const noexcept { return first_.load(); }

  private:
    void run() noexcept;

    std::atomic<Nanoseconds> patience_; // with the first one
    const Nanoseconds second_patience_; // constant after construction, as are the next ones
    const Leave leave_;
    const Descriptor signals_;
    const Bell heard_;
    const Bell end_;
    std::atomic<int> first_{0};
    std::atomic<unsigned> count_{0};
    Thread thread_; // last: everything above is ready when it starts
};

} // namespace gatehouse::host
