// The relay engine: moves bytes between a client and an upstream in both directions, without a thread for each pair.
//
// A few threads have an epoll set each; a pair belongs to one of them from start to end. What is read is written on at once
// from one buffer that the thread has for all its pairs; only what the other side does not take is kept, in a bounded buffer of
// the pair's own, and until that is gone nothing more is read: that is the back-pressure. An idle pair therefore costs its two
// sockets and the size of this object. Half-closes are passed on; a reset on one side resets the other, so that a cut stream
// never looks like a whole one.
#pragma once

#include "alarm.hpp"
#include "clock.hpp"
#include "config.hpp"
#include "connection.hpp"
#include "drain.hpp"

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

    // Takes over both connections; Service::relay_ended() gives the client's back when both directions have ended. False: no
    // memory; both still belong to the caller. [conn]
    bool start(Connection& client, std::unique_ptr<UpstreamConnection>& upstream, Nanoseconds idle) noexcept;

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
