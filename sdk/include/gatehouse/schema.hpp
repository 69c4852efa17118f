// The keys of a plugin's configuration as data: gatehouse.schema/1 for C++.
//
//     static constexpr gatehouse::Word methods[] = {"fast", "fair"};
//     static constexpr gatehouse::Key server_keys[] = {
//         gatehouse::Key::address("address", "where it listens").required(),
//         gatehouse::Key::integer("weight", "its share of the clients").fallback(1).range(1, 256)};
//     static constexpr gatehouse::Key keys[] = {
//         gatehouse::Key::string("method", "which server a client gets").one_of(methods).fallback("fair"),
//         gatehouse::Key::duration("timeout", "for connecting").fallback(5s).range(1ms, 1h),
//         gatehouse::Key::table("servers", "the servers", server_keys).list()};
//
// The constructor reads them by name, and their defaults come from here: config.duration("timeout"). The host has checked type,
// range and words before. Key arrays have static storage: they are members of the class, or stand outside of functions.
#ifndef GATEHOUSE_SCHEMA_HPP
#define GATEHOUSE_SCHEMA_HPP

#include "ext/schema.h"
#include "status.hpp"

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace gatehouse {

// One of the values of a string.
struct Word : gatehouse_str {
    constexpr Word(const char* text) noexcept : gatehouse_str{text, std::string_view(text).size()} {}
};

struct Key : gatehouse_key {
    using milliseconds = std::chrono::milliseconds;

    static constexpr Key string(std::string_view name, std::string_view meaning) noexcept {
        return {GATEHOUSE_KEY_STRING, name, meaning};
    }
    static constexpr Key path(std::string_view name, std::string_view meaning) noexcept {
        return {GATEHOUSE_KEY_PATH, name, meaning};
    }
    static constexpr Key address(std::string_view name, std::string_view meaning) noexcept {
        return {GATEHOUSE_KEY_ADDRESS, name, meaning};
    }
    static constexpr Key integer(std::string_view name, std::string_view meaning) noexcept {
        return {GATEHOUSE_KEY_INTEGER, name, meaning};
    }
    static constexpr Key boolean(std::string_view name, std::string_view meaning) noexcept {
        return {GATEHOUSE_KEY_BOOLEAN, name, meaning};
    }
    static constexpr Key duration(std::string_view name, std::string_view meaning) noexcept {
        return {GATEHOUSE_KEY_DURATION, name, meaning};
    }
    static constexpr Key bytes(std::string_view name, std::string_view meaning) noexcept {
        return {GATEHOUSE_KEY_SIZE, name, meaning};
    }
    static constexpr Key table(std::string_view name, std::string_view meaning, std::span<const Key> fields) noexcept {
        Key key(GATEHOUSE_KEY_TABLE, name, meaning);
        key.fields = fields.data();
        key.field_count = fields.size();
        key.field_stride = sizeof(Key);
        return key;
    }
    // What Init::tls_client() reads.
    static constexpr Key tls_client(std::string_view name, std::string_view meaning) noexcept {
        return {GATEHOUSE_KEY_TLS_CLIENT, name, meaning};
    }
    // What Init::tls_server() reads.
    static constexpr Key tls_server(std::string_view name, std::string_view meaning) noexcept {
        return {GATEHOUSE_KEY_TLS_SERVER, name, meaning};
    }

    constexpr Key required() const noexcept { return with_flag(GATEHOUSE_KEY_REQUIRED); }
    constexpr Key list() const noexcept { return with_flag(GATEHOUSE_KEY_LIST); } // an array of such values

    // The default.
    constexpr Key fallback(std::string_view value) const noexcept {
        Key key = with_flag(GATEHOUSE_KEY_DEFAULT);
        key.text = detail::str(value);
        return key;
    }
    constexpr Key fallback(const char* value) const noexcept { return fallback(std::string_view(value)); }
    constexpr Key fallback(std::integral auto value) const noexcept {
        Key key = with_flag(GATEHOUSE_KEY_DEFAULT);
        key.number = static_cast<std::int64_t>(value);
        return key;
    }
    constexpr Key fallback(milliseconds value) const noexcept { return fallback(value.count()); }
    // What holds without the key, in words, where there is no default: "the address".
    constexpr Key without(std::string_view what) const noexcept {
        Key key = *this;
        key.absent = detail::str(what);
        return key;
    }

    constexpr Key range(std::int64_t least, std::int64_t most) const noexcept {
        Key key = *this;
        key.minimum = least;
        key.maximum = most;
        return key;
    }
    constexpr Key range(milliseconds least, milliseconds most) const noexcept { return range(least.count(), most.count()); }
    constexpr Key at_least(std::int64_t least) const noexcept { return range(least, std::numeric_limits<std::int64_t>::max()); }
    constexpr Key at_least(milliseconds least) const noexcept { return at_least(std::int64_t{least.count()}); }
    constexpr Key in(std::string_view what) const noexcept { // the unit, for people
        Key key = *this;
        key.unit = detail::str(what);
        return key;
    }
    constexpr Key one_of(std::span<const Word> list) const noexcept {
        Key key = *this;
        key.words = list.data();
        key.word_count = list.size();
        return key;
    }

    constexpr bool has(std::uint32_t flag) const noexcept { return (flags & flag) != 0; }
    constexpr std::span<const Key> table_keys() const noexcept { return {static_cast<const Key*>(fields), field_count}; }
    constexpr std::span<const Word> allowed() const noexcept { return {static_cast<const Word*>(words), word_count}; }

  private:
    constexpr Key(gatehouse_key_type what, std::string_view called, std::string_view means) noexcept : gatehouse_key{} {
        size = sizeof(gatehouse_key);
        type = what;
        name = detail::str(called);
        meaning = detail::str(means);
    }
    constexpr Key with_flag(std::uint32_t flag) const noexcept {
        Key key = *this;
        key.flags |= flag;
        return key;
    }
};
static_assert(sizeof(Key) == sizeof(gatehouse_key) && sizeof(Word) == sizeof(gatehouse_str));

namespace detail {

// The parts of the contract of ext/schema.h, for hooks.hpp: each holds for all keys, those of tables included.
template <class Holds>
constexpr bool each_key(std::span<const Key> keys, Holds holds) {
    return std::ranges::all_of(keys, [&](const Key& key) { return holds(key) && each_key(key.table_keys(), holds); });
}

constexpr bool is_one_line(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}
constexpr bool is_text(const Key& key) noexcept {
    return key.type == GATEHOUSE_KEY_STRING || key.type == GATEHOUSE_KEY_PATH || key.type == GATEHOUSE_KEY_ADDRESS;
}
constexpr bool has_range(const Key& key) noexcept {
    return key.type == GATEHOUSE_KEY_INTEGER || key.type == GATEHOUSE_KEY_DURATION || key.type == GATEHOUSE_KEY_SIZE;
}

constexpr bool is_named(const Key& key) noexcept {
    const std::string_view name = view(key.name);
    return !name.empty() && name.size() <= 64 &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string_view::npos;
}
constexpr bool is_explained(const Key& key) noexcept {
    return key.meaning.size > 0 && key.meaning.size <= 1000 && is_one_line(view(key.meaning));
}
constexpr bool are_named_apart(std::span<const Key> keys) {
    for (std::size_t i = 0; i < keys.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (view(keys[i].name) == view(keys[j].name)) return false;
    return std::ranges::all_of(keys, [](const Key& key) { return are_named_apart(key.table_keys()); });
}
constexpr bool has_its_range(const Key& key) noexcept {
    if (!has_range(key)) return key.minimum == 0 && key.maximum == 0;
    return key.minimum < key.maximum || (key.minimum == 0 && key.maximum == 0);
}
constexpr bool has_its_words(const Key& key) noexcept { return key.word_count == 0 || is_text(key); }
constexpr bool has_its_default(const Key& key) {
    if (!key.has(GATEHOUSE_KEY_DEFAULT)) return true;
    if (key.has(GATEHOUSE_KEY_REQUIRED) || key.has(GATEHOUSE_KEY_LIST) || key.absent.size > 0) return false;
    if (is_text(key))
        return key.number == 0 && (key.word_count == 0 || std::ranges::any_of(key.allowed(), [&](const Word& word) {
                                       return view(word) == view(key.text);
                                   }));
    if (key.text.data != nullptr) return false;
    if (key.type == GATEHOUSE_KEY_BOOLEAN || key.type == GATEHOUSE_KEY_TLS_CLIENT) return key.number == 0 || key.number == 1;
    if (!has_range(key)) return false;
    if (key.type != GATEHOUSE_KEY_INTEGER && key.number < 0) return false;
    return key.minimum == key.maximum || (key.minimum <= key.number && key.number <= key.maximum);
}

} // namespace detail
} // namespace gatehouse

#endif
