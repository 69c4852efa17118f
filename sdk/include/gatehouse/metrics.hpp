// What a plugin counts and measures for its operator: gatehouse.metrics/1 for C++. See ext/metrics.h.
//
//     explicit Shop(gatehouse::Init& init)
//         : sold_(init, "sold", "things that were sold", {.labels = {"colour"}}), red_(sold_.with({"red"})),
//           open_(gatehouse::Metric<gatehouse::Gauge>(init, "carts", "carts that are not paid").with()) {}
//     ...
//     red_.add();
//
// A plugin without metrics works as one with them: on a host that does not have them nothing is counted.
#ifndef GATEHOUSE_METRICS_HPP
#define GATEHOUSE_METRICS_HPP

#include "init.hpp"
#include "status.hpp"

#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse {

namespace detail {

// A handle on one value; it may be copied, and is valid as long as the plugin. One that counts nothing is possible: by default,
// and where the host has refused the child.
class MetricChild {
  public:
    MetricChild() noexcept = default;
    MetricChild(const gatehouse_metrics_v1* table, gatehouse_metric_child* child) noexcept : table_(table), child_(child) {}

  protected:
    const gatehouse_metrics_v1* table_ = nullptr;
    gatehouse_metric_child* child_ = nullptr; // null: counts nothing
};

} // namespace detail

// How often something has happened. [any]
class Counter : public detail::MetricChild {
  public:
    static constexpr gatehouse_metric_kind kind = GATEHOUSE_METRIC_COUNTER;
    using MetricChild::MetricChild;

    void add(std::int64_t amount = 1) const noexcept { // amount >= 0
        if (child_ != nullptr) table_->add(child_, amount);
    }
};

// How much there is at the moment. [any]
class Gauge : public detail::MetricChild {
  public:
    static constexpr gatehouse_metric_kind kind = GATEHOUSE_METRIC_GAUGE;
    using MetricChild::MetricChild;

    void add(std::int64_t amount = 1) const noexcept {
        if (child_ != nullptr) table_->add(child_, amount);
    }
    void set(std::int64_t value) const noexcept {
        if (child_ != nullptr) table_->set(child_, value);
    }
};

// How often each range of values was observed. [any]
class Histogram : public detail::MetricChild {
  public:
    static constexpr gatehouse_metric_kind kind = GATEHOUSE_METRIC_HISTOGRAM;
    using MetricChild::MetricChild;

    void observe(std::int64_t value) const noexcept {
        if (child_ != nullptr) table_->observe(child_, value);
    }
};

struct MetricOptions {
    // NOLINTBEGIN(readability-redundant-member-init): without {}, g++ warns of callers that leave it out
    std::string_view unit{}; // "bytes", "milliseconds"; empty: it counts things
    std::vector<std::string_view> labels{};
    std::vector<std::int64_t> bounds{}; // of a histogram
    // NOLINTEND(readability-redundant-member-init)
};

// A metric, and its children by their label values. `Child` is one of the three above.
template <class Child>
class Metric {
  public:
    // For the constructor of the plugin only. Throws std::runtime_error if the host refuses it. [create]
    Metric(const Init& init, std::string_view name, std::string_view help, const MetricOptions& options = {})
        : table_(init.host().metrics) {
        if (table_ == nullptr) return;
        const std::vector<gatehouse_str> labels = texts(options.labels);
        gatehouse_metric_request request{};
        request.size = sizeof request;
        request.kind = Child::kind;
        request.name = detail::str(name);
        request.help = detail::str(help);
        request.unit = detail::str(options.unit);
        request.labels = labels.data();
        request.label_count = labels.size();
        request.bounds = options.bounds.data();
        request.bound_count = options.bounds.size();
        const gatehouse_status status = table_->add_metric(init.host().instance, &request, &metric_);
        if (status != GATEHOUSE_OK)
            throw std::runtime_error("cannot register the metric " + std::string(name) + " (status " + std::to_string(status) +
                                     ")");
    }

    // The child with these values of the labels, in their order. Takes a lock and may allocate, so keep what is used often. One
    // that the host refuses, since there are too many, counts nothing. [any]
    Child with(std::initializer_list<std::string_view> values = {}) const {
        gatehouse_metric_child* child = nullptr;
        const std::vector<gatehouse_str> list = texts(values);
        if (table_ != nullptr && table_->child(metric_, list.data(), list.size(), &child) != GATEHOUSE_OK) child = nullptr;
        return Child(table_, child);
    }

  private:
    static std::vector<gatehouse_str> texts(const auto& views) {
        std::vector<gatehouse_str> list;
        for (const std::string_view view : views) list.push_back(detail::str(view));
        return list;
    }

    const gatehouse_metrics_v1* table_;
    gatehouse_metric* metric_ = nullptr;
};

} // namespace gatehouse

#endif
