// Whether the process may open as many descriptors as a listener promises to clients.
#pragma once

#include "config/config.hpp"

#include <vector>

namespace gatehouse::host {

class Log;

// Each connection needs one descriptor at least, and a relayed one two. [main]
void warn_of_descriptors(const std::vector<ListenerConfig>& listeners, Log& log);

} // namespace gatehouse::host
