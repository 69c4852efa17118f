// Whose fault a failed connect() is. What the server or the path to it causes counts against the server; what this host lacks
// never does.
#pragma once

#include "base/reason.hpp"
#include "net/address.hpp"

#include <gatehouse/gatehouse.h>
#include <optional>

namespace gatehouse::host {

struct ConnectFailure {
    gatehouse_status status; // for the plugin: GATEHOUSE_EXHAUSTED if, and only if, this host lacks something
    const char* why;         // in words; constant
    Cause cause;
    std::optional<Reason> lacking = std::nullopt;
};

// `error` is the errno of connecting to this address: of socket(), connect(), a wait, or SO_ERROR. [any]
ConnectFailure connect_failure(int error, const SocketAddress& address) noexcept;

} // namespace gatehouse::host
