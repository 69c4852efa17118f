// The commands that give orders, which hold beside the configuration: `gatehouse deny`.
#pragma once

#include "access/denials.hpp"
#include "host_commands.hpp"

#include <string>
#include <vector>

namespace gatehouse::host {

HostCommand deny_add_command(const AllGenerations& generations);
HostCommand deny_list_command(const AllGenerations& generations);
HostCommand deny_remove_command(const AllGenerations& generations);

// For a plan, a line: "1 order holds: 192.0.2.0/24 at web is denied by ops until 2026-11-29T18:00:00.000Z, "scans"". None if
// there are none. May throw std::bad_alloc. [main]
std::vector<std::string> orders_that_hold(const Denials& denials);

} // namespace gatehouse::host
