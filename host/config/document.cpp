#include "config/document.hpp"

#include "base/printable.hpp"
#include "base/text_file.hpp"
#include "config/syntax_error.hpp"
#include "config/toml.hpp"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <system_error>

namespace gatehouse::host {
namespace {

// toml++ frees a document by recursion, and bounds how deep values nest, but not the tables that "a.a.a.a = 1" makes.
constexpr std::size_t max_key_parts = 100;

// At the byte at `offset`.
Position position_of_byte(std::string_view text, std::size_t offset, std::uint32_t file) {
    const std::string_view before = text.substr(0, offset);
    const auto line = static_cast<std::size_t>(1 + std::count(before.begin(), before.end(), '\n'));
    const std::size_t start_of_line = before.rfind('\n') + 1; // npos + 1 is 0
    return {line, 1 + offset - start_of_line, file};
}

// Behind the string that begins at `begin`, with a quote of either kind: as TOML has it, or toml++ would see other keys. A
// string that does not end is an error, and toml++ looks no further either.
std::size_t behind_string(std::string_view text, std::size_t begin) {
    const char quote = text[begin];
    const bool multi_line = text.substr(begin, 3) == std::string(3, quote);
    std::size_t quotes = 0; // in a row
    for (std::size_t i = begin + (multi_line ? 3 : 1); i < text.size(); ++i) {
        if (text[i] != quote && quotes >= 3) return i;
        quotes = text[i] == quote ? quotes + 1 : 0;
        if (!multi_line && (quotes == 1 || text[i] == '\n')) return i + (quotes == 1 ? 1 : 0);
        if (quotes == 5) return i + 1; // the first two belong to the text
        if (text[i] == '\\' && quote == '"') ++i;
    }
    return text.size();
}

void check_key_parts(std::string_view text, std::uint32_t file) {
    std::size_t dots = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '"' || c == '\'') {
            i = behind_string(text, i) - 1;
        } else if (c == '#') {
            i = std::min(text.find('\n', i), text.size()) - 1;
        } else if (c == '\n' || c == '=' || c == ',' || c == '{' || c == '[') {
            dots = 0;
        } else if (c == '.' && ++dots > max_key_parts) {
            throw ConfigSyntaxError("too many dots in a row (expected keys of at most " + std::to_string(max_key_parts) +
                                        " parts)",
                                    position_of_byte(text, i, file));
        }
    }
}

} // namespace

Said where_said(const ConfigDocument& document, const std::vector<std::string>& way) {
    const toml::node* node = document.root.get();
    for (const std::string& part : way) {
        if (node == nullptr) return {};
        if (const toml::table* const table = node->as_table()) {
            node = table->get(part);
            continue;
        }
        const toml::array* const array = node->as_array();
        std::size_t item = 0;
        const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), item);
        node = array != nullptr && error == std::errc() && end == part.data() + part.size() ? array->get(item) : nullptr;
    }
    if (node == nullptr) return {};
    return {ConfigProblems(document.files).place(position_of(*node)), names_text_file(*node)};
}

std::shared_ptr<toml::table> parse_toml(std::string text, std::uint32_t file) {
    if (text.size() > max_config_size) throw ConfigSyntaxError("is too large (expected at most 64 MiB)", {0, 0, file});
    if (std::string problem; !normalise_text(text, problem)) {
        const ConfigProblem at = problem_of_text(':' + problem, ""); // "LINE:COLUMN: WHAT"
        throw ConfigSyntaxError(at.what, {at.line, at.column, file});
    }
    check_key_parts(text, file);
    try {
        // From a stream: toml++ 3.3 promises not to throw while it begins with a text, although it allocates.
        std::istringstream stream(text);
        return std::make_shared<toml::table>(toml::parse(stream, std::to_string(file)));
    } catch (const toml::parse_error& error) {
        constexpr std::string_view prefix = "Error while parsing ";
        std::string what(error.description());
        what = what.starts_with(prefix) ? "syntax error in " + what.substr(prefix.size()) : "syntax error: " + what;
        const toml::source_position at = error.source().begin;
        const Position position{at.line, at.column, file};
        if (std::string cause = explain_syntax_error(text, position); !cause.empty()) what = "syntax error: " + cause;
        throw ConfigSyntaxError(printable(what, 400), position);
    }
}

} // namespace gatehouse::host
