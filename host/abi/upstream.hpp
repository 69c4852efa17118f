// Outbound connections for plugins: what stands behind the extension gatehouse.upstream/1.
#pragma once

#include "base/clock.hpp"
#include "connection/connection.hpp"

#include <cstdint>
#include <gatehouse/ext/upstream.h>
#include <string_view>

namespace gatehouse::host {

extern const gatehouse_upstream_v1 upstream_table;

// When a call that may take so long for this client has to be over. [conn]
Nanoseconds deadline_of(const Connection& client, std::uint64_t milliseconds) noexcept;

// The status of such a call when that time is over: GATEHOUSE_STOPPING if the client's lifetime or the drain has ended it
// early, which says nothing about the server. [conn]
gatehouse_status too_late(Connection& client) noexcept;

// The call fails for want of something that this host lacks: the log and the connection's reason say so, and the server is not
// to blame. Returns GATEHOUSE_EXHAUSTED. [conn]
gatehouse_status lacks(Connection& client, Reason lacking, std::string_view server, std::string_view error) noexcept;
gatehouse_status lacks_memory(Connection& client, std::string_view server) noexcept; // sets the error text, too

} // namespace gatehouse::host
