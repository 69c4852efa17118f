// The way down, of the host or of one listener alone: from start() on, reads that would wait say GATEHOUSE_STOPPING once, and
// after the drain timeout nothing waits any more.
#pragma once

#include "base/bell.hpp"
#include "base/clock.hpp"

#include <algorithm>
#include <atomic>
#include <optional>

namespace gatehouse::host {

class Drain {
  public:
    Drain() : bell_(std::in_place) {} // throws std::system_error
    // Of a listener alone: it has started if the one above has. It has no bell of its own, so who starts it also rings for the
    // threads that wait, by OwnDrain::ring(). `above` outlives it.
    explicit Drain(const Drain& above) noexcept : above_(&above) {}

    // [main] `deadline`: when connections that have not finished are cut off. Another one may follow; `never`: it goes on.
    void start(Nanoseconds deadline) noexcept;

    // [any]
    bool started() const noexcept { return deadline() != never; }
    Nanoseconds deadline() const noexcept {
        const Nanoseconds own = deadline_.load();
        return above_ != nullptr ? std::min(own, above_->deadline()) : own;
    }

    // Readable for ever once the drain, or the one above, has started with its bell; to be polled beside a socket.
    int descriptor() const noexcept { return bell_ ? bell_->descriptor() : above_->descriptor(); }

  private:
    const std::optional<Bell> bell_; // constant after construction, as is the next
    const Drain* const above_ = nullptr;
    std::atomic<Nanoseconds> deadline_{never};
};

} // namespace gatehouse::host
