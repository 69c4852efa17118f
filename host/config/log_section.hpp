// The [log] section of the configuration.
#pragma once

#include "config/config.hpp"
#include "config/table.hpp"

namespace gatehouse::host {

LogConfig read_log(ConfigTable table);

} // namespace gatehouse::host
