#include "abi/host_view.hpp"

#include "abi/handles.hpp"
#include "base/cell_table.hpp"
#include "base/metric_text.hpp"
#include "plugin/cells.hpp"
#include "plugin/text.hpp"

#include <new>
#include <optional>
#include <string_view>
#include <vector>

namespace gatehouse::host {
namespace {

gatehouse_status show(gatehouse_instance* instance, gatehouse_str name, const gatehouse_answer* to) noexcept {
    if (too_early(*instance, "show()")) return GATEHOUSE_INVALID;
    try {
        const std::optional<CellTable> table = instance->facilities.show(view(name));
        if (!table) return GATEHOUSE_NOT_FOUND;
        std::vector<gatehouse_column> columns;
        columns.reserve(table->columns.size());
        for (const Column& column : table->columns) columns.push_back(column_of(column));
        std::vector<gatehouse_value> cells;
        cells.reserve(table->cells.size());
        for (const Cell& cell : table->cells) cells.push_back(value_of(cell));
        to->columns(to->context, columns.data(), columns.size(), sizeof(gatehouse_column));
        for (std::size_t i = 0; i < cells.size(); i += columns.size())
            to->row(to->context, &cells[i], columns.size(), sizeof(gatehouse_value));
        return GATEHOUSE_OK;
    } catch (const std::bad_alloc&) {
        return GATEHOUSE_EXHAUSTED;
    }
}

gatehouse_status metrics(gatehouse_instance* instance, gatehouse_metrics_format format,
                         gatehouse_status (*take)(void* context, gatehouse_str piece) noexcept, void* context) noexcept {
    if (too_early(*instance, "metrics()")) return GATEHOUSE_INVALID;
    if (format != GATEHOUSE_METRICS_TEXT && format != GATEHOUSE_METRICS_OPENMETRICS) return GATEHOUSE_UNSUPPORTED;
    struct Ended {
        gatehouse_status why;
    };
    try {
        const bool there = instance->facilities.scrape(
            format == GATEHOUSE_METRICS_TEXT ? MetricFormat::text : MetricFormat::openmetrics, [&](std::string_view piece) {
                if (const gatehouse_status status = take(context, str(piece)); status != GATEHOUSE_OK) throw Ended{status};
            });
        return there ? GATEHOUSE_OK : GATEHOUSE_NOT_FOUND;
    } catch (const Ended& ended) {
        return ended.why;
    } catch (const std::bad_alloc&) {
        return GATEHOUSE_EXHAUSTED;
    }
}

} // namespace

const gatehouse_host_v1 host_view_table{sizeof(gatehouse_host_v1), 0, show, metrics};

} // namespace gatehouse::host
