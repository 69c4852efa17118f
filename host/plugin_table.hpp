// What a plugin answers to a command that only shows: for commands of the host that gather the answers of several plugins.
#pragma once

#include "base/cell_table.hpp"
#include "plugin/instance.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::host {

// Nothing: it has no such command, or does not answer at once. May throw std::bad_alloc. [main]
std::optional<CellTable> plugin_table(PluginInstance& instance, const std::string& command);

std::size_t rows_of(const CellTable& table) noexcept;
// Without a value if there is no such column. [any]
Cell cell_of(const CellTable& table, std::size_t row, std::string_view column);

} // namespace gatehouse::host
