// What the instances of a name count, one after the other: a reload makes an instance anew, and its counters go on. What no
// instance has any more is forgotten.
#pragma once

#include "base/mutex.hpp"
#include "plugin/metrics.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace gatehouse::host {

// What the host counts of an instance. [any]
struct InstanceCounts {
    std::atomic<std::uint64_t> errors{0};     // serve() has reported a failure
    std::atomic<std::uint64_t> exceptions{0}; // serve() has thrown
};

class NamedCounts {
  public:
    // Of the instance of this name. Throws std::bad_alloc. [any]
    std::shared_ptr<InstanceCounts> of(const std::string& instance);

    // The metric that an instance of this name has registered before, if it is described as `made` is; else `made`. A gauge is
    // each instance's own: two of them would overwrite each other's. Throws std::bad_alloc. [any]
    std::shared_ptr<gatehouse_metric> same(const std::string& instance, std::shared_ptr<gatehouse_metric> made);

  private:
    Mutex mutex_;
    std::map<std::string, std::weak_ptr<InstanceCounts>> counts_ GATEHOUSE_GUARDED_BY(mutex_);
    // By instance and metric.
    std::map<std::pair<std::string, std::string>, std::weak_ptr<gatehouse_metric>> metrics_ GATEHOUSE_GUARDED_BY(mutex_);
};

} // namespace gatehouse::host
