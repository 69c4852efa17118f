// `gatehouse config show`: the configuration that runs, and the orders that hold beside it.
#pragma once

#include "host_commands.hpp"

namespace gatehouse::host {

HostCommand config_show_command(const AllGenerations& generations);

} // namespace gatehouse::host
