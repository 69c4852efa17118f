// Timers for plugins: what stands behind the extension gatehouse.timer/1.
#pragma once

#include <gatehouse/ext/timer.h>

namespace gatehouse::host {

extern const gatehouse_timer_v1 timer_table;

} // namespace gatehouse::host
