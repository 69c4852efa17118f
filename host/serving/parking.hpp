// How a connection comes to rest in the epoll set, without a thread, and what brings it back.
#pragma once

#include "connection/connection.hpp"
#include "connection/slots.hpp"
#include "threads/alarm.hpp"

#include <atomic>
#include <cstdint>

namespace gatehouse::host {

// What became of an owner's wish to rest. Each phase decides what that means to it.
enum class Rest : std::uint8_t {
    resting,   // it rests, and may belong to another thread already: the caller must not touch it any more
    data,      // something has arrived
    woken,     // a plugin has woken it
    stopping,  // the drain has started; said once in a life
    ordered,   // there is an order that has not been obeyed
    reset,     // the client is gone; said to those that rest for Interest::reset only
    no_memory, // the kernel has none for the epoll entry
};

// How the caller treats the bytes that have arrived.
enum class Unread : std::uint8_t {
    taken, // it reads them: the host reports again those that it has left unread
    left,  // it has seen them and leaves them unread: the host reports only further ones
};

class Parking {
  public:
    explicit Parking(Alarm& alarm) noexcept : alarm_(alarm) {}

    // Rests until `wanted` is there, the connection is woken or claimed, or until `until`. [owner]
    Rest rest(Connection& connection, Interest wanted, Unread unread, Stream::Due until) noexcept;

    // Calls expired(Connection&), which then owns it, for each connection of this listener whose time is over. Returns when it
    // wants to be asked again. [main]
    template <class Expired>
    Nanoseconds sweep(ConnectionSlots& slots, const ListenerShare& share, Nanoseconds now, Expired expired) noexcept {
        if (next_sweep_.load() > now) return next_sweep_.load();
        next_sweep_.store(never); // a connection that comes to rest from here on lowers it again
        Nanoseconds earliest = never;
        slots.for_each([&](Connection& connection, std::uint64_t id) {
            if (!connection.owner.resting() || connection.listener.load(std::memory_order_relaxed) != &share) return;
            const Nanoseconds until = connection.parked_until.load(std::memory_order_relaxed);
            if (until > now)
                earliest = std::min(earliest, until);
            else if (connection.owner.claim(id, Owner::nothing) == Owner::Claim::owned)
                expired(connection);
        });
        if (earliest != never) sweep_by(std::max(earliest, now + sweep_interval));
        return next_sweep_.load();
    }

  private:
    static constexpr Nanoseconds sweep_interval = 50'000'000; // deadlines are kept this precisely

    void sweep_by(Nanoseconds when) noexcept;

    Alarm& alarm_; // constant after construction
    std::atomic<Nanoseconds> next_sweep_{never};
};

} // namespace gatehouse::host
