// When a file that changes may be read: what editors and programs do takes several steps, so it has to be at rest for a moment.
// One that never rests is read all the same.
#pragma once

#include "base/clock.hpp"

#include <algorithm>

namespace gatehouse::host {

class Settling {
  public:
    constexpr Settling(Nanoseconds quiet, Nanoseconds at_most) noexcept : quiet_(quiet), at_most_(at_most) {}

    void changed(Nanoseconds now) noexcept {
        first_ = std::min(first_, now);
        complete_ = std::min(now + quiet_, first_ + at_most_);
    }
    void complete_by(Nanoseconds when) noexcept { complete_ = std::min(complete_, when); }
    void read() noexcept { first_ = complete_ = never; }

    Nanoseconds complete() const noexcept { return complete_; } // `never`: nothing has changed

  private:
    Nanoseconds quiet_, at_most_;
    Nanoseconds first_ = never;    // change that has not been read
    Nanoseconds complete_ = never; // when it may be
};

} // namespace gatehouse::host
