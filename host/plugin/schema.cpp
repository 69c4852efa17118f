#include "plugin/schema.hpp"

#include "base/log_line.hpp"
#include "base/printable.hpp"
#include "base/text_file.hpp"
#include "base/units.hpp"
#include "plugin/entry_point.hpp"
#include "plugin/text.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <gatehouse/ext/schema.h>
#include <string_view>

namespace gatehouse::host {
namespace {

// An array of keys as a table has it.
struct SchemaKeys {
    const gatehouse_key* first;
    std::size_t count;
    std::size_t stride;
};

class SchemaReader {
    using Type = ConfigKey::Type;

    static constexpr std::size_t smallest_key = offsetof(gatehouse_key, field_stride) + sizeof(gatehouse_key::field_stride);
    static constexpr std::size_t longest_stride = 64 * 1024; // bytes
    static constexpr std::size_t most_keys = 1000;           // those of tables included
    static constexpr std::size_t most_tables = 8;            // in each other
    static constexpr std::size_t most_words = 100;
    static constexpr std::size_t longest_key = 64; // bytes, as are the next two
    static constexpr std::size_t longest_meaning = 1000;
    static constexpr std::size_t longest_value = 200;
    static constexpr std::uint32_t every_flag = GATEHOUSE_KEY_REQUIRED | GATEHOUSE_KEY_LIST | GATEHOUSE_KEY_DEFAULT;

  public:
    // `path` is for messages: "servers.".
    std::vector<ConfigKey> read(const SchemaKeys& array, const std::string& path, std::size_t depth) {
        std::vector<ConfigKey> keys;
        if (array.count == 0) return keys;
        if (depth > most_tables) refuse(path, "are nested too deep (at most 8 tables)");
        if (array.count > most_keys - read_) refuse(path, "are too many (at most 1000, with those of tables)");
        read_ += array.count;
        if (array.first == nullptr || array.stride < smallest_key || array.stride > longest_stride)
            refuse(path, "are NULL, or their distance is none");
        for (std::size_t i = 0; i < array.count; ++i) {
            const char* const at = reinterpret_cast<const char*>(array.first) + i * array.stride;
            gatehouse_key key{};
            std::memcpy(&key, at, smallest_key);
            if (key.size < smallest_key || key.size > array.stride) refuse(path, "have a wrong size");
            keys.push_back(read_key(key, path, depth));
            if (std::ranges::count(keys, keys.back().name, &ConfigKey::name) > 1)
                refuse(path + keys.back().name, "is there twice");
        }
        return keys;
    }

  private:
    [[noreturn]] static void refuse(const std::string& key, const std::string& what) {
        throw PluginError("its keys (" GATEHOUSE_EXT_SCHEMA ") are wrong: " + (key.empty() ? "they" : key) + ' ' + what);
    }

