// Metrics as Prometheus reads them: its text format 0.0.4, or OpenMetrics 1.0. The text is handed on in pieces, so that no
// scrape is in memory as a whole.
#pragma once

#include "base/time_histogram.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace gatehouse::host {

enum class MetricFormat : std::uint8_t { text, openmetrics };
enum class MetricKind : std::uint8_t { counter, gauge, histogram };

std::string_view kind_name(MetricKind kind) noexcept;

inline constexpr std::size_t most_metric_labels = 9;

// A metric without its values.
struct MetricName {
    std::string_view name; // with "_total" if it is a counter
    MetricKind kind = MetricKind::gauge;
    std::array<std::string_view, most_metric_labels> labels{}; // the first empty one is the end
    std::string_view help;                                     // one line
};

class MetricText {
  public:
    using Sink = std::function<void(std::string_view piece)>;
    using Labels = std::span<const std::string_view>;

    // Nothing that it calls keeps a piece. The caller calls finish() at the end.
    MetricText(MetricFormat format, Sink sink) : format_(format), sink_(std::move(sink)) {}

    // The values that follow are of this metric, which the writer names with the first of them: one that has no values is left
    // out. The texts behind `metric` outlive its values. All values of a metric come in a row.
    void begin(const MetricName& metric);

    // A value, with the values of the labels in their order.
    void add(Labels values, std::uint64_t value);
    void add(Labels values, std::int64_t value);
    void add(Labels values, double value);
    void add(std::initializer_list<std::string_view> values, auto value) { add(Labels(values.begin(), values.size()), value); }

    // A histogram of times, in seconds; nothing, if it has counted nothing. `values` as above.
    void add(std::initializer_list<std::string_view> values, const TimeHistogram::Counts& counts);
    // The same of another one. `counts` has the count of each range and one more, for what is above the last bound.
    void add(Labels values, std::span<const double> bounds, std::span<const std::uint64_t> counts, double sum);

    void finish();

  private:
    void line(std::string_view suffix, Labels values, std::string_view bound, std::string_view value);
    void flush_if_full();

    const MetricFormat format_;
    const Sink sink_;
    MetricName metric_;
    bool named_ = false; // the lines before the first value are written
    std::string text_;
};

} // namespace gatehouse::host
