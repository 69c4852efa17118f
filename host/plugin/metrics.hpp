// What one plugin instance counts: the host's side of the extension gatehouse.metrics/1.
#pragma once

#include "base/cell_table.hpp"
#include "base/metric_text.hpp"
#include "base/mutex.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <gatehouse/ext/metrics.h>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The value of a metric for one set of label values. Counting is [any]; false: not with this kind, or not this number.
struct gatehouse_metric_child {
    gatehouse_metric_child(gatehouse_metric_kind its_kind, const std::vector<std::int64_t>& its_bounds)
        : kind(its_kind), bounds(its_bounds), counts(its_kind == GATEHOUSE_METRIC_HISTOGRAM ? its_bounds.size() + 1 : 0) {}

    bool add(std::int64_t amount) noexcept;
    bool set(std::int64_t to) noexcept;
    bool observe(std::int64_t seen) noexcept;

    const gatehouse_metric_kind kind; // constant after construction, as is the next one
    const std::vector<std::int64_t>& bounds;
    std::atomic<std::int64_t> value{0};             // of a histogram: the sum
    std::vector<std::atomic<std::uint64_t>> counts; // of a histogram: of each range; the last is above all bounds
};

struct gatehouse_metric {
    const gatehouse_metric_kind kind; // constant after construction, as are the next five
    const std::string name;
    const std::string help;
    const std::string unit;
    const std::vector<std::string> labels;
    const std::vector<std::int64_t> bounds;

    // Whether both are described in the same way.
    bool is_like(const gatehouse_metric& other) const noexcept {
        return kind == other.kind && unit == other.unit && labels == other.labels && bounds == other.bounds;
    }

    // NOLINTBEGIN(*-redundant-member-init): g++ warns
    std::atomic<std::uint64_t> refused{0}; // children
    mutable gatehouse::host::Mutex mutex{};
    std::map<std::vector<std::string>, gatehouse_metric_child> children GATEHOUSE_GUARDED_BY(mutex){}; // by label values
    // NOLINTEND(*-redundant-member-init)
};

namespace gatehouse::host {

class NamedCounts;

class Metrics {
  public:
    static constexpr std::size_t most = 64; // metrics
    static constexpr std::size_t most_children = 256;
    static constexpr std::size_t most_labels = 8;
    static constexpr std::size_t most_bounds = 32;
    static constexpr std::size_t longest_name = 64; // bytes, also of a unit
    static constexpr std::size_t longest_help = 256;
    static constexpr std::size_t longest_value = 128; // of a label

    // What is wrong with a metric that a plugin wants to register; "": nothing. [main]
    std::string problem(const gatehouse_metric_request& request) const;
    // Registers it; null: there are too many. `named`: has those that the instance of this name has registered before; null:
    // there are none. Throws std::bad_alloc. [main]
    gatehouse_metric* add(const gatehouse_metric_request& request, const std::string& instance, NamedCounts* named);

    // The child with these label values, of which there are as many as labels. Null: there are too many, or a value is too
    // long. Throws std::bad_alloc. [any]
    static gatehouse_metric_child* child(gatehouse_metric& metric, const gatehouse_str* values);

    // The names of the columns of a table of metrics, and for each child a row of as many cells, in the order of names; the
    // last row is what was refused. `instance`: the first cell. [main]
    static const std::vector<Column>& columns();
    void append_rows(const std::string& instance, std::vector<Cell>& cells) const;

    // For Prometheus: a metric's name there, and its values, with the label `plugin` for the instance. A time is in seconds.
    static std::string full_name(const std::string& library, const gatehouse_metric& metric);
    using OfInstances = std::vector<std::pair<std::string, std::shared_ptr<const gatehouse_metric>>>; // alike, by instance
    static void write(MetricText& text, const std::string& full_name, const OfInstances& metrics);

    const std::vector<std::shared_ptr<gatehouse_metric>>& all() const noexcept { return metrics_; } // after create(). [any]
    std::uint64_t refused() const noexcept; // metrics and children, at a limit. [any]

  private:
    std::vector<std::shared_ptr<gatehouse_metric>> metrics_; // constant after create(); each has a lock for its children
    std::atomic<std::uint64_t> refused_{0};                  // metrics
};

} // namespace gatehouse::host
