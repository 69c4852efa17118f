// What `gatehouse plugin check` finds out about create(), in a process of its own: it may crash, hang, or do what it must not.
#pragma once

#include "trial/plugin_trial.hpp"

#include <string>

namespace gatehouse::host {

// What that process does; it ends the process. Lines on standard output say what it has found:
//
//     at STEP          what comes next, for when it crashes or hangs there
//     fail WHAT        and warn, skipped and pass, as the verdicts of trial/finding.hpp
//     advice WHAT      about the line before
//     refused          the plugin cannot be created with these settings
//
// `what`: "create" makes and destroys instances, two of them at once; "effects" watches what create() does to the world;
// "keys" tries the keys of its configuration.
[[noreturn]] void run_plugin_creation(const std::string& what, const PluginTrial& trial);

} // namespace gatehouse::host
