// Changes of a map's text that leave its other lines and its comments as they are. `text`: what `map` was made of. [any]
#pragma once

#include "net/name_map.hpp"

#include <string>
#include <string_view>

namespace gatehouse::host {

// With this value for the name, which is in the normal form: in the line that it has, or else in a new one at the end.
std::string with_name(const std::string& text, const NameMap& map, std::string_view name, std::string_view value);

// Without the name's line, if it has one.
std::string without_name(const std::string& text, const NameMap& map, std::string_view name);

} // namespace gatehouse::host
