#include "config/value_text.hpp"

#include "base/log_line.hpp"
#include "base/units.hpp"

#include <algorithm>

namespace gatehouse::host {
namespace {

// A number with its unit is a string.
std::string quantity(std::string text) {
    const bool bare = text.find_first_not_of("0123456789") == std::string::npos;
    return bare ? text : '"' + text + '"';
}

template <class List, class TextOf>
std::string list_text(const List& list, TextOf text_of) {
    if (list.empty()) return "";
    std::string text = "[";
    for (const auto& one : list) text += (text.size() > 1 ? ", " : "") + text_of(one);
    return text + ']';
}

std::string hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const char c : bytes) {
        text += digits[static_cast<unsigned char>(c) >> 4U];
        text += digits[static_cast<unsigned char>(c) & 15U];
    }
    return text;
}

// Bytes at the start that are a text are a prefix, however the file has them.
std::string part_text(const BytePattern::Part& part) {
    const bool prefix = part.at == 0 && std::ranges::all_of(part.bytes, [](char c) { return c >= ' ' && c <= '~'; });
    if (prefix) return "\"prefix\": " + value_text(part.bytes);
    return "\"hex\": \"" + hex(part.bytes) + "\", \"at\": " + std::to_string(part.at);
}

std::string pattern_text(const BytePattern& pattern) {
    std::string text = "{";
    for (const BytePattern::Part& part : pattern.parts) text += (text.size() > 1 ? ", " : "") + part_text(part);
    return text + '}';
}

} // namespace

std::string value_text(std::string_view text) { return text.empty() ? "" : '"' + escape_json(text) + '"'; }
std::string value_text(bool flag) { return flag ? "true" : "false"; }
std::string value_text(Milliseconds duration) { return duration.count() == 0 ? "0" : quantity(format_duration(duration)); }
std::string value_text(std::uint64_t bytes) { return quantity(format_size(bytes)); }
std::string value_text(const std::vector<std::string>& list) {
    return list_text(list, [](const std::string& one) { return value_text(one); });
}
std::string value_text(const std::vector<Network>& networks) {
    return list_text(networks, [](const Network& network) { return '"' + to_string(network) + '"'; });
}
std::string value_text(const std::vector<BytePattern>& patterns) { return list_text(patterns, pattern_text); }

} // namespace gatehouse::host
