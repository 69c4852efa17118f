// A bell that one thread rings and another one waits for beside its sockets (eventfd).
#pragma once

#include "base/descriptor.hpp"

namespace gatehouse::host {

class Bell {
  public:
    Bell(); // throws std::system_error

    // Makes the descriptor readable, until acknowledge(). Further rings until then change nothing. [any]
    void ring() const noexcept;

    // Takes back all rings so far; harmless if there was none. [any]
    void acknowledge() const noexcept;

    // For poll() and epoll: readable while the bell rings. Edge-triggered, each ring is an event of its own, and
    // acknowledge() is not needed.
    int descriptor() const noexcept { return event_.get(); }

  private:
    Descriptor event_;
};

} // namespace gatehouse::host
