// Where the parts of an installed Gatehouse are. The way to them begins at the program that runs, so that an installation can
// be moved as a whole.
#pragma once

#include <filesystem>

namespace gatehouse::host {

// The folder of the bundled plugins. A program in a build tree has none there.
std::filesystem::path installed_plugins();

// The folder of what `gatehouse plugin new` copies.
std::filesystem::path plugin_templates();

} // namespace gatehouse::host
