// Connections that rest for more than their client's bytes: upstreams that are watched, room to write, output that is left.
#pragma once

#include "connection/connection.hpp"

#include <cstdint>
#include <optional>
#include <poll.h>
#include <span>

namespace gatehouse::host {

// What a connection rests for. [owner]

// epoll has reported this of one of its streams: notes what is there now, as far as the event says so. `may_be_late`: another
// thread may have read those bytes since then, so the socket is asked.
void note_event(Connection& connection, std::uint32_t events, bool may_be_late) noexcept;

// Whether something that is watched is there, and why serve() is then called. Asks the kernel only about streams that may have
// something of which no event will tell; with `all`, about each.
std::optional<gatehouse_event> find_news(Connection& connection, bool all) noexcept;
// Nothing is there: what was found is forgotten.
void forget_news(Connection& connection) noexcept;

// Sets the entries of the upstreams in the epoll set. False: the kernel has no memory for one.
bool watch_upstreams(Connection& connection) noexcept;
// What the client's own entry is for.
Interest client_interest(const Connection& connection) noexcept;

// The same for a thread that waits in the place of the epoll set: fills `items` by what it is to poll, returns how many there
// are, and takes their entries out of the set. Nothing: there are too many.
constexpr std::size_t most_polled = most_watched + 1;
std::optional<std::size_t> poll_items(Connection& connection, std::span<pollfd, most_polled> items) noexcept;

// Whether serve() is not called now, since bytes are carried; then it hears later of `why`.
bool puts_off(Connection& connection) noexcept;

// Goes on with the attempts to reach servers; true: one is over of which the plugin has not heard.
bool step_attempts(Connection& connection) noexcept;

// Goes on with the output of the client and of its upstreams. `broken`: the client's, or that of the one it is to be relayed
// to.
Stream::Flushed flush_all(Connection& connection) noexcept;
// Whether the kernel has all that send() had left of a stream, and the plugin has not heard of that; now it does.
bool take_sent(Connection& connection) noexcept;
// Whether there is still some of it.
bool has_output(const Connection& connection) noexcept;

} // namespace gatehouse::host
