// The commands about maps: map.get, map.list, map.set, map.remove, map.load.
#pragma once

#include "host_commands.hpp"

namespace gatehouse::host {

std::vector<HostCommand> map_commands(const AllGenerations& generations);

} // namespace gatehouse::host
