// [maps.NAME]
#pragma once

#include "config/config.hpp"
#include "config/table.hpp"

#include <vector>

namespace gatehouse::host {

// The files are not read here: they change while the host runs (maps/live_maps.hpp).
std::vector<MapConfig> read_maps(ConfigTable table);

} // namespace gatehouse::host
