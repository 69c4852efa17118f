// Watched names for plugins: what stands behind the extension gatehouse.discovery/1.
#pragma once

#include <gatehouse/ext/discovery.h>

namespace gatehouse::host {

extern const gatehouse_discovery_v1 discovery_table;

} // namespace gatehouse::host
