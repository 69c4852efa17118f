// What a route that looks at the server name has found out about a connection.
#pragma once

#include <string>

namespace gatehouse::host {

struct Routed {
    std::string server_name; // in the normal form
    std::string value;       // that the map of the route has for it; empty: the route has no map
    std::string rule;        // where that stands: "sites.map:4711"
};

} // namespace gatehouse::host
