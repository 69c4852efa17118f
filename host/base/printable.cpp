#include "base/printable.hpp"

namespace gatehouse::host {
std::string printable(std::string_view text, std::size_t limit) {
    std::string result;
    append_printable(result, text.substr(0, limit));
    if (text.size() > limit) result += "...";
    return result;
}

std::string in_quotes(std::string_view text) {
    constexpr std::size_t limit = 64;
    std::string escaped;
    for (const char c : text.substr(0, limit)) {
        if (c == '"' || c == '\\') escaped += '\\';
        escaped += c;
    }
    std::string result = "\"";
    append_printable(result, escaped);
    if (text.size() > limit) result += "...";
    return result + '"';
}

} // namespace gatehouse::host
