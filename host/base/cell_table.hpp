// What a command answers: a table of typed values, for people and as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::host {

struct Cell {
    enum class Type : char { none = '-', text = 't', state = 'w', number = 'n', bytes = 'b', seconds = 's', time = 'd' };

    Cell() = default; // no value
    Cell(std::string what) : type(Type::text), text(std::move(what)) {}
    Cell(const char* what) : Cell(std::string(what)) {}
    Cell(Type which, std::int64_t much) : type(which), number(much) {}
    static Cell state(std::string word) {
        Cell cell(std::move(word));
        cell.type = Type::state;
        return cell;
    }
    static Cell count(std::uint64_t many);

    bool is_text() const noexcept { return type == Type::text || type == Type::state; }
    bool operator==(const Cell&) const = default;

    Type type = Type::none;
    std::int64_t number = 0; // seconds: microseconds; time: milliseconds since 1970
    std::string text;
};

struct Column {
    Column(std::string called, Cell::Type what = Cell::Type::text, std::string in = "")
        : name(std::move(called)), type(what), unit(std::move(in)) {}
    Column(const char* called, Cell::Type what = Cell::Type::text, std::string in = "")
        : Column(std::string(called), what, std::move(in)) {}

    bool operator==(const Column&) const = default;

    std::string name;
    Cell::Type type;  // of its cells that have a value
    std::string unit; // of numbers; may be empty
};

struct CellTable {
    std::vector<Column> columns;
    std::vector<Cell> cells; // row by row

    bool operator==(const CellTable&) const = default;
};

// In columns two spaces apart, numbers to the right; empty without columns. Control characters are escaped. A unit stands
// behind the column's name.
std::string format_cells(const CellTable& table);

// {"columns": [{"name": "sent", "type": "bytes"}, ...], "rows": [{"sent": 17}, ...]}, with the "unit" of a column that has one.
// Seconds are a decimal fraction, a time is a text as in RFC 3339.
std::string json_cells(const CellTable& table);
// The same on one line, without its end.
std::string json_cells_line(const CellTable& table);

// As JSON names the type of a column.
std::string_view cell_type_name(Cell::Type type) noexcept;

} // namespace gatehouse::host
