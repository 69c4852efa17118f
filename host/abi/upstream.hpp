// Outbound connections for plugins: what stands behind the extension gatehouse.upstream/1.
#pragma once

#include "base/clock.hpp"
#include "connection/connection.hpp"

#include <cstdint>
#include <gatehouse/ext/upstream.h>

namespace gatehouse::host {

extern const gatehouse_upstream_v1 upstream_table;

// When a call that may take so long for this client has to be over. [conn]
Nanoseconds deadline_of(const Connection& client, std::uint64_t milliseconds) noexcept;

} // namespace gatehouse::host
