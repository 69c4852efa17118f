// Where something stands in a configuration file.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse::host {

// Line and column are counted from 1, as editors do; the column counts characters.
struct Position {
    std::size_t line = 1; // 0: the file as a whole
    std::size_t column = 1;
    std::uint32_t file = 0; // its number in ConfigDocument::files

    bool operator==(const Position&) const = default;
    std::strong_ordering operator<=>(const Position& other) const noexcept {
        if (file != other.file) return file <=> other.file;
        if (line != other.line) return line <=> other.line;
        return column <=> other.column;
    }
};

// A position for the messages about a part of the configuration. All places are equal: two configurations that differ in
// nothing else mean the same, so a comment that is inserted above changes nothing.
struct Place {
    std::string text; // "FILE:LINE:COLUMN"; of what OpenSSL reads "FILE:LINE:COLUMN: KEY"
    Position position{};

    bool operator==(const Place& /*other*/) const noexcept { return true; }
};

// "FILE" of "FILE:LINE:COLUMN".
inline std::string_view file_of(const Place& place) noexcept {
    std::string_view text = place.text;
    for (int numbers = 2; numbers > 0; --numbers) text = text.substr(0, text.rfind(':'));
    return text;
}

} // namespace gatehouse::host
