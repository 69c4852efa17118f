// The client that a connection comes from.
#pragma once

#include "net/address.hpp"

#include <algorithm>
#include <cstring>
#include <netinet/in.h>
#include <string>

namespace gatehouse::host {

// A socket address in the room that IP needs. Of a unix socket it keeps the family alone: clients have no path, as a rule.
class Peer {
  public:
    Peer() noexcept = default;
    explicit Peer(const SocketAddress& address) noexcept {
        address_.common.sa_family = address.storage.ss_family;
        if (address.storage.ss_family != AF_UNIX)
            std::memcpy(&address_, &address.storage, std::min<std::size_t>(address.size, sizeof address_));
    }

    SocketAddress address() const noexcept {
        SocketAddress address;
        address.size = address_.common.sa_family == AF_INET    ? sizeof address_.v4
                       : address_.common.sa_family == AF_INET6 ? sizeof address_.v6
                                                               : sizeof(sa_family_t);
        std::memcpy(&address.storage, &address_, address.size);
        return address;
    }

  private:
    union {
        sockaddr common;
        sockaddr_in v4;
        sockaddr_in6 v6;
    } address_{};
};

// What a PROXY header has said, and which proxy has said it.
struct Proxied {
    SocketAddress transport; // the proxy's
    SocketAddress source;
    SocketAddress destination;
    std::string unique_id;
    std::string authority; // SNI, if the proxy has terminated TLS
    std::string alpn;
};

} // namespace gatehouse::host
