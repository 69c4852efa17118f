// Reads the keys of a [[listeners]] section for the stages before serve(): proxy_protocol, detect, on_silence and the routes.
#pragma once

#include "config/config.hpp"
#include "config/table.hpp"

namespace gatehouse::host {

// Reads them into `listener`, whose own `plugin` and `tls` have been read, and reports routes that are in each other's way.
void read_before_serving(ConfigTable& table, ListenerConfig& listener);

} // namespace gatehouse::host
