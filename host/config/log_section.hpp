// The [log] section of the configuration.
#pragma once

#include "config/config.hpp"
#include "config/table.hpp"

#include <vector>

namespace gatehouse::host {

// `files`: see Config::log_files.
LogConfig read_log(ConfigTable table, std::vector<Place>& files);

} // namespace gatehouse::host
