// What clients say to a plugin whose protocol is not known.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace gatehouse::host {

struct Input {
    std::string what; // "a line"
    std::string bytes;
    bool authors = false; // the author's own: the plugin understands it
};

// A few that plugins understand or refuse: lines, numbers, an HTTP request, a TLS client's first record, noise.
std::vector<Input> usual_inputs();

// Bytes without a meaning, the same each time.
std::string noise(std::size_t size);

// "3 bytes of a line (\"hel\")", or `said_nothing`.
inline constexpr const char* said_nothing = "nothing";
std::string cut_text(const Input& input, std::size_t size);

} // namespace gatehouse::host
