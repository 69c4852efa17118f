#include "config/syntax_error.hpp"

#include "base/ascii.hpp"
#include "base/printable.hpp"
#include "config/variables.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace gatehouse::host {
namespace {

constexpr std::size_t longest = 60; // of what is shown

std::string shown(std::string_view text) { return printable(text, longest); }
std::string quoted(std::string_view text) { return '"' + shown(text) + '"'; }

bool is_key_character(char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.'; }

// A line in parts, as far as it can be told.
struct Line {
    std::string_view code;                 // without the comment and the blanks around
    std::string_view key;                  // before the first "=" outside of quotes
    std::optional<std::string_view> value; // behind it; nothing: there is no "="
    char unclosed = 0;                     // the quote of a text that does not end on this line
};

Line parts_of(std::string_view text) {
    Line line;
    std::size_t end = text.size();
    std::size_t equals = std::string_view::npos;
    for (std::size_t i = 0; i < text.size() && end == text.size(); ++i) {
        const char c = text[i];
        if (line.unclosed != 0) {
            if (c == '\\' && line.unclosed == '"') ++i;
            if (c == line.unclosed) line.unclosed = 0;
        } else if (c == '"' || c == '\'') {
            line.unclosed = c;
        } else if (c == '=' && equals == std::string_view::npos) {
            equals = i;
        } else if (c == '#') {
            end = i;
        }
    }
    text = text.substr(0, end);
    line.code = trimmed(text);
    line.key = trimmed(text.substr(0, equals));
    if (equals != std::string_view::npos) line.value = trimmed(text.substr(equals + 1));
    return line;
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        lines.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return lines;
}

// The bytes in front of a column, which counts characters.
std::size_t offset_of(std::string_view line, std::size_t column) {
    std::size_t at = 0;
    for (std::size_t i = 1; i < column && at < line.size(); ++i) do
            ++at;
        while (at < line.size() && (static_cast<unsigned char>(line[at]) & 0xc0U) == 0x80U);
    return std::min(at, line.size());
}

// The value that the column is in, or that ends right before it, in an array or an inline table; "" if it is none.
std::string_view item_at(std::string_view line, std::size_t column) {
    constexpr std::string_view delimiters = " \t\r,[]{}=#\"'";
    std::size_t at = offset_of(line, column);
    while (at > 0 && (at == line.size() || delimiters.find(line[at]) != std::string_view::npos)) --at;
    const std::size_t begin = line.substr(0, at).find_last_of(delimiters) + 1; // npos + 1 is 0
    const std::string_view before = trimmed(line.substr(0, begin));
    if (!before.ends_with('[') && !before.ends_with(',') && !before.ends_with('=')) return "";
    return line.substr(begin).substr(0, line.substr(begin).find_first_of(delimiters));
}

std::string explain_header(const Line& line, const std::vector<std::string_view>& earlier) {
    std::string_view name = line.code;
    std::size_t opening = 0;
    std::size_t closing = 0;
    for (; name.starts_with('['); name.remove_prefix(1)) ++opening;
    for (; name.ends_with(']'); name.remove_suffix(1)) ++closing;
    name = trimmed(name);
    const std::size_t end = line.code.find(']');
    if (end != std::string_view::npos && line.code.find_first_not_of(']', end) != std::string_view::npos)
        return shown(trimmed(line.code.substr(line.code.find_first_not_of(']', end)))) +
               " stands behind the section's name (expected the name alone on its line)";
    if (name.find_first_of("[],") != std::string_view::npos) return "";
    if (name.empty()) return "the section has no name (expected [NAME])";
    if (opening != closing || opening > 2)
        return "the brackets of the section do not match (expected [" + shown(name) + "] or [[" + shown(name) + "]])";
    for (std::size_t i = 0; i < earlier.size(); ++i) {
        const std::string_view other = parts_of(earlier[i]).code;
        const std::string at = " is in line " + std::to_string(i + 1) + " already (expected ";
        if (opening == 2 && other == "[" + std::string(name) + "]")
            return '[' + shown(name) + "] with one bracket is in line " + std::to_string(i + 1) +
                   " (expected two each time: [[" + shown(name) + "]])";
        if (opening == 1 && other == "[[" + std::string(name) + "]]")
            return "[[" + shown(name) + "]] with two brackets is in line " + std::to_string(i + 1) +
                   " (expected two each time)";
        if (other != line.code) continue;
        const bool repeats = name == "listeners" || name.ends_with(".routes") || name.ends_with(".sni");
        return shown(line.code) + at +
               (repeats ? "two brackets each time: [[" + shown(name) + "]])" : "it once, with all keys)");
    }
    if (name.find_first_of(ascii_blanks) != std::string_view::npos)
        return "the section's name " + quoted(name) + " has a blank in it (expected letters, digits, - and _)";
    return "";
}

// The same key of the same section.
std::string explain_repeated(const Line& line, const std::vector<std::string_view>& earlier) {
    for (std::size_t i = earlier.size(); i-- > 0;) {
        const Line other = parts_of(earlier[i]);
        if (other.code.starts_with('[')) return "";
        if (other.value && other.key == line.key)
            return shown(line.key) + " is in line " + std::to_string(i + 1) + " already (expected it once)";
        const auto is_part = [](std::string_view part, std::string_view whole) {
            return part.starts_with(whole) && part.substr(whole.size()).starts_with('.');
        };
        if (other.value && (is_part(other.key, line.key) || is_part(line.key, other.key)))
            return shown(other.key) + " is in line " + std::to_string(i + 1) +
                   " already (expected the whole table in one place)";
    }
    return "";
}

std::string explain_word(std::string_view word, std::string_view key) {
    if (word.ends_with(';')) return "the ; does not belong there (expected a comma)";
    if (word.starts_with('(')) return "an array has square brackets (expected [...])";
    const std::string lower = ascii_lower(word);
    if ((lower == "true" || lower == "false") && word != lower)
        return shown(word) + " needs small letters (expected " + lower + ")";
    if (lower == "yes" || lower == "no" || lower == "on" || lower == "off")
        return shown(word) + " is no value (expected " + (lower == "yes" || lower == "on" ? "true" : "false") + ", or " +
               quoted(word) + " if the key takes that word)";
    if (lower == "null" || lower == "nil" || lower == "none")
        return shown(word) + " is no value (leave " + shown(key) + " out, or write " + quoted(word) + ")";
    const bool digits = std::all_of(word.begin(), word.end(), is_digit);
    if (digits && word.size() > 1 && word.front() == '0')
        return shown(word) + " begins with a zero (expected " + quoted(word) + ", in quotes, or a number without it)";
    return digits ? "" : shown(word) + " needs quotes (expected " + quoted(std::string_view(with_braces(word))) + ")";
}

// The number of the line in which an array begins that has not ended yet; 0: there is none.
std::size_t open_array(const std::vector<std::string_view>& earlier) {
    std::ptrdiff_t open = 0;
    for (std::size_t i = earlier.size(); i-- > 0;) {
        const Line line = parts_of(earlier[i]);
        if (!line.value && line.code.starts_with('[')) return 0;
        const std::string_view text = line.value ? *line.value : line.code;
        open += std::count(text.begin(), text.end(), '[') - std::count(text.begin(), text.end(), ']');
        if (line.value) return open > 0 ? i + 1 : 0;
    }
    return 0;
}

// Of a value that is neither an array nor a table.
std::string explain_single(const Line& line) {
    std::string_view value = *line.value;
    if (value.front() == '"' || value.front() == '\'') {
        std::size_t end = 1;
        for (; end < value.size() && value[end] != value.front(); ++end)
            if (value[end] == '\\' && value.front() == '"') ++end;
        const std::string_view rest = trimmed(value.substr(std::min(end + 1, value.size())));
        if (rest.starts_with(',') && rest.size() > 1)
            return "several values need brackets (expected " + shown(line.key) + " = [" + shown(value) + "])";
        if (rest.starts_with("//")) return "a comment begins with # (expected # instead of //)";
        if (!rest.empty()) return shown(rest) + " stands behind the value (expected one value, and nothing else)";
        const std::size_t escape = value.find('\\');
        if (value.front() == '"' && escape != std::string_view::npos)
            return "a backslash in \"...\" begins an escape (expected '...', where it is a backslash)";
        return "";
    }
    if (value.ends_with(';') || value.ends_with(','))
        return "the " + std::string(1, value.back()) + " does not belong there (expected one value, and nothing else)";
    if (value.find_first_not_of("0123456789, ") == std::string_view::npos &&
        value.find_first_of(", ") != std::string_view::npos) {
        std::string number(value);
        std::erase_if(number, [](char c) { return c == ',' || c == ' '; });
        return "a number has no commas and no blanks (expected " + shown(number) + ")";
    }
    if (value.starts_with('(')) return "an array has square brackets (expected [...])";
    if (value.starts_with("${") && value.ends_with('}')) return shown(value) + " needs quotes (expected " + quoted(value) + ")";
    if (value.find_first_of("[]{}\"'") != std::string_view::npos) return "";
    return explain_word(value, line.key);
}

} // namespace

std::string explain_syntax_error(std::string_view text, Position at) {
    std::vector<std::string_view> lines = lines_of(text);
    if (at.line == 0 || at.line > lines.size()) return "";
    // An array or a text that is not closed shows at the next line, or at the end.
    std::size_t number = at.line;
    while (number > 1 && trimmed(lines[number - 1]).empty()) --number;
    const std::string_view raw = lines[number - 1];
    const Line line = parts_of(raw);
    lines.resize(number - 1);
    if (text.find("\"\"\"") != std::string_view::npos || text.find("'''") != std::string_view::npos) return "";

    for (const std::string_view quote : {"\u201c", "\u201d", "\u201e", "\u2018", "\u2019", "\u00ab", "\u00bb"})
        if (raw.find(quote) != std::string_view::npos)
            return std::string(quote) + " is no quote that TOML knows (expected \" or ')";
    if (line.code.starts_with("//") || line.code.starts_with(';') || line.code.starts_with("--"))
        return "a comment begins with # (expected # instead of " +
               shown(line.code.substr(0, line.code.front() == ';' ? 1 : 2)) + ")";
    if (raw.find('\r') < raw.size() - 1) return "a line ends with \\r alone (expected \\n, or \\r\\n)";
    if (const std::size_t array = open_array(lines); array != 0 && line.unclosed == 0) {
        if (line.value || line.code.starts_with('['))
            return "the array that begins in line " + std::to_string(array) + " does not end (expected ])";
        const std::string_view before = parts_of(lines.back()).code;
        if (!before.ends_with(',') && !before.ends_with('[') && !line.code.starts_with(']'))
            return "there is no comma behind the value in line " + std::to_string(lines.size()) + " (expected one)";
        const std::string_view item = line.code.ends_with(',') ? line.code.substr(0, line.code.size() - 1) : line.code;
        return item.find_first_of("[]{}\"',") == std::string_view::npos ? explain_word(item, "it") : "";
    }
    if (line.code.starts_with('{') || line.code.starts_with('<') || line.code.starts_with("- "))
        return "this is not TOML (expected sections such as [host], and KEY = VALUE in them)";
    if (line.unclosed != 0 && line.value && line.value->find(line.unclosed) == line.value->size() - 1)
        return "the text has no quote at its beginning (expected " + quoted(line.value->substr(0, line.value->size() - 1)) +
               ")";
    if (line.unclosed != 0) {
        std::string what = "the text that ";
        what += line.unclosed;
        return what.append(" begins does not end on this line (expected the same quote at its end)");
    }
    if (line.code.starts_with('[') && line.key.find('"') == std::string_view::npos) return explain_header(line, lines);
    if (!line.value) {
        const std::size_t colon = line.code.find(": ");
        if (colon != std::string_view::npos || line.code.ends_with(':')) {
            const std::string_view key = line.code.substr(0, std::min(colon, line.code.size() - 1));
            return "a key and its value are joined by = (expected " + shown(key) + " = ...)";
        }
        if (line.code.ends_with(']') && line.code.find('[') == std::string_view::npos)
            return "the brackets of the section do not match (expected [" + shown(line.code.substr(0, line.code.find(']'))) +
                   "])";
        const std::size_t blank = line.code.find_first_of(ascii_blanks);
        const std::string_view key = line.code.substr(0, blank);
        if (key.empty() || !std::all_of(key.begin(), key.end(), is_key_character)) return "";
        return "there is no = behind the key (expected " + shown(key) + " = ...)";
    }
    if (line.key.empty()) return "there is no key before the = (expected KEY = VALUE)";
    if (line.key.ends_with(':')) return "a key and its value are joined by = alone (expected KEY = VALUE)";
    const bool plain = line.key.find_first_of("\"'{[,") == std::string_view::npos;
    if (plain && line.key.find_first_of(ascii_blanks) != std::string_view::npos &&
        line.key.find('.') == std::string_view::npos) {
        std::string joined(line.key);
        std::replace_if(
            joined.begin(), joined.end(), [](char c) { return ascii_blanks.find(c) != std::string_view::npos; }, '_');
        return "the key " + quoted(line.key) + " has a blank in it (expected " + shown(joined) + ")";
    }
    if (plain && !std::all_of(line.key.begin(), line.key.end(), is_key_character))
        return "the key " + quoted(line.key) + " has other characters than letters, digits, - and _";
    if (line.value->empty()) return shown(line.key) + " has no value";
    if (line.value->starts_with('=') || line.value->starts_with('>')) return "one = is enough (expected KEY = VALUE)";
    if (std::string repeated = explain_repeated(line, lines); !repeated.empty()) return repeated;
    if (line.value->starts_with('[') && line.value->find("]:") != std::string_view::npos)
        return explain_word(*line.value, line.key); // an IPv6 address
    if (line.value->starts_with('[') || line.value->starts_with('{')) {
        const bool pairs = line.value->find('=') != std::string_view::npos;
        if (line.value->starts_with('[') && pairs && line.value->find_first_of("{\"'") == std::string_view::npos)
            return "a table has curly brackets (expected { KEY = VALUE })";
        const std::string_view behind = number == at.line ? raw.substr(offset_of(raw, at.column)) : "";
        const std::string_view before = trimmed(raw.substr(0, raw.size() - behind.size()));
        if (behind.starts_with(':') && line.value->starts_with('{'))
            return "a key and its value are joined by = (expected { KEY = VALUE })";
        if (line.value->starts_with('{') && line.value->ends_with('}') && !pairs)
            return "an array has square brackets (expected [...])";
        if ((behind.starts_with('"') || behind.starts_with('\'')) && (before.ends_with('"') || before.ends_with('\'')))
            return "there is no comma between two values (expected one)";
        if (behind.starts_with('}') && before.ends_with(','))
            return "the last comma does not belong in a table (expected none before })";
        const auto count = [&](char c) { return std::count(line.value->begin(), line.value->end(), c); };
        if (line.value->starts_with('{') && count('{') > count('}'))
            return "the table that { begins does not end on this line (expected } on the same line, or a section)";
        if (count('[') > count(']')) return "the array that [ begins does not end (expected ])";
        const std::string_view item = number == at.line ? item_at(raw, at.column) : "";
        return item.empty() ? "" : explain_word(item, line.key);
    }
    return explain_single(line);
}

} // namespace gatehouse::host
