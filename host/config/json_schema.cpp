#include "config/json_schema.hpp"

#include "base/json.hpp"
#include "config/load.hpp"
#include "config/manual.hpp"
#include "config/tls_section.hpp"

#include <algorithm>
#include <string_view>

namespace gatehouse::host {
namespace {

constexpr std::string_view any_name = "NAME"; // of sections, in config_keys()

Json typed(std::string_view type) {
    Json schema = Json::object();
    schema.set("type", Json::text(type));
    return schema;
}

Json reference(const std::string& name) {
    Json schema = Json::object();
    schema.set("$ref", Json::text("#/$defs/" + name));
    return schema;
}

Json any_of(Json one, Json other) {
    Json list = Json::array();
    list.add(std::move(one)).add(std::move(other));
    Json schema = Json::object();
    schema.set("anyOf", std::move(list));
    return schema;
}

Json pattern(std::string_view expression) {
    Json schema = typed("string");
    schema.set("pattern", Json::text(expression));
    return schema;
}

Json words_of(const ConfigKey& key) {
    Json schema = Json::object();
    schema.set("enum", Json::texts(key.words));
    return schema;
}

Json table_of(const std::vector<ConfigKey>& keys);

// Or a text with a variable, or the text of a file.
Json or_from_outside(Json schema) { return any_of(std::move(schema), reference("outside")); }

Json one_value(const ConfigKey& key) {
    switch (key.type) {
    case ConfigKey::Type::integer: {
        Json schema = typed("integer");
        if (key.minimum) schema.set("minimum", Json::raw(std::to_string(*key.minimum)));
        if (key.maximum) schema.set("maximum", Json::raw(std::to_string(*key.maximum)));
        return or_from_outside(std::move(schema));
    }
    case ConfigKey::Type::boolean:
        return or_from_outside(key.words.empty() ? typed("boolean") : any_of(typed("boolean"), words_of(key)));
    case ConfigKey::Type::duration:
        return reference("duration");
    case ConfigKey::Type::size:
        return reference("size");
    case ConfigKey::Type::mode:
        return reference("mode");
    case ConfigKey::Type::table:
        return table_of(key.fields);
    case ConfigKey::Type::tls_client:
        return or_from_outside(any_of(typed("boolean"), reference("tls_client")));
    default:
        return or_from_outside(key.words.empty() ? typed("string") : words_of(key));
    }
}

Json value_of(const ConfigKey& key) {
    Json schema = one_value(key);
    if (key.many != ConfigKey::Many::one) {
        Json list = typed("array");
        list.set("items", std::move(schema));
        schema = key.many == ConfigKey::Many::list ? std::move(list) : any_of(one_value(key), std::move(list));
    }
    if (!key.meaning.empty()) schema.set("description", Json::text(key.meaning));
    if (!key.fallback.empty()) schema.set("default", Json::raw(key.fallback));
    return schema;
}

// Sections that users name.
Json named(Json section) {
    Json names = Json::object();
    names.set("^[A-Za-z0-9_-]{1,64}$", std::move(section));
    Json schema = typed("object");
    schema.set("patternProperties", std::move(names)).set("additionalProperties", Json::raw("false"));
    return schema;
}

Json table_of(const std::vector<ConfigKey>& keys) {
    if (keys.size() == 1 && keys.front().name == any_name) return named(value_of(keys.front()));
    Json properties = Json::object();
    std::vector<std::string> required;
    for (const ConfigKey& key : keys) {
        properties.set(key.name, value_of(key));
        if (key.required) required.push_back(key.name);
    }
    Json schema = typed("object");
    schema.set("properties", std::move(properties)).set("additionalProperties", Json::raw("false"));
    if (!required.empty()) schema.set("required", Json::texts(required));
    return schema;
}

// What a section of [plugins.NAME] with this library has in its `config`.
Json config_of(const LibraryKeys& library) {
    Json config = Json::object();
    config.set("config", reference("plugin." + library.name));
    Json schema = Json::object();
    schema.set("properties", std::move(config));
    if (std::ranges::any_of(*library.keys, &ConfigKey::required)) schema.set("required", Json::texts({"config"}));
    return schema;
}

// The section of a plugin instance: its `library`, or without one its name, says which keys `config` has.
Json plugins_of(const ConfigKey& plugins, std::span<const LibraryKeys> libraries) {
    ConfigKey any = plugins.fields.front();
    std::erase_if(any.fields, [](const ConfigKey& key) { return key.name == "config"; });
    Json properties = Json::object();
    for (const ConfigKey& key : any.fields) properties.set(key.name, value_of(key));
    properties.set("config", typed("object"));
    Json by_library = Json::array();
    Json by_name = Json::object();
    for (const LibraryKeys& library : libraries) {
        if (!library.keys) continue;
        Json is = Json::object();
        is.set("const", Json::text(library.name));
        Json has = Json::object();
        has.set("library", std::move(is));
        Json condition = Json::object();
        condition.set("properties", std::move(has)).set("required", Json::texts({"library"}));
        Json rule = Json::object();
        by_library.add(std::move(rule.set("if", std::move(condition)).set("then", config_of(library))));

        Json none = Json::object();
        none.set("required", Json::texts({"library"}));
        Json without = Json::object();
        without.set("not", std::move(none));
        Json named_so = Json::object();
        by_name.set(library.name, std::move(named_so.set("if", std::move(without)).set("then", config_of(library))));
    }
    Json section = typed("object");
    section.set("properties", std::move(properties)).set("additionalProperties", Json::raw("false"));
    section.set("allOf", std::move(by_library));
    Json schema = named(std::move(section));
    schema.set("properties", std::move(by_name));
    return schema;
}

// A schema cannot hold a range of texts such as "30s", so their meanings say it.
std::vector<ConfigKey> with_limits(std::vector<ConfigKey> keys) {
    for (ConfigKey& key : keys) {
        const bool is_text = key.type == ConfigKey::Type::duration || key.type == ConfigKey::Type::size;
        if (const std::string limits = is_text ? limits_text(key) : ""; !limits.empty()) key.meaning += "; " + limits;
        key.fields = with_limits(std::move(key.fields));
    }
    return keys;
}

Json definitions(std::span<const LibraryKeys> libraries) {
    Json list = Json::object();
    Json file = Json::object();
    file.set("file", typed("string"));
    Json named_file = typed("object");
    named_file.set("properties", std::move(file))
        .set("additionalProperties", Json::raw("false"))
        .set("required", Json::texts({"file"}))
        .set("description", Json::text("The text of this file, without one end of line at its end"));
    list.set("outside", any_of(pattern("\\$\\{[A-Za-z_]"), std::move(named_file)));
    Json zero = Json::object();
    zero.set("const", Json::raw("0"));
    list.set("duration", or_from_outside(any_of(pattern("^([0-9]+(ms|s|m|h|d)|0+)$"), std::move(zero))));
    Json bytes = typed("integer");
    bytes.set("minimum", Json::raw("0"));
    list.set("size", or_from_outside(any_of(pattern("^[0-9]+(B|KB|MB|GB|KiB|MiB|GiB)?$"), std::move(bytes))));
    Json bits = typed("integer");
    bits.set("minimum", Json::raw("0")).set("maximum", Json::raw("511"));
    list.set("mode", or_from_outside(any_of(pattern("^0*[0-7]{1,3}$"), std::move(bits))));
    list.set("tls_client", table_of(tls_client_keys()));
    for (const LibraryKeys& library : libraries)
        if (library.keys) list.set("plugin." + library.name, table_of(with_limits(*library.keys)));
    return list;
}

} // namespace

std::string json_schema(std::span<const LibraryKeys> libraries) {
    std::vector<ConfigKey> keys = config_keys();
    add_meanings(keys);
    Json properties = Json::object();
    for (const ConfigKey& key : keys)
        properties.set(key.name, key.name == "plugins" ? plugins_of(key, libraries) : value_of(key));
    Json schema = Json::object();
    schema.set("$schema", Json::text("https://json-schema.org/draft/2020-12/schema"))
        .set("title", Json::text("A configuration of Gatehouse"))
        .set("type", Json::text("object"))
        .set("properties", std::move(properties))
        .set("additionalProperties", Json::raw("false"))
        .set("$defs", definitions(libraries));
    return schema.pretty();
}

} // namespace gatehouse::host
