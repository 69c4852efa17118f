#include "config/values.hpp"

#include "base/ascii.hpp"
#include "base/printable.hpp"

#include <algorithm>

namespace gatehouse::host {
namespace {

std::string not_a_name(std::string_view text) {
    return in_quotes(text) + " is not a name (expected " + std::string(a_name) + ")";
}

} // namespace

bool is_name(std::string_view text) noexcept {
    return !text.empty() && text.size() <= 64 &&
           std::all_of(text.begin(), text.end(), [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_'; });
}

void check_section_name(ConfigTable& sections, const std::string& name) {
    if (!is_name(name)) sections.reject(name, not_a_name(name));
}

std::string read_name(ConfigTable& table, std::string_view key, std::string_view expected) {
    std::string_view text;
    const ConfigTable::Found found = table.string(key, text);
    if (found == ConfigTable::Found::absent) table.missing(key, expected);
    if (found != ConfigTable::Found::good) return "";
    if (is_name(text)) return std::string(text);
    table.reject(key, not_a_name(text));
    return "";
}

bool read_text(ConfigTable& table, std::string_view key, std::string_view& value) {
    if (table.string(key, value) != ConfigTable::Found::good) return false;
    const bool clean = std::none_of(value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    if (!clean) table.reject(key, in_quotes(value) + " has a control character");
    if (value.empty()) table.reject(key, "empty (leave it out for the default)");
    return clean && !value.empty();
}

bool read_path(ConfigTable& table, std::string_view key, std::filesystem::path& path) {
    std::string_view text;
    table.describe(key, [](ConfigKey& of) { of.type = ConfigKey::Type::path; });
    if (!read_text(table, key, text)) return false;
    path = table.folder() / text;
    return true;
}

} // namespace gatehouse::host
