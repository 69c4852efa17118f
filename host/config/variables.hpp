// "${NAME}" in texts of the configuration.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gatehouse::host {

// Of a text after its variables have been put in; also of a text that stands in a file of its own.
inline constexpr std::size_t max_outside_text = 64 * 1024; // bytes

struct Expanded {
    std::string text;
    std::string problem; // the first thing that is wrong with it; the text is not to be used then
    bool literal = true; // no variable is in it, but "$${"
};

// Puts the values of environment variables in: "${NAME}", and "${NAME:-default}" for one that is unset or empty. "$${" stands
// for "${" itself. A default is taken as it is, up to the first "}".
Expanded expand_variables(std::string_view text);

// The text with "${NAME}" for each "$NAME", as shells would have it; the same text if there is none.
std::string with_braces(std::string_view text);

} // namespace gatehouse::host
