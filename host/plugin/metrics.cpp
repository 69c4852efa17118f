#include "plugin/metrics.hpp"

#include "base/ascii.hpp"
#include "base/printable.hpp"
#include "plugin/named_counts.hpp"
#include "plugin/text.hpp"

#include <algorithm>
#include <functional>
#include <span>
#include <utility>

namespace {

bool is_word(std::string_view text) noexcept {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
    return !text.empty() && text.size() <= gatehouse::host::Metrics::longest_name && letter(text[0]) &&
           std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || gatehouse::host::is_digit(c); });
}

} // namespace

bool gatehouse_metric_child::add(std::int64_t amount) noexcept {
    if (kind == GATEHOUSE_METRIC_HISTOGRAM || (kind == GATEHOUSE_METRIC_COUNTER && amount < 0)) return false;
    value.fetch_add(amount, std::memory_order_relaxed);
    return true;
}

bool gatehouse_metric_child::set(std::int64_t to) noexcept {
    if (kind != GATEHOUSE_METRIC_GAUGE) return false;
    value.store(to, std::memory_order_relaxed);
    return true;
}

bool gatehouse_metric_child::observe(std::int64_t seen) noexcept {
    if (kind != GATEHOUSE_METRIC_HISTOGRAM) return false;
    const auto range = std::lower_bound(bounds.begin(), bounds.end(), seen) - bounds.begin();
    counts[static_cast<std::size_t>(range)].fetch_add(1, std::memory_order_relaxed);
    value.fetch_add(seen, std::memory_order_relaxed);
    return true;
}

namespace gatehouse::host {
namespace {

std::vector<std::string> copies(const gatehouse_str* texts, std::size_t count) {
    std::vector<std::string> list;
    list.reserve(count);
    for (const gatehouse_str& text : std::span(texts, count)) list.emplace_back(view(text));
    return list;
}

std::string_view kind_of(gatehouse_metric_kind kind) noexcept {
    if (kind == GATEHOUSE_METRIC_COUNTER) return "counter";
    return kind == GATEHOUSE_METRIC_GAUGE ? "gauge" : "histogram";
}

// GET, 200 of method and code: method="GET" code="200"
std::string labels_text(const std::vector<std::string>& names, const std::vector<std::string>& values) {
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
        text += (i == 0 ? "" : " ") + names[i] + "=\"";
        for (const char c : values[i]) {
            if (c == '"' || c == '\\') text += '\\';
            text += c;
        }
        text += '"';
    }
    return text;
}

struct Shown {
    Cell value, sum, ranges;
};

Shown shown(const gatehouse_metric_child& child) {
    const Cell value(Cell::Type::number, child.value.load(std::memory_order_relaxed));
    if (child.kind != GATEHOUSE_METRIC_HISTOGRAM) return {value, {}, ""};
    std::uint64_t all = 0;
    std::string ranges;
    for (std::size_t i = 0; i < child.counts.size(); ++i) {
        const std::uint64_t count = child.counts[i].load(std::memory_order_relaxed);
        all += count;
        if (count == 0) continue;
        ranges += (ranges.empty() ? "" : " ") + (i < child.bounds.size() ? std::to_string(child.bounds[i]) : "inf") + ':' +
                  std::to_string(count);
    }
    return {Cell::count(all), value, ranges};
}

} // namespace

std::string Metrics::problem(const gatehouse_metric_request& request) const {
    const std::string name(view(request.name));
    if (!is_word(name)) return "metric " + in_quotes(name) + ": the name is not [a-z_][a-z0-9_]*, or longer than 64 bytes";
    const std::string metric = "metric " + name + ": ";
    if (name.starts_with("gatehouse_")) return metric + "names that begin with gatehouse_ are the host's";
    const auto same = [&](const auto& other) { return other->name == name; };
    if (std::any_of(metrics_.begin(), metrics_.end(), same)) return metric + "it is registered already";
    if (request.kind < GATEHOUSE_METRIC_COUNTER || request.kind > GATEHOUSE_METRIC_HISTOGRAM)
        return metric + "a kind that this host does not know";
    if (request.help.size == 0 || request.help.size > longest_help)
        return metric + "the help is empty, or longer than 256 bytes";
    if (request.unit.size != 0 && !is_word(view(request.unit))) return metric + "the unit is no name such as \"bytes\"";
    if (request.label_count > most_labels) return metric + "more than 8 labels";
    const std::vector<std::string> labels = copies(request.labels, request.label_count);
    for (const std::string& label : labels)
        if (!is_word(label) || label == "le" || label == "instance" || label == "plugin" ||
            std::count(labels.begin(), labels.end(), label) > 1)
            return metric + "label " + in_quotes(label) + " is no name, is the host's, or is there twice";
    const bool histogram = request.kind == GATEHOUSE_METRIC_HISTOGRAM;
    if (request.bound_count > most_bounds || histogram != (request.bound_count != 0))
        return metric + "a histogram has 1 to 32 bounds, and nothing else has any";
    const std::span bounds(request.bounds, request.bound_count);
    if (std::adjacent_find(bounds.begin(), bounds.end(), std::greater_equal<>()) != bounds.end())
        return metric + "each bound must be greater than the one before";
    return "";
}

gatehouse_metric* Metrics::add(const gatehouse_metric_request& request, const std::string& instance, NamedCounts* named) {
    if (metrics_.size() == most) {
        refused_.fetch_add(1, std::memory_order_relaxed);
        return nullptr;
    }
    const std::span bounds(request.bounds, request.bound_count);
    // NOLINTNEXTLINE(modernize-make-shared): it is an aggregate
    std::shared_ptr<gatehouse_metric> made(new gatehouse_metric{
        request.kind, std::string(view(request.name)), std::string(view(request.help)), std::string(view(request.unit)),
        copies(request.labels, request.label_count), std::vector(bounds.begin(), bounds.end())});
    metrics_.push_back(named != nullptr ? named->same(instance, std::move(made)) : std::move(made));
    return metrics_.back().get();
}

