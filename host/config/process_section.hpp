// The [process] section of the configuration.
#pragma once

#include "config/config.hpp"
#include "config/table.hpp"

#include <cstdint>
#include <string>

namespace gatehouse::host {

// What the section says. Problems are recorded, unknown keys left to the caller. Whether there is such a user is asked at the
// start, not here.
ProcessConfig read_process(ConfigTable& table, const ConfigProblems& problems);

// "CAP_CHOWN, CAP_KILL"; "none" if no bit is set.
std::string capability_names(std::uint64_t capabilities);

} // namespace gatehouse::host
