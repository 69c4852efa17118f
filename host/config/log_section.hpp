// The [log] section of the configuration.
#pragma once

#include "config/config.hpp"
#include "config/table.hpp"

namespace gatehouse::host {

// `file_where`: of `file`, or else of the section.
LogConfig read_log(ConfigTable table, Place& file_where);

} // namespace gatehouse::host
