// The commands that change what runs, or show what would: plan, reload, confirm, rollback, config.history.
#pragma once

#include "control/command.hpp"

#include <vector>

namespace gatehouse::host {

class Generations;

// `generations` outlives them.
std::vector<HostCommand> reload_commands(Generations& generations);

} // namespace gatehouse::host
