// The host's way down: from start() on, reads that would wait say GATEHOUSE_STOPPING once, and after the drain timeout nothing
// waits any more.
#pragma once

#include "base/bell.hpp"
#include "base/clock.hpp"

#include <atomic>

namespace gatehouse::host {

class Drain {
  public:
    // [main] `deadline`: when connections that have not finished are cut off.
    void start(Nanoseconds deadline) noexcept;

    // [any]
    bool started() const noexcept { return deadline_.load(std::memory_order_acquire) != never; }
    Nanoseconds deadline() const noexcept { return deadline_.load(std::memory_order_acquire); }

    // Readable for ever once the drain has started; to be polled beside a socket.
    int descriptor() const noexcept { return bell_.descriptor(); }

  private:
    const Bell bell_; // constant after construction
    std::atomic<Nanoseconds> deadline_{never};
};

} // namespace gatehouse::host
