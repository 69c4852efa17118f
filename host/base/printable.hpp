// Text from outside (files, keys, names) made fit for one line of a message.
#pragma once

#include <string>
#include <string_view>

namespace gatehouse::host {

// The text with control characters as "\x1b", cut with "..." after `limit` bytes. Other bytes, UTF-8 included, stay.
std::string printable(std::string_view text, std::size_t limit = 200);

// The same in double quotes, with quotes and backslashes escaped, and cut after 64 bytes.
std::string in_quotes(std::string_view text);

} // namespace gatehouse::host
