// The relay engine: moves bytes between a client and an upstream in both directions, without a thread for each pair.
//
// A few threads have an epoll set each; a pair belongs to one of them from start to end. What is read is passed on at once,
// copied or spliced (RelayMover); only what the other side does not take is kept, at most 64 KiB copied or 256 KiB in a pipe
// for each direction, and until that is gone nothing more is read: that is the back-pressure. An idle pair therefore costs its
// two sockets and the size of a RelayPair. Half-closes are passed on. When one side is reset or cut short, the other gets what
// had arrived, and then a reset. A relay that is cut (idle, lifetime, drain, cut()) resets both at once. So a cut stream never
// looks like a whole one.
#pragma once

#include "base/clock.hpp"
#include "base/reason.hpp"
#include "base/scheduling.hpp"
#include "connection/connection.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace gatehouse::host {

class RelayThread;

class RelayEngine {
  public:
    // Gives a client back when both directions have ended, and says why. [relay]
    using Ended = std::function<void(Connection& client, Reason reason)>;

    // Starts the threads; throws std::system_error. [main]
    RelayEngine(unsigned threads, Scheduling scheduling, Ended ended);
    ~RelayEngine(); // stop() without a deadline

    // Takes over the client together with its upstream, client.life.serving.upstream, until both directions have ended. It ends
    // them when nothing has moved for as long as the client's `idle`. False: no memory; the client still belongs to the caller,
    // what has been passed on is counted, and both will be reset. [conn]
    bool start(Connection& client) noexcept;

    // Some relayed connections have got an order: the threads end those relays, all of them in one sweep each. [any]
    void look_at_orders() noexcept;

    // A drain that relayed connections hear has started: the threads look at them once more when its deadline has come. [main]
    void begin_drain(Nanoseconds deadline) noexcept;

    // Ends all that is left and joins the threads; false if one is still in a plugin's code at `deadline`. [main]
    bool stop(Nanoseconds deadline) noexcept;

    // How many pairs there are. [any]
    std::uint32_t active() const noexcept;
    // Bytes that were taken from either side so far: copied ones and spliced ones. [any]
    struct Moved {
        std::uint64_t copied = 0;
        std::uint64_t spliced = 0;
    };
    Moved moved() const noexcept;
    // What the threads have computed for so far. [any]
    Nanoseconds cpu_time() const noexcept;

  private:
    const Ended ended_; // constant after construction, as is the next
    std::vector<std::unique_ptr<RelayThread>> threads_;
};

} // namespace gatehouse::host
