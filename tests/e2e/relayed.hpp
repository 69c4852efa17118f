// A host whose gateway relays one connection, and who is at its two ends.
#pragma once

#include "clients.hpp"
#include "gatehouse.hpp"

#include <string>
#include <string_view>

namespace gatehouse::support {

struct Relayed {
    // `sections` and `more` are further configuration: before the gateway, and lines of its listener.
    explicit Relayed(const std::string& sections = "", std::string_view more = "", const std::string& settings = "")
        : host(sections + gateway_to(upstream.address(), settings, more)), client(host.port("gateway")),
          server(upstream.accept()) {}

    Server upstream;
    Gatehouse host;
    Client client;
    Client server; // the upstream's end
};

} // namespace gatehouse::support
