// What plugins ask of a connection, and what they say of it. Few do, so it is made when one does, and kept from then on.
#pragma once

#include "net/address.hpp"

#include <gatehouse/gatehouse.h>
#include <memory>
#include <optional>
#include <string>

namespace gatehouse::host {

struct Facts {
    struct Addresses {
        std::string peer, local, transport_peer;
    };
    struct Certificate { // the client's
        std::string subject, alternative_names;
    };
    struct SocketAddresses {
        SocketAddress peer, local;
    };
    std::optional<Addresses> addresses;
    std::unique_ptr<const SocketAddresses> socket_addresses; // larger than all the rest
    std::optional<Certificate> certificate;
    std::optional<gatehouse_credentials> credentials;
    std::string user; // as the plugin says it
};

} // namespace gatehouse::host
