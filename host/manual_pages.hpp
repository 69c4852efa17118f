// The parts of the manual pages that are made of what the program knows. docs/gatehouse.1.in and docs/gatehouse.toml.5.in have
// the rest; the build puts them together.
#pragma once

#include "command_help.hpp"

#include <string>

namespace gatehouse::host {

// What follows "COMMANDS" in gatehouse(1).
std::string commands_page(const CommandHelp& program);

// What follows "KEYS" in gatehouse.toml(5): the keys that `gatehouse schema` has, with the meanings of docs/configuration.md.
std::string keys_page();

} // namespace gatehouse::host
