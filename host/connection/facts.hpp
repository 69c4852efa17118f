// What plugins ask of a connection, as text. Few do, so it is made when one asks, and kept from then on.
#pragma once

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
    std::optional<Addresses> addresses;
    std::optional<Certificate> certificate;
};

} // namespace gatehouse::host
