// A configuration file from the disk to a TOML document; toml++ stays behind this and table.hpp.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace toml {
inline namespace v3 {
class table;
}
} // namespace toml

namespace gatehouse::host {

inline constexpr std::size_t max_config_size = 1 << 20; // bytes

// The bytes of a regular file of at most max_config_size. Throws ConfigError.
std::string read_config_file(const std::filesystem::path& file);

// The document, with the position of every key and value. Throws ConfigError with the first syntax error, at its position in
// `file`. Bounded: in size, in how deep values nest, and in how many parts a dotted key has.
std::shared_ptr<const toml::table> parse_toml(std::string text, const std::string& file);

} // namespace gatehouse::host
