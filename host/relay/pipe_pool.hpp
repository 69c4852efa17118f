// Pipes for splice(2), which moves bytes from one socket to another without copying them through the process.
//
// A pipe is borrowed for as long as there is something in it: that is a turn of the relay thread, or longer if the side that is
// to take the bytes does not. So a thread does with one pipe for all its pairs, and with one more for each that is held up.
#pragma once

#include "base/clock.hpp"
#include "base/descriptor.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace gatehouse::host {

struct Pipe {
    Descriptor out; // to be read from
    Descriptor in;
    std::size_t held = 0; // bytes
};

// The pipes of one relay thread, and only its. [relay]
class PipePool {
  public:
    static constexpr std::size_t most_lent = 64; // two descriptors each; further directions copy
    static constexpr std::size_t most_spare = 2; // empty ones that are kept for the next

    PipePool();

    // An empty pipe; null if too many are lent, or none could be had a moment ago.
    std::unique_ptr<Pipe> take() noexcept;

    // Takes it back, empty or not.
    void give_back(std::unique_ptr<Pipe> pipe) noexcept;

  private:
    std::unique_ptr<Pipe> make() noexcept;

    std::vector<std::unique_ptr<Pipe>> spare_;
    std::size_t lent_ = 0;
    Nanoseconds not_before_ = 0; // the next attempt to make one, after one that failed
};

} // namespace gatehouse::host
