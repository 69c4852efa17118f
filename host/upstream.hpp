// Outbound connections for plugins: what stands behind the extension gatehouse.upstream/1.
#pragma once

#include <gatehouse/ext/upstream.h>

namespace gatehouse::host {

extern const gatehouse_upstream_v1 upstream_table;

// What a plugin is told of the errno of a connect() that has failed.
gatehouse_status status_of_errno(int error) noexcept;

} // namespace gatehouse::host
