// Reads the keys of a [[listeners]] section for the stages before serve(): proxy_protocol, detect, on_silence and the routes.
#pragma once

#include "config/config.hpp"
#include "config/table.hpp"

namespace gatehouse::host {

// listeners.proxy_protocol
std::optional<ProxyProtocolConfig> read_proxy_protocol(ConfigTable table);

// Reads the others into `listener`, whose own `plugin`, `tls` and `proxy_protocol` have been read, and reports routes that are
// in each other's way.
void read_before_serving(ConfigTable& table, ListenerConfig& listener);

} // namespace gatehouse::host
