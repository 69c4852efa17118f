// A value that one thread at a time writes, its owner, and that any thread may look at: it sees what was there a moment ago.
// Costs the owner what a plain value does.
#pragma once

#include <atomic>

namespace gatehouse::host {

template <class T>
class Observed {
  public:
    Observed() noexcept : value_(T()) {}
    explicit Observed(T value) noexcept : value_(value) {}
    Observed(const Observed& other) noexcept : value_(T(other)) {}
    Observed& operator=(const Observed& other) noexcept { return *this = T(other); }
    ~Observed() = default;

    operator T() const noexcept { return value_.load(std::memory_order_acquire); } // [any]
    Observed& operator=(T value) noexcept {                                        // [owner]
        value_.store(value, std::memory_order_release);
        return *this;
    }
    Observed& operator+=(T more) noexcept { return *this = T(*this) + more; } // [owner]

  private:
    std::atomic<T> value_;
};

} // namespace gatehouse::host
