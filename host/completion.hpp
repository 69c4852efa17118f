// Completions for shells: scripts that know the commands and options of this program.
#pragma once

#include "command_help.hpp"

#include <string>
#include <string_view>

namespace gatehouse::host {

// `shell`: bash, fish or zsh; throws std::runtime_error for another.
std::string completion(std::string_view shell, const CommandHelp& program);

} // namespace gatehouse::host
