// The commands that look at connections, and end them.
#pragma once

#include "host_commands.hpp"

namespace gatehouse::host {

HostCommand connections_command(const AllGenerations& generations);
HostCommand kill_command(const AllGenerations& generations);

} // namespace gatehouse::host
