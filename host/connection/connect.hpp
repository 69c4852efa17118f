// Steps of outbound connections, which do not wait: what has come of connect(), and the handshake of TLS. [owner]
#pragma once

#include "tls/session.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace gatehouse::host {

// What has come of a connect() that went on by itself, now that the socket has an event: 0 or an errno. A server that has
// spoken and then reset the connection was connected: what it has said is still to be read, and the reset behind it.
int connect_outcome(int fd) noexcept;

enum class Handshake : std::uint8_t { done, reset, timeout, failed, no_memory };

// Goes on with the handshake and does not wait. Nothing: call it again when the socket can be written to, if the session
// wants_write(), or else be read from. The server is verified in it. On failure `why` says why; its text is the session's or
// constant.
std::optional<Handshake> try_handshake(TlsSession& session, std::string_view& why) noexcept;

} // namespace gatehouse::host
