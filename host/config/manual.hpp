// What docs/configuration.md, the manual of the host's own keys, says of them: it is a part of the program.
#pragma once

#include "config/key.hpp"

#include <vector>

namespace gatehouse::host {

// Gives the keys their meanings, and says what holds without those that have no default. A key that the manual lacks stays as
// it is; a test sees to it that there is none.
void add_meanings(std::vector<ConfigKey>& keys);

} // namespace gatehouse::host
