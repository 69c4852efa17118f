// Letters, digits and blanks of ASCII, whatever the locale: what names of servers, keys and protocols are compared by. [any]
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace gatehouse::host {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

constexpr char ascii_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

inline std::string ascii_lower(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) { return ascii_lower(c); });
    return lower;
}

constexpr std::string_view ascii_blanks = " \t\r"; // within a line, or at the end of one

// Without blanks at its ends.
constexpr std::string_view trimmed(std::string_view text) noexcept {
    text.remove_prefix(std::min(text.find_first_not_of(ascii_blanks), text.size()));
    return text.substr(0, text.find_last_not_of(ascii_blanks) + 1); // npos + 1 is 0
}

} // namespace gatehouse::host
