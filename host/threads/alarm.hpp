// The one timer of the host. A part with something to do later asks to be called by a time; the main thread sleeps until the
// earliest of those and then calls all parts. An idle host therefore never wakes up.
#pragma once

#include "base/clock.hpp"
#include "base/descriptor.hpp"
#include "base/mutex.hpp"

#include <atomic>

namespace gatehouse::host {

class Alarm {
  public:
    Alarm(); // throws std::system_error

    // Makes sure that the descriptor becomes readable at `when` or earlier. Cheap if something earlier is set already. [any]
    void wake_by(Nanoseconds when) noexcept {
        if (when < next_.load(std::memory_order_relaxed)) set(when);
    }

    // Takes note that the alarm has gone off: everything asked for so far is forgotten. Returns when it was to go off, or when
    // that was asked for if that is later; `never`: nobody has asked. [main]
    Nanoseconds acknowledge() noexcept;

    int descriptor() const noexcept { return timer_.get(); }

  private:
    void set(Nanoseconds when) noexcept;

    const Descriptor timer_; // constant after construction
    Mutex mutex_;
    std::atomic<Nanoseconds> next_{never};                 // written under mutex_
    Nanoseconds due_ GATEHOUSE_GUARDED_BY(mutex_) = never; // see acknowledge()
};

} // namespace gatehouse::host
