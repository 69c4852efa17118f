// The keys of a [[listeners]] section for what comes before serve(): proxy_protocol, detect, on_silence and the routes.
#pragma once

#include "config/config.hpp"
#include "config/table.hpp"

#include <filesystem>
#include <vector>

namespace gatehouse::host {

// Reads them into `listener` (relative paths are taken from `folder`), finds routes that are in each other's way, and appends
// the tables that it has read from to `nested`, as read_listener() does.
void read_routes(ConfigTable& table, ListenerConfig& listener, const std::filesystem::path& folder,
                 std::vector<ConfigTable>& nested);

} // namespace gatehouse::host
