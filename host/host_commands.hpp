// The host's own commands, for the control socket.
#pragma once

#include "control/command.hpp"

#include <functional>
#include <string>
#include <vector>

namespace gatehouse::host {

class Generation;

// The generations that there are, the one that accepts first. They are asked for anew with each command. [main]
using AllGenerations = std::function<std::vector<Generation*>()>;

std::vector<HostCommand> host_commands(AllGenerations generations);

// Of the generation that accepts. [main]
std::vector<std::string> listener_names(const AllGenerations& generations);

} // namespace gatehouse::host
