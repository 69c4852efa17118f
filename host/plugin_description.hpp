// What a plugin's library says of itself, and of the keys of its configuration.
#pragma once

#include "plugin/library.hpp"
#include "subcommands.hpp"

#include <string>

namespace gatehouse::host {

// Text: a line about the library, and a row for each key, those of tables by their paths. JSON: an object. Markdown: a table
// for each table of keys, the plugin's own first.
std::string describe(const PluginLibrary& library, DescriptionFormat format);

} // namespace gatehouse::host
