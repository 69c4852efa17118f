// The relay engine: moves bytes between a client and an upstream in both directions, without a thread for each pair.
//
// A few threads have an epoll set each; a pair belongs to one of them from start to end. What is read is passed on at once,
// copied or spliced (RelayMover); only what the other side does not take is kept, at most 64 KiB copied or 256 KiB in a pipe
// for each direction, and until that is gone nothing more is read: that is the back-pressure. An idle pair therefore costs its
// two sockets and the size of a RelayPair. Half-closes are passed on. A reset on one side resets the other, and a relay that is
// cut (idle, lifetime, drain, cut()) resets both, so that a cut stream never looks like a whole one.
#pragma once

#include "base/clock.hpp"
#include "base/scheduling.hpp"
#include "connection/connection.hpp"
#include "threads/drain.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace gatehouse::host {

class RelayThread;

class RelayEngine {
  public:
    // Starts the threads; throws std::system_error. [main]
    RelayEngine(unsigned threads, Scheduling scheduling, const Drain& drain);
    ~RelayEngine(); // after stop()

    // Takes over the client together with its upstream, client.relay_to; Service::relay_ended() gives them back when both
    // directions have ended. False: no memory; the client still belongs to the caller. [conn]
    bool start(Connection& client, Nanoseconds idle) noexcept;

    // Some relayed connections have got Connection::cut: the threads end those relays, all of them in one sweep each. [any]
    void cut() noexcept;

    // The drain has started: wakes the threads so that they learn its deadline. [main]
    void begin_drain() noexcept;

    // Ends all that is left and joins the threads. [main]
    void stop() noexcept;

    // How many pairs there are. [any]
    std::uint32_t active() const noexcept;

  private:
    std::vector<std::unique_ptr<RelayThread>> threads_; // constant after construction
};

} // namespace gatehouse::host
