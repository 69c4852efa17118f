// What `gatehouse check --json` prints.
#pragma once

#include "config/config.hpp"
#include "config/problems.hpp"

#include <filesystem>
#include <span>
#include <string>

namespace gatehouse::host {

// One JSON document: `ok`, `file`, the numbers of `listeners` and `plugins` (null if the file was refused, as `config` is
// then), and the list `problems` with file, line, column, key, message, expected and suggestion. What a problem does not have
// is null.
std::string check_report(const std::filesystem::path& file, const Config* config, std::span<const ConfigProblem> problems);

} // namespace gatehouse::host
