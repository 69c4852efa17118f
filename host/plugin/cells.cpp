#include "plugin/cells.hpp"

#include "plugin/text.hpp"

#include <utility>

namespace gatehouse::host {
namespace {

constexpr std::pair<Cell::Type, gatehouse_type> types[] = {
    {Cell::Type::none, GATEHOUSE_TYPE_NONE},   {Cell::Type::text, GATEHOUSE_TYPE_TEXT},
    {Cell::Type::state, GATEHOUSE_TYPE_STATE}, {Cell::Type::number, GATEHOUSE_TYPE_NUMBER},
    {Cell::Type::bytes, GATEHOUSE_TYPE_BYTES}, {Cell::Type::seconds, GATEHOUSE_TYPE_SECONDS},
    {Cell::Type::time, GATEHOUSE_TYPE_TIME},
};

gatehouse_type type_of(Cell::Type type) noexcept {
    for (const auto& [ours, theirs] : types)
        if (ours == type) return theirs;
    return GATEHOUSE_TYPE_NONE;
}

} // namespace

std::optional<Cell::Type> type_of(gatehouse_type type) noexcept {
    for (const auto& [ours, theirs] : types)
        if (theirs == type && theirs != GATEHOUSE_TYPE_NONE) return ours;
    return std::nullopt;
}

Cell cell_of(const gatehouse_value& value) {
    Cell cell;
    cell.type = type_of(value.type).value_or(Cell::Type::none);
    if (cell.is_text())
        cell.text = view(value.text);
    else if (cell.type != Cell::Type::none)
        cell.number = value.number;
    return cell;
}

gatehouse_value value_of(const Cell& cell) noexcept { return {type_of(cell.type), 0, cell.number, str(cell.text)}; }

gatehouse_column column_of(const Column& column) noexcept {
    return {str(column.name), type_of(column.type), 0, str(column.unit)};
}

} // namespace gatehouse::host
