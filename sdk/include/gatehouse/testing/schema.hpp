// The keys that a plugin under test says it has (gatehouse.schema/1), and what the host makes of them before create(): it
// refuses a configuration by them, in the words of config.hpp.
#ifndef GATEHOUSE_TESTING_SCHEMA_HPP
#define GATEHOUSE_TESTING_SCHEMA_HPP

#include "../ext/schema.h"
#include "../gatehouse.h"
#include "config.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::kit::detail {

// The keys of the library; nothing if it does not say them. `problem`: the host would not load it.
inline std::optional<Keys> keys_of(const gatehouse_plugin& plugin, std::string& problem) {
    constexpr std::string_view id = GATEHOUSE_EXT_SCHEMA;
    if (plugin.get_extension == nullptr) return std::nullopt;
    const void* const found = plugin.get_extension(nullptr, {id.data(), id.size()});
    if (found == nullptr) return std::nullopt;
    const auto& schema = *static_cast<const gatehouse_schema_v1*>(found);
    constexpr std::size_t smallest = offsetof(gatehouse_schema_v1, key_stride) + sizeof schema.key_stride;
    constexpr std::size_t smallest_key = offsetof(gatehouse_key, field_stride) + sizeof(gatehouse_key::field_stride);
    if (schema.size < smallest || (schema.key_count > 0 && schema.key_stride < smallest_key))
        problem = "the plugin's table of gatehouse.schema/1, or its keys, are too short";
    return Keys{schema.keys, schema.key_count, schema.key_stride};
}

void check_keys(const FakeConfig& config, const Keys& keys);

// The value of `at`, which is there; an empty one is that of an item of an array.
inline void check_value(const FakeConfig& config, std::string_view at, const gatehouse_key& key) {
    const bool ranged = key.minimum < key.maximum;
    const std::int64_t least = ranged ? key.minimum : std::numeric_limits<std::int64_t>::min();
    const std::int64_t most = ranged ? key.maximum : std::numeric_limits<std::int64_t>::max();
    gatehouse_str text{nullptr, 0};
    std::int64_t number = 0;
    std::uint64_t quantity = 0;
    std::int32_t flag = 0;
    std::string server_name;
    const FakeConfig* table = nullptr;
    switch (key.type) {
    case GATEHOUSE_KEY_INTEGER:
        config.integer(at, least, most, number);
        break;
    case GATEHOUSE_KEY_BOOLEAN:
        config.boolean(at, flag);
        break;
    case GATEHOUSE_KEY_DURATION:
        if (config.duration(at, quantity) == GATEHOUSE_OK) config.check_range(at, quantity, key);
        break;
    case GATEHOUSE_KEY_SIZE:
        if (config.size(at, quantity) == GATEHOUSE_OK) config.check_range(at, quantity, key);
        break;
    case GATEHOUSE_KEY_TABLE:
        if (config.table(at, table) == GATEHOUSE_OK && table != nullptr)
            check_keys(*table, {key.fields, key.field_count, key.field_stride});
        break;
    case GATEHOUSE_KEY_TLS_CLIENT:
        config.tls_client(at, true, server_name);
        break;
    default:
        if (config.string(at, false, text) == GATEHOUSE_OK) config.check_word(at, view(text), key);
    }
}

inline void check_keys(const FakeConfig& config, const Keys& keys) {
    keys.for_each([&](const gatehouse_key& key) {
        const std::string_view name = view(key.name);
        const bool is_list = (key.flags & GATEHOUSE_KEY_LIST) != 0;
        config.known(name);
        if (!config.has(name)) {
            if ((key.flags & GATEHOUSE_KEY_REQUIRED) != 0)
                config.problem(name, "missing (expected " + (is_list ? "an array" : expected_one(key.type)) + ")");
        } else if (is_list) {
            std::size_t count = 0;
            config.count(name, count);
            for (std::size_t i = 0; i < count; ++i) {
                const FakeConfig* item = nullptr;
                config.item(name, i, item);
                if (key.type == GATEHOUSE_KEY_TABLE && item->is_table())
                    check_keys(*item, {key.fields, key.field_count, key.field_stride});
                else if (item->is_table())
                    item->problem("", "wrong type: table (expected " + expected_one(key.type) + ")");
                else
                    check_value(*item, "", key);
            }
        } else {
            check_value(config, name, key);
        }
    });
}

// Records what is wrong with the configuration by itself.
inline void check_config(const Table& values, ConfigReport& report, const Keys& keys) {
    const FakeConfig config(values, "", report);
    check_keys(config, keys);
    config.check_unread();
}

} // namespace gatehouse::kit::detail

#endif
