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

} // namespace gatehouse::kit::detail

#endif
