// The probe process: this program again, which loads a library and may crash in one of its constructors without harm.
#pragma once

#include "plugin/entry_point.hpp"

#include <filesystem>

namespace gatehouse::host {

// Loads `file` in a process of its own, within 10 s, and returns what it says of itself; throws PluginError. [main]
PluginFacts probe_plugin(const std::filesystem::path& file);

// What that process does: loads `file` and ends the process. Status 0: the facts are on standard output, a line each. Status
// 1: the problem is on standard error.
[[noreturn]] void run_plugin_probe(const std::filesystem::path& file);

} // namespace gatehouse::host
