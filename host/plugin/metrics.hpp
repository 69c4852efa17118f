// What one plugin instance counts: the host's side of the extension gatehouse.metrics/1.
#pragma once

#include "base/cell_table.hpp"
#include "base/mutex.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <gatehouse/ext/metrics.h>
#include <list>
#include <map>
#include <string>
#include <string_view>
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
    const gatehouse_metric_kind kind; // constant after construction, as are the next six
    const std::string name;
    const std::string help;
    const std::string unit;
    const std::vector<std::string> labels;
    const std::vector<std::int64_t> bounds;
    std::atomic<std::uint64_t>& refused; // the instance's

    // NOLINTBEGIN(*-redundant-member-init): g++ warns
    mutable gatehouse::host::Mutex mutex{};
    std::map<std::vector<std::string>, gatehouse_metric_child> children GATEHOUSE_GUARDED_BY(mutex){}; // by label values
    // NOLINTEND(*-redundant-member-init)
};

namespace gatehouse::host {

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
    // Registers it; null: there are too many. Throws std::bad_alloc. [main]
    gatehouse_metric* add(const gatehouse_metric_request& request);

    // The child with these label values, of which there are as many as labels. Null: there are too many, or a value is too
    // long. Throws std::bad_alloc. [any]
    static gatehouse_metric_child* child(gatehouse_metric& metric, const gatehouse_str* values);

    // The names of the columns of a table of metrics, and for each child a row of as many cells, in the order of names; the
    // last row is what was refused. `instance`: the first cell. [main]
    static const std::vector<Column>& columns();
    void append_rows(const std::string& instance, std::vector<Cell>& cells) const;

  private:
    std::list<gatehouse_metric> metrics_; // [main]; each metric's own lock guards its children
    std::atomic<std::uint64_t> refused_{0};
};

} // namespace gatehouse::host
