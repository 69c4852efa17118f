// The other end of the control socket: the subcommands that ask a running host.
#pragma once

#include "control/message.hpp"

#include <filesystem>

namespace gatehouse::host {

// Asks the host that listens at `socket`, and waits for the answer for some seconds, or as long as the host says. Throws
// std::runtime_error if no host listens or none answers, with what to do.
HostAnswer ask_host(const std::filesystem::path& socket, Question question);

// The question for a command of a plugin instance.
Question plugin_question(const std::string& instance, std::vector<std::string> words);

} // namespace gatehouse::host
