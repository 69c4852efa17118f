#include "base/log_line.hpp"

#include <array>
#include <charconv>

namespace gatehouse::host {
namespace {

constexpr std::size_t longest_text = max_log_line / 8; // six times as long in JSON at most

std::string_view level_name(LogLevel level) noexcept {
    constexpr std::array<std::string_view, 4> names{"debug", "info", "warning", "error"};
    return names[static_cast<std::size_t>(level)];
}

// The length of the valid UTF-8 sequence that `text` starts with, or 0. C1 control characters do not count as valid here.
std::size_t utf8_length(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
    const unsigned first = byte(0);
    const unsigned second = byte(1);
    if (first >= 0xc2 && first <= 0xdf) return tail(1) && (first != 0xc2 || second >= 0xa0) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        const bool overlong = first == 0xe0 && second < 0xa0;
        const bool surrogate = first == 0xed && second >= 0xa0;
        return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const bool out_of_range = (first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90);
        return tail(1) && tail(2) && tail(3) && !out_of_range ? 4 : 0;
    }
    return 0;
}

bool is_plain(char c) noexcept { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

// Appends text so that it stays on its line: control characters and bytes that are not UTF-8 become \xNN (\u00NN in JSON);
// with `quotes`, quote and backslash are escaped as well.
template <class Text>
void append_escaped(Text& out, std::string_view text, bool json, bool quotes) {
    constexpr std::string_view digits = "0123456789abcdef";
    while (!text.empty()) {
        std::size_t length = 0;
        while (length < text.size() && is_plain(text[length])) ++length;
        if (length == 0) {
            const auto byte = static_cast<unsigned char>(text.front());
            length = byte == '"' || byte == '\\' ? 1 : utf8_length(text);
            if (length == 1 && quotes) out += '\\';
        }
        if (length == 0) {
            const auto byte = static_cast<unsigned char>(text.front());
            out += json ? std::string_view("\\u00") : std::string_view("\\x");
            out += digits[byte >> 4U];
            out += digits[byte & 15U];
            length = 1;
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(length);
    }
}

bool needs_quotes(std::string_view text) noexcept {
    return text.empty() || text.find_first_of(" \"=\\") != std::string_view::npos;
}

void append_value(LogLine& line, const Field::Value& value, bool json) noexcept {
    if (const auto* const text = std::get_if<std::string_view>(&value)) {
        const bool quotes = json || needs_quotes(*text);
        if (quotes) line += '"';
        append_escaped(line, text->substr(0, longest_text), json, quotes);
        if (quotes) line += '"';
    } else if (const auto* const number = std::get_if<double>(&value)) {
        line.add(*number, std::chars_format::fixed, 3); // thousandths are enough
    } else if (const auto* const whole = std::get_if<std::int64_t>(&value)) {
        line.add(*whole);
    } else {
        line.add(std::get<std::uint64_t>(value));
    }
}

// key=value for each field that fits into so many bytes of the line, with a blank before it.
void append_pairs(LogLine& line, Fields fields, std::size_t limit = max_log_line - 1) noexcept {
    for (const Field& field : fields) {
        if (field.key().empty()) continue;
        const std::size_t before = line.size();
        line += ' ';
        line += field.key();
        line += '=';
        append_value(line, field.value(), false);
        if (line.size() > limit) return line.cut(before);
    }
}

// A text without the quotes that it has beside others.
void append_alone(LogLine& line, const Field::Value& value) noexcept {
    if (const auto* const text = std::get_if<std::string_view>(&value))
        append_escaped(line, text->substr(0, longest_text), false, false);
    else
        append_value(line, value, false);
}

} // namespace

void format_human(LogLine& line, LogLevel level, std::string_view message, Fields fields, bool colour) noexcept {
    constexpr std::array<std::string_view, 4> colours{"\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m"};
    constexpr std::string_view blanks = "        ";
    line += ' ';
    if (colour) line += colours[static_cast<std::size_t>(level)];
    line += level_name(level);
    if (colour) line += "\x1b[0m";
    line += blanks.substr(level_name(level).size());
    append_escaped(line, message.substr(0, longest_text), false, false);
    append_pairs(line, fields);
}

void format_logfmt(LogLine& line, LogLevel level, std::string_view message, Fields fields) noexcept {
    line += " level=";
    line += level_name(level);
    line += " msg=";
    append_value(line, message, false);
    append_pairs(line, fields);
}

void format_journal(LogLine& line, LogLevel level, std::string_view message, Fields fields) noexcept {
    constexpr std::string_view before_key = "GATEHOUSE_";
    line += "MESSAGE=";
    append_escaped(line, message.substr(0, longest_text), false, false);
    append_pairs(line, fields, max_log_line / 2); // they need room by themselves, too
    line += "\nGATEHOUSE_LEVEL=";
    line += level_name(level);
    line += '\n';
    for (const Field& field : fields) {
        if (field.key().empty()) continue;
        const std::size_t before = line.size();
        line += before_key;
        for (const char c : field.key()) line += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        line += '=';
        append_alone(line, field.value());
        line += '\n';
        if (line.is_full()) return line.cut(before);
    }
}

void format_json(LogLine& line, LogLevel level, std::string_view message, Fields fields) noexcept {
    line += R"(,"level":")";
    line += level_name(level);
    line += R"(","message":")";
    append_escaped(line, message.substr(0, longest_text), true, true);
    line += '"';
    for (const Field& field : fields) {
        if (field.key().empty()) continue;
        const std::size_t before = line.size();
        line += ",\"";
        line += field.key();
        line += "\":";
        append_value(line, field.value(), true);
        if (line.is_full()) { // the brace needs room too
            line.cut(before);
            break;
        }
    }
    line += '}';
}

std::string escape_json(std::string_view text) {
    std::string escaped;
    append_escaped(escaped, text, true, true);
    return escaped;
}

} // namespace gatehouse::host
