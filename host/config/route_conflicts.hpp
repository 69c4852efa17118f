// Routes of a listener that are in each other's way, as far as the configuration alone tells.
#pragma once

#include "config/config.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

struct RouteConflict {
    std::size_t route;    // its index
    std::string_view key; // a literal; empty: the route as a whole
    std::string what;
};

// Routes that never match: their conditions exclude each other, or earlier routes take everything that they would. And routes
// that end TLS although no plugin could take the decrypted stream. Routes without a condition count for nothing.
std::vector<RouteConflict> route_conflicts(const ListenerConfig& listener);

} // namespace gatehouse::host
