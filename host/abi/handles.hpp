// From the handles that plugins hold to what they stand for.
#pragma once

#include "connection/connection.hpp"
#include "connection/upstream.hpp"

namespace gatehouse::host {

inline Stream& stream_of(gatehouse_conn* handle) noexcept { return *static_cast<Stream*>(handle); }

// The client's connection; null if the handle is an upstream's, or null.
inline Connection* client_of(gatehouse_conn* handle) noexcept {
    return handle != nullptr && handle->is_client ? static_cast<Connection*>(handle) : nullptr;
}

// The upstream; null if the handle is a client's, or null.
inline Upstream* upstream_of(gatehouse_conn* handle) noexcept {
    return handle != nullptr && !handle->is_client ? static_cast<Upstream*>(handle) : nullptr;
}

} // namespace gatehouse::host
