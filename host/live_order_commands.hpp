// The commands that give orders about limits and the log, and those that show and remove all orders: `gatehouse limits`, `log
// level` and `orders`.
#pragma once

#include "host_commands.hpp"

namespace gatehouse::host {

HostCommand limits_set_command(const AllGenerations& generations);
HostCommand log_level_command(const AllGenerations& generations);
HostCommand orders_command(const AllGenerations& generations);
HostCommand orders_remove_command(const AllGenerations& generations);

} // namespace gatehouse::host
