// `gatehouse explain`: what would become of a connection.
#pragma once

#include "host_commands.hpp"

namespace gatehouse::host {

HostCommand explain_command(const AllGenerations& generations);

} // namespace gatehouse::host
