// The other end of the control socket: `gatehouse control`.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace gatehouse::host {

// Asks the host that listens at `socket`, and waits for the answer for some seconds, or as long as the host says;
// control/message.hpp says what both are. Throws std::runtime_error if no host listens or none answers, with what to do.
std::vector<std::string> ask_host(const std::filesystem::path& socket, const std::vector<std::string>& question);

} // namespace gatehouse::host
