// Text from outside (files, keys, names) made fit for one line of a message.
#pragma once

#include <string>
#include <string_view>

namespace gatehouse::host {

// Appends the text to `to`, which has += for text and for a character, with control characters as "\x1b".
template <class Text>
void append_printable(Text& to, std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto escape = [&](unsigned char byte) {
        to += "\\x";
        to += digits[byte >> 4U];
        to += digits[byte & 15U];
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        // U+0080 to U+009F, C2 80 to C2 9F in UTF-8, are control characters to a terminal too.
        const bool c1 = byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
        if (c1 || byte < 0x20 || byte == 0x7f) {
            escape(byte);
            if (c1) escape(static_cast<unsigned char>(text[++i]));
        } else {
            to += text[i];
        }
    }
}

// The text with control characters as "\x1b", cut with "..." after `limit` bytes. Other bytes, UTF-8 included, stay.
std::string printable(std::string_view text, std::size_t limit = 200);

// The same in double quotes, with quotes and backslashes escaped, and cut after 64 bytes.
std::string in_quotes(std::string_view text);

} // namespace gatehouse::host
