#include "json.hpp"

#include "../http/escape.hpp"

#include <array>
#include <cstdio>
#include <ctime>
#include <string_view>

namespace admin {
namespace {

void append_text(std::string& to, std::string_view text) { to += http::quote_json(text); }

const char* type_name(gatehouse_type type) noexcept {
    switch (type) {
    case GATEHOUSE_TYPE_STATE:
        return "state";
    case GATEHOUSE_TYPE_NUMBER:
        return "number";
    case GATEHOUSE_TYPE_BYTES:
        return "bytes";
    case GATEHOUSE_TYPE_SECONDS:
        return "seconds";
    case GATEHOUSE_TYPE_TIME:
        return "time";
    default:
        return "text";
    }
}

// RFC 3339, in UTC.
std::string time_text(std::int64_t milliseconds) {
    const std::time_t seconds = milliseconds / 1000;
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 40> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    std::array<char, 8> rest{};
    std::snprintf(rest.data(), rest.size(), ".%03dZ", static_cast<int>(milliseconds % 1000));
    return std::string(text.data(), size) + rest.data();
}

void append_cell(std::string& to, const gatehouse::HostTable::Cell& cell) {
    std::array<char, 40> number{};
    switch (cell.type) {
    case GATEHOUSE_TYPE_NONE:
        to += "null";
        return;
    case GATEHOUSE_TYPE_NUMBER:
    case GATEHOUSE_TYPE_BYTES:
        to += std::to_string(cell.number);
        return;
    case GATEHOUSE_TYPE_SECONDS:
        std::snprintf(number.data(), number.size(), "%.6f", static_cast<double>(cell.number) / 1e6);
        to += number.data();
        return;
    case GATEHOUSE_TYPE_TIME:
        return append_text(to, time_text(cell.number));
    default:
        return append_text(to, cell.text);
    }
}

} // namespace

std::string json_of(const gatehouse::HostTable& table) {
    const auto& columns = table.columns();
    std::string text = "{\"columns\": [";
    for (std::size_t i = 0; i < columns.size(); ++i) {
        append_text(text += i == 0 ? "{\"name\": " : ", {\"name\": ", columns[i].name);
        append_text(text += ", \"type\": ", type_name(columns[i].type));
        if (!columns[i].unit.empty()) append_text(text += ", \"unit\": ", columns[i].unit);
        text += '}';
    }
    text += "], \"rows\": [";
    for (std::size_t row = 0; row < table.rows(); ++row) {
        text += row == 0 ? "{" : ", {";
        for (std::size_t i = 0; i < columns.size(); ++i) {
            append_text(text += i == 0 ? "" : ", ", columns[i].name);
            append_cell(text += ": ", table.cell(row, i));
        }
        text += '}';
    }
    return text + "]}\n";
}

} // namespace admin
