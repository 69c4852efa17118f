// The files of a configuration: the one that the host was given, and those that it includes.
//
// `include = ["sites/*.toml", "tls.toml"]` stands at the top of a file. A path starts at the folder of the file it stands in.
// Patterns are those of glob(7), in at most two parts of the path; what they find comes in the order of the names, and may be
// nothing, but a name without a pattern has to be there. A folder that may not be read is a problem: what it has would be lost.
// The files that are included may include others.
//
// The sections of all files are joined: the [[listeners]] one after another, in the order in which the files are read (each
// before those that it includes), and the sections of [plugins] and [tls] side by side. Everything else stands in one file.
#pragma once

#include "config/reading.hpp"

#include <filesystem>
#include <string>

namespace gatehouse::host {

inline constexpr std::size_t max_config_files = 4096; // with the first
inline constexpr std::size_t max_include_depth = 8;   // files that include each other, one in the other

// Read what their names say; the document is that of all. What is wrong is recorded. False: the document is of no use.
[[nodiscard]] bool read_files(const std::filesystem::path& file, ConfigReading& reading);
// The same for one text that is in memory, which cannot include files: `file` only appears in messages and anchors relative
// paths.
[[nodiscard]] bool read_only_text(std::string text, const std::filesystem::path& file, ConfigReading& reading);

} // namespace gatehouse::host
