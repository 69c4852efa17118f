// Outbound connections for plugins: what stands behind the extension gatehouse.upstream/1.
#pragma once

#include "base/clock.hpp"
#include "connection/connection.hpp"
#include "plugin/facilities.hpp"

#include <cstdint>
#include <gatehouse/ext/upstream.h>

namespace gatehouse::host {

extern const gatehouse_upstream_v1 upstream_table;

// Those of the instance that serves the connection. [conn]
const Facilities& facilities_of(const Connection& client) noexcept;

// When a call that may take so long for this client has to be over.
Nanoseconds deadline_of(const Connection& client, std::uint64_t milliseconds);

// What a plugin is told of the errno of a connect() that has failed.
gatehouse_status status_of_errno(int error) noexcept;

} // namespace gatehouse::host
