// Health checks for plugins: what stands behind the extension gatehouse.check/1.
#pragma once

#include <gatehouse/ext/check.h>

namespace gatehouse::host {

extern const gatehouse_check_v1 health_check_table;

} // namespace gatehouse::host
