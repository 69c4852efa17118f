// Outbound connections: connecting, and the handshake of TLS. Both wait, and hear their deadline and the drain's. [conn]
#pragma once

#include "base/clock.hpp"
#include "base/descriptor.hpp"
#include "base/keepalive.hpp"
#include "net/address.hpp"
#include "threads/drain.hpp"
#include "tls/session.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace gatehouse::host {

// What has come of a connect() that went on by itself, now that the socket has an event: 0 or an errno. A server that has
// spoken and then reset the connection was connected: what it has said is still to be read, and the reset behind it.
int connect_outcome(int fd) noexcept;

// A non-blocking socket, connected to this address. 0 or an errno; ETIMEDOUT also if the drain's deadline has come.
int connect_to(const SocketAddress& address, const Keepalive& keepalive, Nanoseconds deadline, const Drain& drain,
               Descriptor& socket) noexcept;

enum class Handshake : std::uint8_t { done, reset, timeout, failed, no_memory };

// Goes on with the handshake and does not wait. Nothing: call it again when the socket can be written to, if the session
// wants_write(), or else be read from. `why` as below.
std::optional<Handshake> try_handshake(TlsSession& session, std::string_view& why) noexcept;

// Does the handshake, in which the server is verified. On failure `why` says why; its text is the session's or constant.
Handshake shake_hands(TlsSession& session, int fd, Nanoseconds deadline, const Drain& drain, std::string_view& why) noexcept;

} // namespace gatehouse::host
