// The [[listeners]] sections of the configuration.
#pragma once

#include "config/config.hpp"
#include "config/table.hpp"

#include <vector>

namespace gatehouse::host {

// `root`: the whole file. A bad value keeps its default: an empty name or plugin, an empty address.
std::vector<ListenerConfig> read_listeners(ConfigTable& root, bool may_be_none);

} // namespace gatehouse::host
