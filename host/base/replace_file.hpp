// Writes a file that others read meanwhile.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace gatehouse::host {

// Gives an existing file another text, in one step: who opens it finds all of the old one or all of the new one, also after a
// crash. Its permissions stay, and a link stays one. Returns what is wrong, "cannot be written: ...", or "". May wait. [any]
std::string replace_file(const std::filesystem::path& file, std::string_view text);

} // namespace gatehouse::host
