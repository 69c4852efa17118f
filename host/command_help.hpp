// The commands of `gatehouse` as data: completions for shells and the manual page are made of it.
#pragma once

#include <string>
#include <vector>

namespace gatehouse::host {

struct CommandArgument {
    std::string name;  // "--socket", or "CONF"
    std::string value; // of an option: "PATH"; empty: a flag, or no option
    std::string meaning;
    bool required = false;
    bool many = false; // may be there more than once

    bool is_option() const noexcept { return name.starts_with('-'); }
};

struct CommandHelp {
    std::string name;
    std::string meaning;
    std::vector<CommandArgument> arguments;
    std::vector<CommandHelp> commands;
};

} // namespace gatehouse::host
