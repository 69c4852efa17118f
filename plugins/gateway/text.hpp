// Pieces of messages.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gateway {

inline std::string in_quotes(std::string_view text) { return '"' + std::string(text) + '"'; }

// "1 client", "2 clients"
inline std::string count_text(std::size_t count, std::string_view noun) {
    return std::to_string(count) + ' ' + std::string(noun) + (count == 1 ? "" : "s");
}

} // namespace gateway
