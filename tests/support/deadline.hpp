// How long a test waits for something before it fails. Nothing is faster for a short one, and a sanitizer on a busy machine is
// slow, so there is one, and it is long.
#pragma once

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace gatehouse::support {

using Clock = std::chrono::steady_clock;

inline constexpr std::chrono::seconds patience{40};

// A deadline has passed.
struct TooLate : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A point in time by which something has to have happened.
class Deadline {
  public:
    explicit Deadline(std::chrono::milliseconds within = patience) : when_(Clock::now() + within) {}

    bool passed() const { return Clock::now() >= when_; }
    Clock::time_point when() const { return when_; }

    // For poll(): what is left in milliseconds, at least 0.
    int left() const {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(when_ - Clock::now()).count();
        return left > 0 ? static_cast<int>(left) : 0;
    }

  private:
    Clock::time_point when_;
};

// Asks until the answer is yes, for states that nobody announces. Throws after `patience`.
template <class Condition>
void eventually(std::string_view what, Condition condition) {
    for (const Deadline deadline; !condition(); std::this_thread::sleep_for(std::chrono::milliseconds(5)))
        if (deadline.passed()) throw TooLate("waited in vain for: " + std::string(what));
}

} // namespace gatehouse::support
