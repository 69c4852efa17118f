#include "config/document.hpp"

#include "base/descriptor.hpp"
#include "base/printable.hpp"
#include "config/load.hpp"
#include "config/toml.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gatehouse::host {
namespace {

// toml++ frees a document by recursion, and bounds how deep values nest, but not the tables that "a.a.a.a = 1" makes.
constexpr std::size_t max_key_parts = 100;

[[noreturn]] void fail(const std::string& file, const std::string& what) { throw ConfigError({printable(file) + ": " + what}); }

// The same with the line and column of the byte at `offset`.
[[noreturn]] void fail_at(const std::string& file, std::string_view text, std::size_t offset, const std::string& what) {
    const std::string_view before = text.substr(0, offset);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t start_of_line = before.rfind('\n') + 1; // npos + 1 is 0
    fail(file + ':' + std::to_string(line) + ':' + std::to_string(1 + offset - start_of_line), what);
}

void check_key_parts(std::string_view text, const std::string& file) {
    std::size_t dots = 0;
    bool comment = false;
    bool line_begins = true;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\n') {
            line_begins = true;
            comment = false;
            dots = 0;
        } else if (c == '#' && line_begins) { // rulers of dots are welcome in comments
            comment = true;
        } else if (c == '=' || c == ',' || c == '{' || c == '[') {
            dots = 0;
        } else if (c == '.' && !comment && ++dots > max_key_parts) {
            fail_at(file, text, i,
                    "too many dots in a row (expected keys of at most " + std::to_string(max_key_parts) + " parts)");
        }
        if (c != ' ' && c != '\t' && c != '\n') line_begins = false;
    }
}

} // namespace

std::string read_config_file(const std::filesystem::path& file) {
    const std::string& name = file.native();
    // O_NONBLOCK: without it, opening a FIFO without a writer would block for ever.
    const Descriptor descriptor(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!descriptor) fail(name, std::string("cannot be opened: ") + std::strerror(errno));
    struct stat status{};
    if (fstat(descriptor.get(), &status) != 0) fail(name, std::string("cannot be examined: ") + std::strerror(errno));
    if (S_ISDIR(status.st_mode)) fail(name, "is a directory (expected a TOML file)");
    if (!S_ISREG(status.st_mode)) fail(name, "is not a regular file (expected a TOML file)");

    std::string text;
    char buffer[16384];
    for (;;) {
        const ssize_t size = read(descriptor.get(), buffer, sizeof buffer);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) fail(name, std::string("cannot be read: ") + std::strerror(errno));
        if (size == 0) return text;
        text.append(buffer, static_cast<std::size_t>(size));
        if (text.size() > max_config_size) fail(name, "is too large (expected at most 1 MiB)");
    }
}

std::shared_ptr<const toml::table> parse_toml(std::string_view text, const std::string& file) {
    if (text.size() > max_config_size) fail(file, "is too large (expected at most 1 MiB)");
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
        fail_at(file, text, nul, "NUL byte (expected UTF-8 text)");
    check_key_parts(text, file);
    try {
        return std::make_shared<const toml::table>(toml::parse(text));
    } catch (const toml::parse_error& error) {
        constexpr std::string_view prefix = "Error while parsing ";
        std::string what(error.description());
        what = what.starts_with(prefix) ? "syntax error in " + what.substr(prefix.size()) : "syntax error: " + what;
        const toml::source_position at = error.source().begin;
        fail(file + ':' + std::to_string(at.line) + ':' + std::to_string(at.column), printable(what, 400));
    }
}

} // namespace gatehouse::host
