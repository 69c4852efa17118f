#include "base/printable.hpp"

namespace gatehouse::host {
namespace {

void append_escaped(std::string& to, unsigned char byte) {
    constexpr std::string_view digits = "0123456789abcdef";
    to += "\\x";
    to += digits[byte >> 4];
    to += digits[byte & 15];
}

std::string escape(std::string_view text, std::size_t limit, bool quotes) {
    std::string result;
    const std::string_view shown = text.substr(0, limit);
    for (std::size_t i = 0; i < shown.size(); ++i) {
        const auto byte = static_cast<unsigned char>(shown[i]);
        // U+0080 to U+009F, C2 80 to C2 9F in UTF-8, are control characters to a terminal too.
        const bool c1 = byte == 0xc2 && i + 1 < shown.size() && static_cast<unsigned char>(shown[i + 1]) < 0xa0;
        if (byte < 0x20 || byte == 0x7f) {
            append_escaped(result, byte);
        } else if (c1) {
            append_escaped(result, byte);
            append_escaped(result, static_cast<unsigned char>(shown[++i]));
        } else {
            if (quotes && (byte == '"' || byte == '\\')) result += '\\';
            result += shown[i];
        }
    }
    if (shown.size() < text.size()) result += "...";
    return result;
}

} // namespace

std::string printable(std::string_view text, std::size_t limit) { return escape(text, limit, false); }

std::string in_quotes(std::string_view text) { return '"' + escape(text, 64, true) + '"'; }

} // namespace gatehouse::host
