// Descriptors that plugins have watched: what stands behind the extension gatehouse.poll/1.
#pragma once

#include <gatehouse/ext/poll.h>

namespace gatehouse::host {

extern const gatehouse_poll_v1 poll_table;

} // namespace gatehouse::host
