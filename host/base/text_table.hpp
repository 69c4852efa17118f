// Rows of text for people, in columns.
#pragma once

#include <string>
#include <vector>

namespace gatehouse::host {

using Row = std::vector<std::string>;

// All rows have as many cells as the first. Columns are two spaces apart; nothing is cut.
std::string format_table(const std::vector<Row>& rows);

// The same as a JSON array of objects; the first row has the keys.
std::string format_json_rows(const std::vector<Row>& rows);

} // namespace gatehouse::host
