#include "plugin_description.hpp"

#include "base/json.hpp"
#include "base/text_table.hpp"
#include "config/key.hpp"

#include <string_view>
#include <vector>

namespace gatehouse::host {
namespace {

using Keys = std::vector<ConfigKey>;

// How the keys of a table are called from outside: "servers[].", "health.".
std::string prefix_of(const ConfigKey& table) { return table.name + (table.many == ConfigKey::Many::one ? "." : "[]."); }

std::string meaning_with_limits(const ConfigKey& key) {
    const std::string limits = limits_text(key);
    return key.meaning + (limits.empty() ? "" : "; " + limits);
}

std::string type_with_unit(const ConfigKey& key) { return type_text(key) + (key.unit.empty() ? "" : ' ' + key.unit); }

void add_rows(const Keys& keys, const std::string& before, std::vector<Row>& rows) {
    for (const ConfigKey& key : keys) {
        rows.push_back({before + key.name, type_with_unit(key), default_text(key), meaning_with_limits(key)});
        add_rows(key.fields, before + prefix_of(key), rows);
    }
}

std::string text_description(const PluginLibrary& library) {
    const PluginFacts& facts = library.facts();
    const std::string head = facts.name + ' ' + facts.version + ", ABI " + facts.needs + ", " + library.file().string() + '\n';
    if (!library.keys()) return head + "It does not say which keys its configuration has; its manual may.\n";
    if (library.keys()->empty()) return head + "It has no configuration of its own.\n";
    std::vector<Row> rows{{"key", "type", "default", "meaning"}};
    add_rows(*library.keys(), "", rows);
    return head + '\n' + format_table(rows);
}

std::string json_type(const ConfigKey& key) {
    if (key.type == ConfigKey::Type::tls_client) return "tls";
    return key.type == ConfigKey::Type::tls_server ? "tls_section" : type_text(key);
}

Json json_of(const Keys& keys) {
    Json list = Json::array();
    for (const ConfigKey& key : keys) {
        ConfigKey single = key;
        single.many = ConfigKey::Many::one;
        Json object = Json::object();
        object.set("name", Json::text(key.name))
            .set("type", Json::text(json_type(single)))
            .set("list", Json::raw(key.many == ConfigKey::Many::one ? "false" : "true"))
            .set("required", Json::raw(key.required ? "true" : "false"));
        if (!key.fallback.empty()) object.set("default", Json::raw(key.fallback));
        if (!key.absent.empty()) object.set("without", Json::text(key.absent));
        if (key.minimum) object.set("minimum", Json::raw(std::to_string(*key.minimum)));
        if (key.maximum) object.set("maximum", Json::raw(std::to_string(*key.maximum)));
        if (!key.unit.empty()) object.set("unit", Json::text(key.unit));
        if (!key.words.empty()) object.set("words", Json::texts(key.words));
        object.set("meaning", Json::text(key.meaning));
        if (key.type == ConfigKey::Type::table) object.set("keys", json_of(key.fields));
        list.add(std::move(object));
    }
    return list;
}

std::string json_description(const PluginLibrary& library) {
    const PluginFacts& facts = library.facts();
    Json object = Json::object();
    object.set("plugin", Json::text(facts.name))
        .set("version", Json::text(facts.version))
        .set("abi", Json::text(facts.needs))
        .set("library", Json::text(library.file().string()))
        .set("keys", library.keys() ? json_of(*library.keys()) : Json::raw("null"));
    return object.pretty();
}

// What stands in a cell: a bar would end it.
std::string cell(std::string_view text) {
    std::string escaped;
    for (const char c : text) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
    return escaped;
}

void add_table(const Keys& keys, const std::string& title, std::string& page) {
    page += (page.empty() ? "| " : "\n| ") + title + " | type | default | meaning |\n|---|---|---|---|\n";
    for (const ConfigKey& key : keys) {
        const std::string usual = key.required || key.fallback.empty() ? default_text(key) : '`' + key.fallback + '`';
        page += "| `" + key.name + "` | " + cell(type_with_unit(key)) + " | " + cell(usual) + " | " +
                cell(meaning_with_limits(key)) + " |\n";
    }
    for (const ConfigKey& key : keys)
        if (!key.fields.empty())
            add_table(key.fields, '`' + (title == "key" ? "" : title.substr(1, title.size() - 2)) + prefix_of(key) + '`', page);
}

} // namespace

std::string describe(const PluginLibrary& library, DescriptionFormat format) {
    if (format == DescriptionFormat::json) return json_description(library);
    if (format == DescriptionFormat::text) return text_description(library);
    std::string page;
    if (library.keys() && !library.keys()->empty()) add_table(*library.keys(), "key", page);
    return page;
}

} // namespace gatehouse::host
