#include "escape.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace http {

namespace {

// How many bytes of UTF-8 `text` begins with: one character's; 0: none. RFC 3629 §4.
std::size_t utf8_length(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        const bool overlong = first == 0xE0 && byte(1) < 0xA0;
        const bool surrogate = first == 0xED && byte(1) > 0x9F;
        return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
    }
    const bool overlong = first == 0xF0 && byte(1) < 0x90;
    const bool beyond = first > 0xF4 || (first == 0xF4 && byte(1) > 0x8F);
    return first >= 0xF0 && !overlong && !beyond && follows(1) && follows(2) && follows(3) ? 4 : 0;
}

// Calls put(character) for each one of a name, in UTF-8.
template <class Put>
void each_character(std::string_view name, Put put) {
    while (!name.empty()) {
        const std::size_t length = utf8_length(name);
        put(length == 0 ? std::string_view("\xEF\xBF\xBD") : name.substr(0, length));
        name.remove_prefix(std::max<std::size_t>(length, 1));
    }
}

} // namespace

std::string escape_html(std::string_view text) {
    std::string escaped;
    each_character(text, [&](std::string_view c) {
        if (c == "&")
            escaped += "&amp;";
        else if (c == "<")
            escaped += "&lt;";
        else if (c == ">")
            escaped += "&gt;";
        else if (c == "\"")
            escaped += "&quot;";
        else if (c == "'")
            escaped += "&#39;";
        else
            escaped += c;
    });
    return escaped;
}

std::string quote_json(std::string_view text) {
    std::string quoted = "\"";
    each_character(text, [&](std::string_view c) {
        if (c == "\"" || c == "\\") {
            quoted.append("\\").append(c);
        } else if (static_cast<unsigned char>(c[0]) < 0x20) {
            std::array<char, 8> escape;
            std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c[0]));
            quoted += escape.data();
        } else {
            quoted += c;
        }
    });
    return quoted + '"';
}

} // namespace http
