// What `gatehouse run` prints when it is ready.
#pragma once

#include "serving/service.hpp"

#include <memory>
#include <string>
#include <vector>

namespace gatehouse::host {

// A row for each listener, with a command to try it. [main]
std::string listener_table(const std::vector<std::unique_ptr<Service>>& services);

} // namespace gatehouse::host
