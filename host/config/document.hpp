// A configuration from texts to one TOML document; toml++ stays behind this, outside_texts.hpp and table.hpp.
#pragma once

#include "config/outside_texts.hpp"
#include "config/problems.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace toml {
inline namespace v3 {
class table;
}
} // namespace toml

namespace gatehouse::host {

inline constexpr std::size_t max_config_size = 64 << 20; // bytes, of one file and of all together

// What the files of a configuration say, joined.
struct ConfigDocument {
    std::vector<ConfigFile> files;     // the first is the one that the host was given; the others are included
    std::shared_ptr<toml::table> root; // its values know where they stand
    OutsideTexts outside;
};

// Where a value was said, and whether it stands for the text of a file; no place: it was not said.
struct Said {
    std::optional<Place> place;
    bool of_file = false;
};
// `way`: keys of tables, and numbers of the items of arrays, from 0. [any]
Said where_said(const ConfigDocument& document, const std::vector<std::string>& way);

// The first syntax error of a file.
struct ConfigSyntaxError : std::runtime_error {
    ConfigSyntaxError(const std::string& what, Position at) : std::runtime_error(what), position(at) {}
    Position position;
};

// The document, with the position of every key and value. `file` is its number, see position_of(). Throws ConfigSyntaxError.
// Bounded: in size, in how deep values nest, and in how many parts a dotted key has.
std::shared_ptr<toml::table> parse_toml(std::string text, std::uint32_t file);

} // namespace gatehouse::host
