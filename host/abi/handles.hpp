// Finds the host's objects behind the handles that plugins hold. For the files of abi/ only.
#pragma once

#include "connection/connection.hpp"
#include "connection/upstream.hpp"
#include "plugin/facilities.hpp"
#include "plugin/instance.hpp"
#include "plugin/text.hpp"

#include <gatehouse/gatehouse.h>
#include <string>
#include <string_view>

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

// Those of the instance that serves the connection. [conn]
const Facilities& facilities_of(const Connection& client) noexcept;

// The name of the listener that the connection came by. [conn]
const std::string& listener_of(const Connection& client) noexcept;

// Whether the instance calls this before start(), when it may ask for its configuration only. Records it if so. [any]
bool too_early(gatehouse_instance& instance, std::string_view function) noexcept;

// Records why a call of the instance fails, as its error text and in the log. For calls that may come from any thread, where
// no hook may be about to return that text. [any]
void refuse(gatehouse_instance& instance, std::string_view why) noexcept;

} // namespace gatehouse::host
