// The fake host's side of gatehouse.metrics/1.
#ifndef GATEHOUSE_TESTING_METRICS_HPP
#define GATEHOUSE_TESTING_METRICS_HPP

#include "../ext/metrics.h"
#include "host.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::kit {

// What a metric has counted for one set of label values.
struct MetricRecord {
    std::int64_t value = 0;            // of a histogram: how many values were observed
    std::int64_t sum = 0;              // of a histogram
    std::vector<std::uint64_t> ranges; // of a histogram: how many for each bound, and above all of them
};

namespace detail {

struct FakeMetric;

// The plugin knows it as a gatehouse_metric_child*.
struct FakeMetricChild {
    const FakeMetric* metric;
    MetricRecord record; // guarded by Host::mutex
};

// The plugin knows it as a gatehouse_metric*.
struct FakeMetric {
    Host* host;
    gatehouse_metric_kind kind;
    std::string name;
    std::size_t labels;
    std::vector<std::int64_t> bounds;
    std::map<std::vector<std::string>, FakeMetricChild> children; // guarded by Host::mutex
};

// A name of a metric, a label or a unit.
inline bool is_metric_name(std::string_view text) {
    return !text.empty() && text.size() <= 64 && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == text.npos &&
           (text[0] < '0' || text[0] > '9');
}

inline bool is_good(const gatehouse_metric_request& request) {
    const std::span labels(request.labels, request.label_count);
    const std::span bounds(request.bounds, request.bound_count);
    const bool histogram = request.kind == GATEHOUSE_METRIC_HISTOGRAM;
    const auto good_label = [&](gatehouse_str label) {
        const auto same = [&](gatehouse_str other) { return view(other) == view(label); };
        return is_metric_name(view(label)) && view(label) != "le" && view(label) != "instance" &&
               std::ranges::count_if(labels, same) == 1;
    };
    return request.size >= sizeof request && is_metric_name(view(request.name)) &&
           !view(request.name).starts_with("gatehouse_") && request.kind >= GATEHOUSE_METRIC_COUNTER &&
           request.kind <= GATEHOUSE_METRIC_HISTOGRAM && request.help.size >= 1 && request.help.size <= 256 &&
           (request.unit.size == 0 || is_metric_name(view(request.unit))) && labels.size() <= 8 &&
           std::ranges::all_of(labels, good_label) && bounds.size() <= 32 && histogram == !bounds.empty() &&
           std::ranges::adjacent_find(bounds, std::greater_equal<>()) == bounds.end();
}

inline gatehouse_status add_metric(gatehouse_instance* instance, const gatehouse_metric_request* request,
                                   gatehouse_metric** metric) noexcept {
    Host* host = host_of(instance);
    const std::string name(view(request->name));
    const std::lock_guard lock(host->mutex);
    const bool twice = std::ranges::any_of(host->metrics, [&](const auto& other) { return other->name == name; });
    const char* const why = !host->creating      ? "after create()"
                            : twice              ? "it is registered already"
                            : !is_good(*request) ? "the request breaks a rule of ext/metrics.h"
                                                 : nullptr;
    if (why != nullptr) {
        host->violations.push_back("metric \"" + name + "\": " + why);
        return GATEHOUSE_INVALID;
    }
    if (host->metrics.size() == 64) return GATEHOUSE_EXHAUSTED;
    const std::span bounds(request->bounds, request->bound_count);
    host->metrics.push_back(std::make_shared<FakeMetric>(
        FakeMetric{host, request->kind, name, request->label_count, {bounds.begin(), bounds.end()}, {}}));
    *metric = reinterpret_cast<gatehouse_metric*>(host->metrics.back().get());
    return GATEHOUSE_OK;
}

inline gatehouse_status metric_child(gatehouse_metric* handle, const gatehouse_str* values, size_t count,
                                     gatehouse_metric_child** child) noexcept {
    auto& metric = *reinterpret_cast<FakeMetric*>(handle);
    const std::lock_guard lock(metric.host->mutex);
    if (count != metric.labels) {
        metric.host->violations.push_back("child() of metric \"" + metric.name + "\": another number of values than of labels");
        return GATEHOUSE_INVALID;
    }
    std::vector<std::string> key;
    for (const gatehouse_str& value : std::span(values, count)) key.emplace_back(view(value));
    const bool too_long = std::ranges::any_of(key, [](const std::string& value) { return value.size() > 128; });
    const bool there = metric.children.contains(key);
    if (too_long || (!there && metric.children.size() == 256)) return GATEHOUSE_EXHAUSTED;
    MetricRecord record;
    if (metric.kind == GATEHOUSE_METRIC_HISTOGRAM) record.ranges.resize(metric.bounds.size() + 1);
    const auto found = metric.children.try_emplace(std::move(key), FakeMetricChild{&metric, std::move(record)}).first;
    *child = reinterpret_cast<gatehouse_metric_child*>(&found->second);
    return GATEHOUSE_OK;
}

// Counts if that is possible with this kind of metric.
inline gatehouse_status count_metric(gatehouse_metric_child* handle, const char* function, auto possible, auto count) noexcept {
    if (handle == nullptr) return GATEHOUSE_INVALID;
    auto& child = *reinterpret_cast<FakeMetricChild*>(handle);
    const std::lock_guard lock(child.metric->host->mutex);
    if (!possible(child.metric->kind)) {
        child.metric->host->violations.push_back(std::string(function) + " for metric \"" + child.metric->name +
                                                 "\": not with this kind, or a counter would become less");
        return GATEHOUSE_INVALID;
    }
    count(child);
    return GATEHOUSE_OK;
}

inline gatehouse_status add_to_metric(gatehouse_metric_child* child, int64_t amount) noexcept {
    return count_metric(
        child, "add()",
        [&](gatehouse_metric_kind kind) {
            return kind == GATEHOUSE_METRIC_GAUGE || (kind == GATEHOUSE_METRIC_COUNTER && amount >= 0);
        },
        [&](FakeMetricChild& counted) { counted.record.value += amount; });
}

inline gatehouse_status set_metric(gatehouse_metric_child* child, int64_t value) noexcept {
    return count_metric(
        child, "set()", [](gatehouse_metric_kind kind) { return kind == GATEHOUSE_METRIC_GAUGE; },
        [&](FakeMetricChild& counted) { counted.record.value = value; });
}

inline gatehouse_status observe_metric(gatehouse_metric_child* child, int64_t value) noexcept {
    return count_metric(
        child, "observe()", [](gatehouse_metric_kind kind) { return kind == GATEHOUSE_METRIC_HISTOGRAM; },
        [&](FakeMetricChild& counted) {
            const auto range = std::ranges::lower_bound(counted.metric->bounds, value) - counted.metric->bounds.begin();
            ++counted.record.ranges[static_cast<std::size_t>(range)];
            ++counted.record.value;
            counted.record.sum += value;
        });
}

// Throws std::logic_error if the plugin has not registered it.
inline MetricRecord metric_record(Host& host, std::string_view name, const std::vector<std::string>& labels) {
    const std::lock_guard lock(host.mutex);
    const auto found = std::ranges::find_if(host.metrics, [&](const auto& metric) { return metric->name == name; });
    if (found == host.metrics.end()) throw std::logic_error("there is no metric " + std::string(name));
    const auto child = (*found)->children.find(labels);
    return child == (*found)->children.end() ? MetricRecord() : child->second.record;
}

} // namespace detail
} // namespace gatehouse::kit

#endif
