// The cold pools: those without a thread. Their epoll sets are the entries of one outer epoll set, which the main thread
// watches. A pool that has got an event leaves the outer set and starts its first thread; a warm pool has no entry, so that the
// outer set costs its events nothing.
#pragma once

#include "base/descriptor.hpp"

namespace gatehouse::host {

class Pool;

class Standby {
  public:
    Standby(); // throws std::system_error

    // The pool has no thread from now on. An event that is there already counts, so none is missed. False: no memory for the
    // entry, see errno. [any]
    bool add(Pool& pool) noexcept;
    void remove(Pool& pool) noexcept; // [main]

    // Readable while a cold pool has an event.
    int descriptor() const noexcept { return outer_.get(); }

    // Warms up each pool that has an event. Does not wait. [main]
    void serve() noexcept;

  private:
    const Descriptor outer_; // constant after construction
};

} // namespace gatehouse::host
