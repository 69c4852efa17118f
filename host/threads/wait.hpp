// The one place where a thread waits for descriptors while it runs for a connection: reads and writes that cannot go on, a
// connect, a handshake, a name server's answer.
#pragma once

#include "base/clock.hpp"
#include "threads/drain.hpp"
#include "threads/own_drain.hpp"

#include <cstdint>
#include <poll.h>
#include <span>

namespace gatehouse::host {

enum class Waited : std::uint8_t {
    ready,    // at least one item's revents says what has come
    timeout,  // `until`, or the end of waits, has come
    draining, // the drain has started, or the connection's own
    rung,     // another thread has called, by OwnDrain::ring(), or may have
    failed,   // the kernel cannot wait; see errno
};

// What a wait makes of a drain that starts, or has started. Its deadline ends every wait.
enum class OnDrain : std::uint8_t {
    end,   // the wait ends
    go_on, // the wait goes on
};

// What it makes of a call of another thread's that ends nothing.
enum class OnRing : std::uint8_t { end, go_on };

constexpr std::size_t most_waited_for = 40;

// When every wait of the calling thread is over: the deadline of the drain, or that of the connection which it serves. [any]
Nanoseconds end_of_waits(const Drain& drain) noexcept;

// Waits until one of `items`, at most most_waited_for, is ready; with a negative descriptor one is never. Meanwhile the pool of
// the calling thread counts it as blocked. [any]
Waited wait(std::span<pollfd> items, Nanoseconds until, const Drain& drain, OnDrain on_drain,
            OnRing on_ring = OnRing::go_on) noexcept;

// Whether an item is ready already: for a caller that often need not wait, so that the pool need not be told. [any]
bool ready_now(std::span<pollfd> items) noexcept;

} // namespace gatehouse::host
