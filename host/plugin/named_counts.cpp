#include "plugin/named_counts.hpp"

namespace gatehouse::host {

std::shared_ptr<InstanceCounts> NamedCounts::of(const std::string& instance) {
    const MutexLock lock(mutex_);
    std::erase_if(counts_, [](const auto& entry) { return entry.second.expired(); });
    std::weak_ptr<InstanceCounts>& known = counts_[instance];
    std::shared_ptr<InstanceCounts> counts = known.lock();
    if (!counts) known = counts = std::make_shared<InstanceCounts>();
    return counts;
}

std::shared_ptr<gatehouse_metric> NamedCounts::same(const std::string& instance, std::shared_ptr<gatehouse_metric> made) {
    if (made->kind == GATEHOUSE_METRIC_GAUGE) return made;
    const MutexLock lock(mutex_);
    std::erase_if(metrics_, [](const auto& entry) { return entry.second.expired(); });
    std::weak_ptr<gatehouse_metric>& known = metrics_[{instance, made->name}];
    std::shared_ptr<gatehouse_metric> before = known.lock();
    if (before && before->is_like(*made)) return before;
    known = made;
    return made;
}

} // namespace gatehouse::host
