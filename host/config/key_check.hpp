// A table of the configuration against keys as data.
#pragma once

#include "config/key.hpp"
#include "config/table.hpp"

#include <span>

namespace gatehouse::host {

// Records what is wrong with the table by itself: values of the wrong type, out of range or not one of the words, keys that are
// missing, and keys that are not among these. [main]
void check_keys(ConfigTable& table, std::span<const ConfigKey> keys);

} // namespace gatehouse::host
