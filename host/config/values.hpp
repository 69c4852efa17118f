// Values that several sections have.
#pragma once

#include "config/table.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace gatehouse::host {

// The rule for the names of listeners, plugin instances and TLS sections: they appear in logs, metrics and commands.
inline constexpr std::string_view a_name = "1 to 64 letters, digits, '-' or '_'";
bool is_name(std::string_view text) noexcept;

// Records a problem if the key of a section, as in [plugins.KEY], is not a name.
void check_section_name(ConfigTable& sections, const std::string& name);

// The name under `key`. "" if it is absent or no name: a problem, `expected` says what is missing.
std::string read_name(ConfigTable& table, std::string_view key, std::string_view expected);

// A string that goes to the system as a path or a name: not empty, no control characters. False: absent or bad.
bool read_text(ConfigTable& table, std::string_view key, std::string_view& value);

// Such a string as a path. False and `path` untouched: absent or bad.
bool read_path(ConfigTable& table, std::string_view key, std::filesystem::path& path);

} // namespace gatehouse::host
