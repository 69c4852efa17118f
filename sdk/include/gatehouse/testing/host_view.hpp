// The fake host's side of gatehouse.host/1: it shows the tables that the test has given it.
#ifndef GATEHOUSE_TESTING_HOST_VIEW_HPP
#define GATEHOUSE_TESTING_HOST_VIEW_HPP

#include "../control.hpp"
#include "../ext/host.h"
#include "host.hpp"

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::kit::detail {

inline gatehouse_status show_host(gatehouse_instance* instance, gatehouse_str name, const gatehouse_answer* to) noexcept {
    Host* host = host_of(instance);
    if (host->too_early("show()")) return GATEHOUSE_INVALID;
    std::unique_lock lock(host->mutex);
    const auto found = host->tables.find(view(name));
    if (found == host->tables.end()) return GATEHOUSE_NOT_FOUND;
    const FakeTable table = found->second;
    lock.unlock();
    std::vector<gatehouse_column> columns;
    for (const FakeTable::Column& column : table.columns)
        columns.push_back({gatehouse::detail::str(column.name), column.type, 0, gatehouse::detail::str(column.unit)});
    to->columns(to->context, columns.data(), columns.size(), sizeof(gatehouse_column));
    for (const auto& row : table.rows) {
        std::vector<gatehouse_value> cells;
        for (const ValueRecord& cell : row) cells.push_back({cell.type, 0, cell.number, gatehouse::detail::str(cell.text)});
        to->row(to->context, cells.data(), cells.size(), sizeof(gatehouse_value));
    }
    return GATEHOUSE_OK;
}

// The text that the test has given it, in two pieces.
inline gatehouse_status write_metrics(gatehouse_instance* instance, gatehouse_metrics_format format,
                                      gatehouse_status (*take)(void* context, gatehouse_str piece) noexcept,
                                      void* context) noexcept {
    Host* host = host_of(instance);
    if (host->too_early("metrics()")) return GATEHOUSE_INVALID;
    std::unique_lock lock(host->mutex);
    const auto found = host->metric_texts.find(format);
    if (found == host->metric_texts.end()) return GATEHOUSE_UNSUPPORTED;
    const std::string text = found->second;
    lock.unlock();
    const std::string_view all = text;
    for (const std::string_view piece : {all.substr(0, all.size() / 2), all.substr(all.size() / 2)})
        if (const gatehouse_status status = take(context, gatehouse::detail::str(piece)); status != GATEHOUSE_OK) return status;
    return GATEHOUSE_OK;
}

} // namespace gatehouse::kit::detail

#endif
