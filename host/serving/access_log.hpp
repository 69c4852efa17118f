// One record for each connection that has ended.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/reason.hpp"
#include "config/refusal.hpp"
#include "connection/peer.hpp"

#include <cstdint>
#include <string_view>

namespace gatehouse::host {

// The facts of a connection at its end. One that was refused when it came has a peer and a reason only.
struct Closed {
    std::string_view listener;
    const SocketAddress& peer;
    Reason reason;
    const Rule* rule = nullptr; // that has refused it; null: none has
    Cause cause = Cause::none;
    std::uint64_t id = 0; // 0: it never had one
    // NOLINTBEGIN(readability-redundant-string-init): without it, g++ warns of callers that leave it out
    std::string_view plugin = "";            // empty: the listener has one plugin only
    const Proxied* proxied = nullptr;        // null: no PROXY header
    const SocketAddress* upstream = nullptr; // null: it was not relayed
    std::string_view tls = "";               // the version; empty: plain
    std::string_view user = "";              // whom the plugin has recognised
    std::string_view map_line = "";          // the line of the map that has decided where it goes: "FILE:LINE"
    // NOLINTEND(readability-redundant-string-init)
    bool tls_truncated = false; // the client has ended without a close_notify
    std::uint64_t in = 0;       // bytes, from the client
    std::uint64_t out = 0;      // to the client
    Nanoseconds duration = 0;
};

// Writes the record. [any]
void log_closed(Log& log, const Closed& closed) noexcept;

} // namespace gatehouse::host
