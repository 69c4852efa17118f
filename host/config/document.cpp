#include "config/document.hpp"

#include "base/printable.hpp"
#include "base/text_file.hpp"
#include "config/load.hpp"
#include "config/syntax_error.hpp"
#include "config/toml.hpp"

#include <algorithm>

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
    std::string bytes;
    struct stat status{};
    const std::string problem = read_file(file, {max_config_size, "a TOML file"}, bytes, status);
    if (!problem.empty()) fail(file.native(), problem);
    return bytes;
}

std::shared_ptr<const toml::table> parse_toml(std::string text, const std::string& file) {
    if (text.size() > max_config_size) fail(file, "is too large (expected at most 1 MiB)");
    if (std::string problem; !normalise_text(text, problem)) throw ConfigError({printable(file) + ':' + problem});
    check_key_parts(text, file);
    try {
        return std::make_shared<const toml::table>(toml::parse(text));
    } catch (const toml::parse_error& error) {
        constexpr std::string_view prefix = "Error while parsing ";
        std::string what(error.description());
        what = what.starts_with(prefix) ? "syntax error in " + what.substr(prefix.size()) : "syntax error: " + what;
        const toml::source_position at = error.source().begin;
        if (std::string cause = explain_syntax_error(text, {at.line, at.column}); !cause.empty())
            what = "syntax error: " + cause;
        fail(file + ':' + std::to_string(at.line) + ':' + std::to_string(at.column), printable(what, 400));
    }
}

} // namespace gatehouse::host
