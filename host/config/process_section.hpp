// The [process] section of the configuration.
#pragma once

#include "config/config.hpp"
#include "config/table.hpp"

namespace gatehouse::host {

// Whether there is such a user is asked when the host starts, not here.
ProcessConfig read_process(ConfigTable table);

} // namespace gatehouse::host