    ConfigKey read_key(const gatehouse_key& from, const std::string& path, std::size_t depth) {
        ConfigKey key;
        key.name = text(from.name, longest_key, path, "have a name that is too long, or not one line of text");
        if (key.name.empty() || key.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") != std::string::npos)
            refuse(path, "have the name " + in_quotes(key.name) + " (expected 1 to 64 lower-case letters, digits, - and _)");
        const std::string who = path + key.name;
        if (from.reserved != 0 || (from.flags & ~every_flag) != 0) refuse(who, "has a flag that this host does not know");
        key.type = type_of(from.type, who);
        key.many = (from.flags & GATEHOUSE_KEY_LIST) != 0 ? ConfigKey::Many::list : ConfigKey::Many::one;
        key.required = (from.flags & GATEHOUSE_KEY_REQUIRED) != 0;
        key.meaning = text(from.meaning, longest_meaning, who, "has a meaning that is too long, or not one line of text");
        if (key.meaning.empty()) refuse(who, "has no meaning");
        key.absent =
            text(from.absent, longest_value, who, "says what holds without it in more than 200 bytes, or not one line");
        key.unit = text(from.unit, longest_value, who, "has a unit of more than 200 bytes, or not one line");
        read_range(from, key, who);
        read_words(from, key, who);
        if ((from.flags & GATEHOUSE_KEY_DEFAULT) != 0) key.fallback = fallback(from, key, who);
        if (key.type == Type::table)
            key.fields = read({from.fields, from.field_count, from.field_stride}, who + '.', depth + 1);
        else if (from.field_count != 0)
            refuse(who, "has fields, and is no table");
        return key;
    }

    static std::string text(gatehouse_str from, std::size_t longest, const std::string& who, const char* problem) {
        if (from.size == 0) return "";
        if (from.data == nullptr || from.size > longest) refuse(who, problem);
        std::string copy(view(from));
        std::string error;
        if (!normalise_text(copy, error) || copy != view(from) || copy != printable(copy, longest)) refuse(who, problem);
        return copy;
    }

    static Type type_of(gatehouse_key_type type, const std::string& who) {
        switch (type) {
        case GATEHOUSE_KEY_STRING:
            return Type::string;
        case GATEHOUSE_KEY_PATH:
            return Type::path;
        case GATEHOUSE_KEY_ADDRESS:
            return Type::address;
        case GATEHOUSE_KEY_INTEGER:
            return Type::integer;
        case GATEHOUSE_KEY_BOOLEAN:
            return Type::boolean;
        case GATEHOUSE_KEY_DURATION:
            return Type::duration;
        case GATEHOUSE_KEY_SIZE:
            return Type::size;
        case GATEHOUSE_KEY_TABLE:
            return Type::table;
        case GATEHOUSE_KEY_TLS_CLIENT:
            return Type::tls_client;
        case GATEHOUSE_KEY_TLS_SERVER:
            return Type::tls_server;
        default:
            refuse(who, "has a type that this host does not know (" + std::to_string(type) + ')');
        }
    }

    static bool is_text(Type type) { return type == Type::string || type == Type::path || type == Type::address; }
    static bool is_number(Type type) { return type == Type::integer || type == Type::duration || type == Type::size; }

    static void read_range(const gatehouse_key& from, ConfigKey& key, const std::string& who) {
        if (from.minimum == 0 && from.maximum == 0) return;
        if (!is_number(key.type) || from.minimum >= from.maximum || (key.type != Type::integer && from.minimum < 0))
            refuse(who, "has a range that is none");
        const bool from_zero = key.type != Type::integer && from.minimum == 0;
        if (from.minimum != INT64_MIN && !from_zero) key.minimum = from.minimum;
        if (from.maximum != INT64_MAX) key.maximum = from.maximum;
        if (key.type == Type::duration &&
            (from.minimum > max_duration.count() || key.maximum.value_or(0) > max_duration.count()))
            refuse(who, "has a range of more than 36500 days");
    }

    static void read_words(const gatehouse_key& from, ConfigKey& key, const std::string& who) {
        if (from.word_count == 0) return;
        if (!is_text(key.type) || from.words == nullptr || from.word_count > most_words)
            refuse(who, "has words and is no string, or more than 100");
        for (std::size_t i = 0; i < from.word_count; ++i)
            key.words.push_back(
                text(from.words[i], longest_value, who, "has a word that is too long, or not one line of text"));
    }

    static std::string fallback(const gatehouse_key& from, const ConfigKey& key, const std::string& who) {
        const bool in_range = key.minimum.value_or(INT64_MIN) <= from.number && from.number <= key.maximum.value_or(INT64_MAX);
        const bool negative = key.type != Type::integer && from.number < 0;
        const std::string words =
            text(from.text, longest_value, who, "has a default that is too long, or not one line of text");
        const bool is_word = key.words.empty() || std::ranges::count(key.words, words) != 0;
        if (key.required || key.many != ConfigKey::Many::one || key.type == Type::table || key.type == Type::tls_server ||
            (is_number(key.type) && !in_range) || negative || (is_text(key.type) && !is_word) ||
            (key.type == Type::duration && from.number > max_duration.count()))
            refuse(who, "has a default that cannot be one: it is required, a list or a table, or its own limits exclude it");
        if (is_text(key.type)) return '"' + escape_json(words) + '"';
        if (key.type == Type::boolean || key.type == Type::tls_client) return from.number != 0 ? "true" : "false";
        return number_text(key, from.number);
    }

    std::size_t read_ = 0;
};

} // namespace

std::vector<ConfigKey> read_keys(const gatehouse_schema_v1& schema) {
    constexpr std::size_t smallest = offsetof(gatehouse_schema_v1, key_stride) + sizeof schema.key_stride;
    constexpr const char* wrong = "its table of " GATEHOUSE_EXT_SCHEMA " is too short, or has something where 0 is reserved";
    if (schema.size < smallest || schema.reserved != 0) throw PluginError(wrong);
    return SchemaReader().read({schema.keys, schema.key_count, schema.key_stride}, "", 0);
}

std::optional<std::vector<ConfigKey>> read_keys(const gatehouse_plugin& hooks) {
    if (hooks.get_extension == nullptr) return std::nullopt;
    const void* const schema = hooks.get_extension(nullptr, str(GATEHOUSE_EXT_SCHEMA));
    if (schema == nullptr) return std::nullopt;
    return read_keys(*static_cast<const gatehouse_schema_v1*>(schema));
}

} // namespace gatehouse::host
