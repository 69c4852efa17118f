// The [host] section of the configuration.
#pragma once

#include "config/config.hpp"
#include "config/table.hpp"

namespace gatehouse::host {

HostConfig read_host(ConfigTable table);

} // namespace gatehouse::host
