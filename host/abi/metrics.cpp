#include "abi/metrics.hpp"

#include "abi/handles.hpp"
#include "plugin/metrics.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace gatehouse::host {
namespace {

gatehouse_status add_metric(gatehouse_instance* instance, const gatehouse_metric_request* given,
                            gatehouse_metric** metric) noexcept {
    try {
        gatehouse_metric_request request{};
        std::memcpy(&request, given, std::min<std::size_t>(given->size, sizeof request));
        const std::string why =
            instance->started.load() ? "a metric is registered after create()" : instance->metrics.problem(request);
        if (!why.empty()) {
            refuse(*instance, why);
            return GATEHOUSE_INVALID;
        }
        if (gatehouse_metric* const made = instance->metrics.add(request, instance->name, instance->facilities.named_counts)) {
            *metric = made;
            return GATEHOUSE_OK;
        }
        refuse(*instance, "an instance has at most 64 metrics");
    } catch (const std::bad_alloc&) { // the status alone says so
    }
    return GATEHOUSE_EXHAUSTED;
}

gatehouse_status child(gatehouse_metric* metric, const gatehouse_str* values, std::size_t count,
                       gatehouse_metric_child** child) noexcept {
    if (count != metric->labels.size()) return GATEHOUSE_INVALID;
    try {
        if (gatehouse_metric_child* const found = Metrics::child(*metric, values)) {
            *child = found;
            return GATEHOUSE_OK;
        }
    } catch (const std::bad_alloc&) { // the status alone says so
    }
    return GATEHOUSE_EXHAUSTED;
}

gatehouse_status add(gatehouse_metric_child* child, std::int64_t amount) noexcept {
    return child != nullptr && child->add(amount) ? GATEHOUSE_OK : GATEHOUSE_INVALID;
}

gatehouse_status set(gatehouse_metric_child* child, std::int64_t value) noexcept {
    return child != nullptr && child->set(value) ? GATEHOUSE_OK : GATEHOUSE_INVALID;
}

gatehouse_status observe(gatehouse_metric_child* child, std::int64_t value) noexcept {
    return child != nullptr && child->observe(value) ? GATEHOUSE_OK : GATEHOUSE_INVALID;
}

} // namespace

const gatehouse_metrics_v1 metrics_table{sizeof(gatehouse_metrics_v1), 0, add_metric, child, add, set, observe};

} // namespace gatehouse::host
