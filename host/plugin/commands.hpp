// Commands that a plugin takes from its operator while it runs: the host's side of the extension gatehouse.control/1.
#pragma once

#include "base/error_text.hpp"

#include <cstddef>
#include <cstdint>
#include <gatehouse/gatehouse.h>
#include <span>
#include <string>
#include <vector>

struct gatehouse_control_v1;

namespace gatehouse::host {

struct PluginCommand {
    std::string name;
    std::string arguments; // for people, as the summary
    std::string summary;
};

// At most so many bytes in the cells of an answer, each with 4 more for its size.
inline constexpr std::size_t most_command_answer = (4 << 20) - 1024;

struct CommandAnswer {
    std::int32_t status = 0;        // the plugin's
    std::string error;              // why it failed, for people; empty: it has succeeded
    std::size_t columns = 0;        // 0: there is no table
    std::vector<std::string> cells; // the names of the columns, then row by row
};

// Why the table of a plugin cannot be used; null: it can. [main]
const char* problem_of(const gatehouse_control_v1& control) noexcept;

// The plugin's commands; `control` may be null. [main]
std::vector<PluginCommand> list_commands(const gatehouse_control_v1* control);

// Runs the command named by the first of `words` with the others as its arguments. `instance`: the name for messages; `error`:
// where the plugin explains a failure. [main]
CommandAnswer run_command(const std::string& instance, SharedErrorText& error, const gatehouse_control_v1& control, void* self,
                          std::span<const std::string> words);

} // namespace gatehouse::host
