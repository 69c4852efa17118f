// The one table of functions that every plugin is given.
#pragma once

#include <gatehouse/gatehouse.h>

namespace gatehouse::host {

extern const gatehouse_host host_table;

} // namespace gatehouse::host
