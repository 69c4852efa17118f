// How often the log says what clients can bring about at will: once in a while, and how often it has happened meanwhile.
#pragma once

#include "base/clock.hpp"

#include <atomic>
#include <cstdint>

namespace gatehouse::host {

class Pace {
  public:
    explicit Pace(Nanoseconds pause) noexcept : pause_(pause) {}

    // It has happened at `now`. How often it has since it was last said, this time included; 0: it is not to be said now. [any]
    std::uint64_t happened(Nanoseconds now) noexcept {
        count_.fetch_add(1);
        Nanoseconds next = next_.load();
        if (now < next || !next_.compare_exchange_strong(next, now + pause_)) return 0;
        return count_.exchange(0);
    }

  private:
    const Nanoseconds pause_;
    std::atomic<Nanoseconds> next_{0};
    std::atomic<std::uint64_t> count_{0};
};

} // namespace gatehouse::host
