// What plugins count, as they say it: what stands behind the extension gatehouse.metrics/1.
#pragma once

#include <gatehouse/ext/metrics.h>

namespace gatehouse::host {

extern const gatehouse_metrics_v1 metrics_table;

} // namespace gatehouse::host
