// The [[listeners]] section of the configuration.
#pragma once

#include "config/config.hpp"
#include "config/table.hpp"

#include <filesystem>
#include <string_view>

namespace gatehouse::host {

// What the section says; relative paths are taken from `folder`. Problems are recorded, unknown keys left to the caller, as are
// the tables in `nested`, which it appends. What is bad keeps its default: an empty name or plugin, an empty address.
ListenerConfig read_listener(ConfigTable& table, const std::filesystem::path& folder, std::vector<ConfigTable>& nested);

// The rule for the names of listeners and plugin instances: they appear in logs, metrics and commands.
inline constexpr std::string_view a_name = "1 to 64 letters, digits, '-' or '_'";
bool is_name(std::string_view text) noexcept;

// A string that goes to the system as a path or a name: not empty, no control characters. False: absent or bad.
bool read_text(ConfigTable& table, std::string_view key, std::string_view& value);

} // namespace gatehouse::host
