// Outbound connections for plugins: what stands behind the extension gatehouse.upstream/1.
#pragma once

#include <gatehouse/ext/upstream.h>

namespace gatehouse::host {

extern const gatehouse_upstream_v1 upstream_table;

} // namespace gatehouse::host
