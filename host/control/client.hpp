// The other end of the control socket: `gatehouse control`.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace gatehouse::host {

// Asks the host that listens at `socket`, within some seconds; control_message.hpp says what goes and comes. Throws
// std::runtime_error if there is none, or it does not answer, with what to do.
std::vector<std::string> ask_host(const std::filesystem::path& socket, const std::vector<std::string>& question);

} // namespace gatehouse::host
