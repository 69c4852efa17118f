// One thread of the relay engine: its epoll set, its pairs, and when they end.
#pragma once

#include "base/bell.hpp"
#include "base/clock.hpp"
#include "base/descriptor.hpp"
#include "base/mutex.hpp"
#include "base/scheduling.hpp"
#include "base/thread.hpp"
#include "connection/connection.hpp"
#include "relay/engine.hpp"
#include "relay/mover.hpp"
#include "relay/side.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <list>
#include <optional>

namespace gatehouse::host {

struct RelayPair {
    RelaySide client;
    RelaySide server;
    Nanoseconds active = 0;              // when something moved last
    bool closed = false;                 // in RelayThread::graveyard_
    bool unwatchable = false;            // guarded by RelayThread::mutex_: the second epoll entry could not be had
    std::optional<Reason> ending;        // a side has broken: see RelayThread::part()
    std::uint32_t on_the_way = 0;        // meanwhile: bytes that the kernels of both sides have not acknowledged
    std::list<RelayPair>::iterator self; // in pairs_, or in the graveyard

    RelaySide& other(const RelaySide& side) noexcept { return &side == &client ? server : client; }
    // The client's; it owns both descriptors.
    Connection& connection() const noexcept { return static_cast<Connection&>(*client.channel); }
    // When it is over if nothing moves from now on.
    Nanoseconds idle_until() const noexcept;
};

class RelayThread {
  public:
    // `ended` outlives it. Throws std::system_error.
    RelayThread(Scheduling scheduling, const RelayEngine::Ended& ended);
    ~RelayThread() { stop(); }

    bool start(Connection& client) noexcept; // as RelayEngine's [conn]
    // Looks then, or earlier, at which pairs are over. [any]
    void sweep_by(Nanoseconds when) noexcept;
    void stop() noexcept; // tells it to end all that is left, and to leave. [main]
    bool join(Nanoseconds deadline) noexcept { return thread_.join(deadline); }               // after stop(); as Thread's
    Nanoseconds cpu_time() const noexcept { return thread_.cpu_time(); }                      // [any]
    std::uint32_t active() const noexcept { return active_.load(std::memory_order_relaxed); } // [any]
    // Bytes that were taken from either side, see RelayEngine. [any]
    std::uint64_t copied() const noexcept { return sent_first_.load(std::memory_order_relaxed) + mover_.copied(); }
    std::uint64_t spliced() const noexcept { return mover_.spliced(); }

  private:
    void run() noexcept;
    void bury() noexcept;
    bool watch(RelaySide& side, int operation, std::uint32_t events) noexcept;
    bool watch_out(RelaySide& side) noexcept;
    void send_first(RelayPair& pair) noexcept;
    void handle(RelaySide& side, std::uint32_t events) noexcept;
    void pump(RelaySide& from) noexcept;
    void shut(RelaySide& side) noexcept;
    void broke(RelaySide& side) noexcept;
    void part(RelayPair& pair) noexcept;
    void cut(RelayPair& pair, Reason reason) noexcept;
    RelayPair* first() noexcept;
    void close(RelayPair& pair, Reason reason) noexcept;
    void sweep() noexcept;
    int timeout() const noexcept;

    const Scheduling scheduling_; // constant after construction
    const RelayEngine::Ended& ended_;
    const Descriptor epoll_;
    const Bell bell_;
    std::atomic<std::uint32_t> active_{0};
    std::atomic<std::uint64_t> sent_first_{0}; // bytes, see send_first()
    std::atomic<bool> stopping_{false};
    std::atomic<Nanoseconds> next_sweep_{never};

    Mutex mutex_;
    std::list<RelayPair> pairs_ GATEHOUSE_GUARDED_BY(mutex_); // the list; a pair in it belongs to the thread

    // Of the thread alone.
    RelaySide* again_ = nullptr; // the first of those that had more to read than one turn allows, by RelaySide::next_again
    std::list<RelayPair> graveyard_;
    Nanoseconds now_ = 0;
    RelayMover mover_;

    Thread thread_; // last: everything above is ready when it starts
};

} // namespace gatehouse::host
