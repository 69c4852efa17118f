#include "config/key_check.hpp"

#include "config/tls_section.hpp"

#include <limits>

namespace gatehouse::host {
namespace {

std::string_view expected_one(ConfigKey::Type type) {
    switch (type) {
    case ConfigKey::Type::integer:
        return "an integer";
    case ConfigKey::Type::boolean:
        return "true or false";
    case ConfigKey::Type::duration:
        return R"(a duration such as "30s")";
    case ConfigKey::Type::size:
        return R"(a size such as "64KiB")";
    case ConfigKey::Type::table:
        return "a table";
    case ConfigKey::Type::tls_client:
        return "true or a table";
    case ConfigKey::Type::tls_server:
        return "the name of a section [tls.NAME]";
    default:
        return "a string";
    }
}

void check_tls_client(ConfigTable& table, std::string_view at) {
    bool wanted = false;
    if (table.is_boolean(at)) {
        table.boolean(at, wanted);
        return;
    }
    ConfigTable client = table.table(at);
    read_tls_client(client, true);
    client.reject_unknown();
}

// One value; `at` is empty for an item of an array.
void check_value(ConfigTable& table, std::string_view at, const ConfigKey& key) {
    std::string_view text;
    std::int64_t number = 0;
    std::uint64_t bytes = 0;
    Milliseconds time{0};
    bool flag = false;
    switch (key.type) {
    case ConfigKey::Type::integer:
        table.integer(at, number, key.minimum.value_or(std::numeric_limits<std::int64_t>::min()),
                      key.maximum.value_or(std::numeric_limits<std::int64_t>::max()));
        break;
    case ConfigKey::Type::boolean:
        table.boolean(at, flag);
        break;
    case ConfigKey::Type::duration:
        table.duration(at, time, key.maximum ? Milliseconds(*key.maximum) : max_duration,
                       Milliseconds(key.minimum.value_or(0)));
        break;
    case ConfigKey::Type::size:
        table.size(at, bytes, static_cast<std::uint64_t>(key.minimum.value_or(0)),
                   key.maximum ? static_cast<std::uint64_t>(*key.maximum) : std::numeric_limits<std::uint64_t>::max());
        break;
    case ConfigKey::Type::table: {
        ConfigTable inner = table.table(at);
        if (inner.is_table()) check_keys(inner, key.fields);
        break;
    }
    case ConfigKey::Type::tls_client:
        check_tls_client(table, at);
        break;
    case ConfigKey::Type::tls_server:
        read_tls_server(table, at);
        break;
    default:
        if (key.words.empty())
            table.string(at, text);
        else
            table.word(at, key.words);
    }
}

} // namespace

void check_keys(ConfigTable& table, std::span<const ConfigKey> keys) {
    for (const ConfigKey& key : keys) {
        if (!table.has(key.name)) {
            table.known(key.name);
            if (key.required) table.missing(key.name, key.many == ConfigKey::Many::one ? expected_one(key.type) : "an array");
        } else if (key.many == ConfigKey::Many::one) {
            check_value(table, key.name, key);
        } else {
            for (ConfigTable& item : table.items(key.name)) check_value(item, "", key);
        }
    }
    table.reject_unknown();
}

} // namespace gatehouse::host
