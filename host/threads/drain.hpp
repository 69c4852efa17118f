// The host's way down: from start() on, reads that would wait say GATEHOUSE_STOPPING once, and after the drain timeout nothing
// waits any more.
#pragma once

#include "base/clock.hpp"
#include "base/descriptor.hpp"

#include <atomic>

namespace gatehouse::host {

class Drain {
  public:
    Drain(); // throws std::system_error

    // [main] `deadline`: when connections that have not finished are cut off.
    void start(Nanoseconds deadline) noexcept;

    // [any]
    bool started() const noexcept { return deadline_.load(std::memory_order_acquire) != never; }
    Nanoseconds deadline() const noexcept { return deadline_.load(std::memory_order_acquire); }

    // Readable for ever once the drain has started; to be polled beside a socket.
    int descriptor() const noexcept { return event_.get(); }

  private:
    const Descriptor event_; // constant after construction
    std::atomic<Nanoseconds> deadline_{never};
};

} // namespace gatehouse::host
