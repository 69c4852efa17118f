#include "base/metric_text.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr std::size_t piece = 32 << 10; // bytes
constexpr std::string_view total = "_total";

template <class... Number>
std::string number_text(Number... number) {
    std::array<char, 32> text{};
    return {text.data(), std::to_chars(text.data(), text.data() + text.size(), number...).ptr};
}

// Prometheus writes 1 for a bound, OpenMetrics 1.0.
std::string bound_text(double bound, MetricFormat format) {
    std::string text = number_text(bound, std::chars_format::general); // 0.0001, and not 1e-04
    const bool whole = text.find_first_of(".e") == std::string::npos;
    return format == MetricFormat::openmetrics && whole ? text + ".0" : text;
}

void append_escaped(std::string& to, std::string_view text, bool in_label, MetricFormat format) {
    const bool quotes = in_label || format == MetricFormat::openmetrics; // of a help text in 0.0.4 they stay
    for (const char c : text) {
        if (c == '\\' || (c == '"' && quotes)) to += '\\';
        if (c == '\n')
            to += "\\n";
        else
            to += c;
    }
}

} // namespace

std::string_view kind_name(MetricKind kind) noexcept {
    switch (kind) {
    case MetricKind::counter:
        return "counter";
    case MetricKind::gauge:
        return "gauge";
    case MetricKind::histogram:
        break;
    }
    return "histogram";
}

void MetricText::begin(const MetricName& metric) {
    metric_ = metric;
    named_ = false;
}

void MetricText::line(std::string_view suffix, Labels values, std::string_view bound, std::string_view value) {
    if (!std::exchange(named_, true)) {
        std::string_view family = metric_.name; // OpenMetrics names a counter without its "_total"
        if (format_ == MetricFormat::openmetrics && family.ends_with(total)) family.remove_suffix(total.size());
        text_.append("# HELP ").append(family).append(" ");
        append_escaped(text_, metric_.help, false, format_);
        text_.append("\n# TYPE ").append(family).append(" ").append(kind_name(metric_.kind)).append("\n");
    }
    text_.append(metric_.name).append(suffix);
    char before = '{';
    for (std::size_t i = 0; i < values.size(); ++i) {
        (text_ += std::exchange(before, ',')).append(metric_.labels[i]).append("=\"");
        append_escaped(text_, values[i], true, format_);
        text_ += '"';
    }
    if (!bound.empty()) (text_ += std::exchange(before, ',')).append("le=\"").append(bound).append("\"");
    if (before == ',') text_ += '}';
    text_.append(" ").append(value).append("\n");
    flush_if_full();
}

void MetricText::add(Labels values, std::uint64_t value) { line("", values, "", number_text(value)); }
void MetricText::add(Labels values, std::int64_t value) { line("", values, "", number_text(value)); }
void MetricText::add(Labels values, double value) { line("", values, "", number_text(value)); }

void MetricText::add(std::initializer_list<std::string_view> values, const TimeHistogram::Counts& counts) {
    std::array<double, TimeHistogram::bounds.size()> bounds{};
    for (std::size_t i = 0; i < bounds.size(); ++i) bounds[i] = static_cast<double>(TimeHistogram::bounds[i]) / 1e9;
    add(Labels(values.begin(), values.size()), bounds, counts.ranges, static_cast<double>(counts.sum) / 1e9);
}

void MetricText::add(Labels values, std::span<const double> bounds, std::span<const std::uint64_t> counts, double sum) {
    if (std::all_of(counts.begin(), counts.end(), [](std::uint64_t count) { return count == 0; })) return;
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        all += counts[i];
        line("_bucket", values, i < bounds.size() ? bound_text(bounds[i], format_) : "+Inf", number_text(all));
    }
    line("_sum", values, "", number_text(sum));
    line("_count", values, "", number_text(all));
}

void MetricText::flush_if_full() {
    if (text_.size() < piece) return;
    sink_(text_);
    text_.clear();
}

void MetricText::finish() {
    if (format_ == MetricFormat::openmetrics) text_ += "# EOF\n";
    if (!text_.empty()) sink_(text_);
    text_.clear();
}

} // namespace gatehouse::host