gatehouse_metric_child* Metrics::child(gatehouse_metric& metric, const gatehouse_str* values) {
    const std::span all(values, metric.labels.size());
    const auto is_too_long = [](gatehouse_str value) { return value.size > longest_value; };
    gatehouse_metric_child* found = nullptr;
    if (std::none_of(all.begin(), all.end(), is_too_long)) {
        std::vector<std::string> key = copies(values, all.size());
        const MutexLock lock(metric.mutex);
        auto child = metric.children.find(key);
        if (child == metric.children.end() && metric.children.size() < most_children)
            child = metric.children.try_emplace(std::move(key), metric.kind, metric.bounds).first;
        if (child != metric.children.end()) found = &child->second;
    }
    if (found == nullptr) metric.refused.fetch_add(1, std::memory_order_relaxed);
    return found;
}

const std::vector<Column>& Metrics::columns() {
    static const std::vector<Column> all{
        "instance", "metric", "labels", {"type", Cell::Type::state}, {"value", Cell::Type::number}, {"sum", Cell::Type::number},
        "ranges",   "unit",   "help"};
    return all;
}

void Metrics::append_rows(const std::string& instance, std::vector<Cell>& cells) const {
    if (metrics_.empty()) return;
    std::map<std::string_view, const gatehouse_metric*> ordered;
    for (const auto& metric : metrics_) ordered.emplace(metric->name, metric.get());
    for (const auto& [name, metric] : ordered) {
        const MutexLock lock(metric->mutex);
        for (const auto& [values, child] : metric->children) {
            Shown now = shown(child);
            cells.insert(cells.end(),
                         {instance, metric->name, labels_text(metric->labels, values), std::string(kind_of(metric->kind)),
                          std::move(now.value), std::move(now.sum), std::move(now.ranges), metric->unit, metric->help});
        }
    }
    cells.insert(cells.end(), {instance, "gatehouse_metrics_refused", "", "counter", Cell::count(refused()), Cell(), "", "",
                               "metrics and children that were refused at a limit"});
}

std::uint64_t Metrics::refused() const noexcept {
    std::uint64_t sum = refused_.load(std::memory_order_relaxed);
    for (const auto& metric : metrics_) sum += metric->refused.load(std::memory_order_relaxed);
    return sum;
}

// --- for Prometheus -------------------------------------------------------------------------------------------------------

namespace {

// The unit as Prometheus has it, and what a value is multiplied by.
std::pair<std::string, double> base_unit(const std::string& unit) {
    if (unit == "nanoseconds") return {"seconds", 1e-9};
    if (unit == "microseconds") return {"seconds", 1e-6};
    if (unit == "milliseconds") return {"seconds", 1e-3};
    return {unit, 1};
}

// "wait", "seconds": "wait_seconds"; "wait_seconds" stays.
void end_with(std::string& name, const std::string& word) {
    if (!word.empty() && !name.ends_with('_' + word)) name += '_' + word;
}

MetricKind kind_of(const gatehouse_metric& metric) noexcept {
    if (metric.kind == GATEHOUSE_METRIC_COUNTER) return MetricKind::counter;
    return metric.kind == GATEHOUSE_METRIC_GAUGE ? MetricKind::gauge : MetricKind::histogram;
}

// `metric` has the label `plugin` before its own.
void write_values(MetricText& text, const std::string& instance, const gatehouse_metric& metric) {
    const double factor = base_unit(metric.unit).second;
    const auto scaled = [factor](std::int64_t value) { return static_cast<double>(value) * factor; };
    std::vector<double> bounds(metric.bounds.size());
    std::transform(metric.bounds.begin(), metric.bounds.end(), bounds.begin(), scaled);
    std::vector<std::uint64_t> ranges(bounds.size() + 1);
    const MutexLock lock(metric.mutex);
    for (const auto& [values, child] : metric.children) {
        std::vector<std::string_view> labels{instance};
        labels.insert(labels.end(), values.begin(), values.end());
        const std::int64_t value = child.value.load(std::memory_order_relaxed);
        if (metric.kind != GATEHOUSE_METRIC_HISTOGRAM) {
            factor == 1 ? text.add(labels, value) : text.add(labels, scaled(value));
            continue;
        }
        for (std::size_t i = 0; i < ranges.size(); ++i) ranges[i] = child.counts[i].load(std::memory_order_relaxed);
        text.add(labels, bounds, ranges, scaled(value));
    }
}

} // namespace

std::string Metrics::full_name(const std::string& library, const gatehouse_metric& metric) {
    std::string name = "gatehouse_" + library + '_' + metric.name;
    std::replace_if(name.begin(), name.end(), [](char c) { return !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')); }, '_');
    end_with(name, base_unit(metric.unit).first);
    if (metric.kind == GATEHOUSE_METRIC_COUNTER) end_with(name, "total");
    return name;
}

void Metrics::write(MetricText& text, const std::string& full_name, const OfInstances& metrics) {
    const gatehouse_metric& first = *metrics.front().second;
    MetricName family{full_name, kind_of(first), {"plugin"}, first.help};
    std::copy(first.labels.begin(), first.labels.end(), family.labels.begin() + 1);
    text.begin(family);
    for (const auto& [instance, metric] : metrics) write_values(text, instance, *metric);
}

} // namespace gatehouse::host
