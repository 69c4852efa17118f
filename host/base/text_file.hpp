// Files that the host reads as a whole. Text files are written by people and their editors, so all of them are read by one
// function: it takes off a byte order mark, turns the ends of lines into "\n", and says where the text is not UTF-8.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>

namespace gatehouse::host {

struct FileLimits {
    std::size_t most;          // bytes, a whole number of MiB, or of KiB below that
    std::string_view expected; // "a TOML file": what it should be, for messages
};

// Reads a regular file, whatever its bytes are. Returns what is wrong with it, such as "cannot be opened: ...", or "". `status`
// is that of the opened file: the path may lead to another one by now.
std::string read_file(const std::filesystem::path& path, const FileLimits& limits, std::string& bytes, struct stat& status);

bool is_utf8(std::string_view text) noexcept;

// The text behind a byte order mark, if there is one.
std::string_view without_mark(std::string_view text) noexcept;

// Makes a text of what stood in a file. False: it is none; `error` has "LINE:COLUMN: ...", and the column counts bytes.
bool normalise_text(std::string& text, std::string& error);

// Both of them. Nothing: `error` has "PATH: ..." or "PATH:LINE:COLUMN: ...".
std::optional<std::string> read_text_file(const std::filesystem::path& path, const FileLimits& limits, std::string& error);

// Calls take(line, number) for each line of a text, the last one with or without its end. The first number is 1.
template <class Take>
void for_each_line(std::string_view text, Take take) {
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        take(text.substr(0, end), number);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
}

} // namespace gatehouse::host
