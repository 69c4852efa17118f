#include "config/key.hpp"

#include "base/ascii.hpp"
#include "base/printable.hpp"
#include "base/units.hpp"

#include <algorithm>
#include <iterator>

namespace gatehouse::host {
namespace {

std::string_view noun(ConfigKey::Type type) {
    switch (type) {
    case ConfigKey::Type::string:
        return "string";
    case ConfigKey::Type::path:
        return "path";
    case ConfigKey::Type::address:
        return "address";
    case ConfigKey::Type::integer:
        return "integer";
    case ConfigKey::Type::boolean:
        return "boolean";
    case ConfigKey::Type::duration:
        return "duration";
    case ConfigKey::Type::size:
        return "size";
    case ConfigKey::Type::mode:
        return "mode";
    case ConfigKey::Type::table:
        return "table";
    case ConfigKey::Type::tls_server:
        return "TLS section";
    case ConfigKey::Type::tls_client:
        break;
    }
    return "TLS";
}

} // namespace

std::string key_in_path(std::string_view key) {
    const bool bare =
        !key.empty() && std::ranges::all_of(key, [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_'; });
    return bare && key.size() <= 64 ? std::string(key) : in_quotes(key);
}

ConfigKey& key_at(std::vector<ConfigKey>& keys, std::string_view path) {
    const std::size_t dot = path.find('.');
    const std::string_view name = path.substr(0, dot);
    auto found = std::ranges::find(keys, name, &ConfigKey::name);
    if (found == keys.end()) {
        keys.emplace_back().name = name;
        found = std::prev(keys.end());
    }
    if (dot == std::string_view::npos) return *found;
    found->type = ConfigKey::Type::table;
    return key_at(found->fields, path.substr(dot + 1));
}

std::string number_text(const ConfigKey& key, std::int64_t value) {
    std::string text = std::to_string(value);
    if (key.type == ConfigKey::Type::duration && value != 0) text = format_duration(Milliseconds(value));
    if (key.type == ConfigKey::Type::size) text = format_size(static_cast<std::uint64_t>(value));
    return text.find_first_not_of("-0123456789") == std::string::npos ? text : '"' + text + '"';
}

std::string type_text(const ConfigKey& key) {
    const std::string one(noun(key.type));
    const std::string plural = one + (one.ends_with('s') ? "es" : "s");
    if (key.many == ConfigKey::Many::list) return "list of " + plural;
    return key.many == ConfigKey::Many::one ? one : one + ", or a list";
}

std::string limits_text(const ConfigKey& key) {
    std::string text;
    for (std::size_t i = 0; i < key.words.size(); ++i)
        text += (i == 0 ? "" : i + 1 == key.words.size() ? " or " : ", ") + in_quotes(key.words[i]);
    if (key.minimum && key.maximum) return number_text(key, *key.minimum) + " to " + number_text(key, *key.maximum);
    if (key.minimum) return "at least " + number_text(key, *key.minimum);
    if (key.maximum) return "at most " + number_text(key, *key.maximum);
    return text;
}

std::string default_text(const ConfigKey& key) {
    if (key.required) return "required";
    if (!key.fallback.empty()) return key.fallback;
    return key.absent.empty() ? "none" : key.absent;
}

} // namespace gatehouse::host
