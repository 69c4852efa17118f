#include "plugin_table.hpp"

#include <algorithm>
#include <memory>
#include <vector>

namespace gatehouse::host {

std::optional<CellTable> plugin_table(PluginInstance& instance, const std::string& command) {
    const auto known = std::ranges::find(instance.commands(), command, &PluginCommand::name);
    if (known == instance.commands().end() || !known->shows) return std::nullopt;
    const std::vector<std::string> words{command};
    const std::shared_ptr<RunningCommand> running = instance.run_command(words);
    if (!running) return std::nullopt;
    if (!running->is_over()) {
        running->abandon();
        return std::nullopt;
    }
    return std::move(running->take().table);
}

std::size_t rows_of(const CellTable& table) noexcept {
    return table.columns.empty() ? 0 : table.cells.size() / table.columns.size();
}

Cell cell_of(const CellTable& table, std::size_t row, std::string_view name) {
    const auto column = std::ranges::find(table.columns, name, &Column::name);
    if (column == table.columns.end()) return {};
    return table.cells[row * table.columns.size() + static_cast<std::size_t>(column - table.columns.begin())];
}

} // namespace gatehouse::host
