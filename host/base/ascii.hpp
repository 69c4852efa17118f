// Letters of ASCII in lower case: what names of servers, keys and protocols are compared by, whatever the locale. [any]
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace gatehouse::host {

constexpr char ascii_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

inline std::string ascii_lower(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) { return ascii_lower(c); });
    return lower;
}

} // namespace gatehouse::host
