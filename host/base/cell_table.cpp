#include "base/cell_table.hpp"

#include "base/log_line.hpp"
#include "base/printable.hpp"
#include "base/text_table.hpp"
#include "base/time_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <string_view>

namespace gatehouse::host {
namespace {

std::string with_one_place(double number, std::string_view unit) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.1f ", number);
    return std::string(text.data()).append(unit);
}

std::string human_bytes(std::int64_t bytes) {
    constexpr std::array<std::string_view, 6> units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) return std::to_string(bytes) + " B";
    double much = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    for (; much >= 1023.95 && unit + 1 < units.size(); ++unit) much /= 1024;
    return with_one_place(much, units[unit]);
}

std::string human_seconds(std::int64_t microseconds) {
    if (microseconds < 0) return std::to_string(microseconds) + " us";
    if (microseconds < 1000) return std::to_string(microseconds) + " us";
    if (microseconds < 999'950) return with_one_place(static_cast<double>(microseconds) / 1e3, "ms");
    if (microseconds < 119'950'000) return with_one_place(static_cast<double>(microseconds) / 1e6, "s");
    const std::int64_t minutes = microseconds / 60'000'000;
    if (minutes < 120) return std::to_string(minutes) + "m " + std::to_string(microseconds / 1'000'000 % 60) + 's';
    if (minutes < 48 * 60) return std::to_string(minutes / 60) + "h " + std::to_string(minutes % 60) + 'm';
    return std::to_string(minutes / 1440) + "d " + std::to_string(minutes / 60 % 24) + 'h';
}

std::string human(const Cell& cell) {
    switch (cell.type) {
    case Cell::Type::text:
    case Cell::Type::state:
        return printable(cell.text, std::numeric_limits<std::size_t>::max());
    case Cell::Type::number:
        return std::to_string(cell.number);
    case Cell::Type::bytes:
        return human_bytes(cell.number);
    case Cell::Type::seconds:
        return human_seconds(cell.number);
    case Cell::Type::time:
        return std::string(time_text(cell.number).view());
    case Cell::Type::none:
        break;
    }
    return "-";
}

std::string json_text(std::string_view text) { return '"' + escape_json(text) + '"'; }

std::string json(const Cell& cell) {
    switch (cell.type) {
    case Cell::Type::text:
    case Cell::Type::state:
        return json_text(cell.text);
    case Cell::Type::number:
    case Cell::Type::bytes:
        return std::to_string(cell.number);
    case Cell::Type::seconds: {
        std::array<char, 64> text{};
        std::snprintf(text.data(), text.size(), "%.6f", static_cast<double>(cell.number) / 1e6);
        return text.data();
    }
    case Cell::Type::time:
        return json_text(time_text(cell.number).view());
    case Cell::Type::none:
        break;
    }
    return "null";
}

bool is_numeric(Cell::Type type) noexcept {
    return type == Cell::Type::number || type == Cell::Type::bytes || type == Cell::Type::seconds;
}

// `end`: what stands before each row, and before the rows: the end of a line, or nothing.
std::string json_of(const CellTable& table, std::string_view end) {
    const std::size_t columns = table.columns.size();
    std::string text = "{\"columns\": [";
    for (std::size_t i = 0; i < columns; ++i) {
        const Column& column = table.columns[i];
        text.append(i == 0 ? "" : ", ").append("{\"name\": ").append(json_text(column.name));
        text.append(", \"type\": ").append(json_text(cell_type_name(column.type)));
        if (!column.unit.empty()) text.append(", \"unit\": ").append(json_text(column.unit));
        text += '}';
    }
    text.append("],").append(end).append(" \"rows\": [");
    for (std::size_t i = 0; columns != 0 && i + columns <= table.cells.size(); i += columns) {
        text.append(i == 0 ? "" : ",").append(end).append(end.empty() ? (i == 0 ? "{" : " {") : "  {");
        for (std::size_t j = 0; j < columns; ++j)
            text.append(j == 0 ? "" : ", ")
                .append(json_text(table.columns[j].name))
                .append(": ")
                .append(json(table.cells[i + j]));
        text += '}';
    }
    return text + "]}";
}

} // namespace

std::string_view cell_type_name(Cell::Type type) noexcept {
    switch (type) {
    case Cell::Type::state:
        return "state";
    case Cell::Type::number:
        return "number";
    case Cell::Type::bytes:
        return "bytes";
    case Cell::Type::seconds:
        return "seconds";
    case Cell::Type::time:
        return "time";
    case Cell::Type::text:
    case Cell::Type::none:
        break;
    }
    return "text";
}

Cell Cell::count(std::uint64_t many) {
    constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    return {Type::number, static_cast<std::int64_t>(std::min(many, most))};
}

std::string format_cells(const CellTable& table) {
    const std::size_t columns = table.columns.size();
    if (columns == 0) return "";
    std::vector<Row> rows{{}};
    for (const Column& column : table.columns)
        rows.front().push_back(printable(column.unit.empty() ? column.name : column.name + " (" + column.unit + ')'));
    for (std::size_t i = 0; i + columns <= table.cells.size(); i += columns) {
        Row& row = rows.emplace_back();
        for (std::size_t j = i; j < i + columns; ++j) row.push_back(human(table.cells[j]));
    }
    for (std::size_t column = 0; column < columns; ++column) {
        if (!is_numeric(table.columns[column].type)) continue;
        std::size_t width = 0;
        for (const Row& row : rows) width = std::max(width, row[column].size());
        for (Row& row : rows) row[column].insert(0, width - row[column].size(), ' ');
    }
    return format_table(rows);
}

std::string json_cells(const CellTable& table) { return json_of(table, "\n") + '\n'; }

std::string json_cells_line(const CellTable& table) { return json_of(table, ""); }

} // namespace gatehouse::host
