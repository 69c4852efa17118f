// Where something stands in a configuration file.
#pragma once

#include <compare>
#include <cstddef>
#include <string>

namespace gatehouse::host {

// Counted from 1, as editors do; the column counts characters.
struct Position {
    std::size_t line = 1;
    std::size_t column = 1;

    auto operator<=>(const Position&) const = default;
};

// A position for the messages about a part of the configuration. All places are equal: two configurations that differ in
// nothing else mean the same, so a comment that is inserted above changes nothing.
struct Place {
    std::string text; // "FILE:LINE:COLUMN"; of what OpenSSL reads "FILE:LINE:COLUMN: KEY"
    Position position{};

    bool operator==(const Place& /*other*/) const noexcept { return true; }
};

} // namespace gatehouse::host
