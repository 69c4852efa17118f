// The [plugins.NAME] sections of the configuration.
#pragma once

#include "config/config.hpp"
#include "config/table.hpp"

#include <string>
#include <vector>

namespace gatehouse::host {

std::vector<PluginConfig> read_plugins(ConfigTable table, const ConfigReading& reading);

// A plugin without a section, which the key at `where` names.
PluginConfig implicit_plugin(const std::string& name, const Place& where, ConfigReading& reading);

} // namespace gatehouse::host
