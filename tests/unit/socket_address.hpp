// Socket addresses of clients, for tests.
#pragma once

#include "net/address.hpp"

#include <cstdint>
#include <string>

namespace gatehouse::host {

inline SocketAddress address_of(const std::string& host, std::uint16_t port = 4711) {
    Address address;
    address.host = host;
    address.port = port;
    return numeric_address(address).value();
}

} // namespace gatehouse::host
