// What the host tells plugins of itself: what stands behind the extension gatehouse.host/1.
#pragma once

#include <gatehouse/ext/host.h>

namespace gatehouse::host {

extern const gatehouse_host_v1 host_view_table;

} // namespace gatehouse::host
