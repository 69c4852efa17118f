#include "base/text_table.hpp"

#include "base/log.hpp"

#include <algorithm>

namespace gatehouse::host {

std::string format_table(const std::vector<Row>& rows) {
    std::vector<std::size_t> widths(rows.front().size());
    for (const Row& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    std::string text;
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            text += row[i];
            if (i + 1 < row.size()) text.append(widths[i] - row[i].size() + 2, ' ');
        }
        text += '\n';
    }
    return text;
}

std::string format_json_rows(const std::vector<Row>& rows) {
    std::string text = "[";
    for (std::size_t i = 1; i < rows.size(); ++i) {
        text += i == 1 ? "\n  {" : ",\n  {";
        for (std::size_t j = 0; j < rows[i].size(); ++j)
            text += (j == 0 ? "\"" : ", \"") + escape_json(rows[0][j]) + "\": \"" + escape_json(rows[i][j]) + '"';
        text += '}';
    }
    return text + "\n]\n";
}

} // namespace gatehouse::host
