// Keys of a plugin that is made up here: as they should be, and wrong in every way that can be checked.
#include "plugin/schema.hpp"

#include "plugin/entry_point.hpp"
#include "plugin/text.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <gatehouse/ext/schema.h>
#include <gtest/gtest.h>
#include <limits>

namespace gatehouse::host {
namespace {

constexpr std::int64_t most_of_all = std::numeric_limits<std::int64_t>::max();

gatehouse_key key_of(gatehouse_key_type type, const char* name) {
    gatehouse_key key{};
    key.size = sizeof key;
    key.type = type;
    key.name = str(name);
    key.meaning = str("what it means");
    return key;
}

std::vector<ConfigKey> list_of(std::span<const gatehouse_key> keys) {
    return read_keys({sizeof(gatehouse_schema_v1), 0, keys.data(), keys.size(), sizeof(gatehouse_key)});
}

std::string problem_with(std::span<const gatehouse_key> keys) {
    try {
        list_of(keys);
        return "";
    } catch (const PluginError& error) {
        const std::string all = error.what();
        const std::string begin = "its keys (gatehouse.schema/1) are wrong: ";
        EXPECT_TRUE(all.starts_with(begin)) << all;
        return all.substr(begin.size());
    }
}

// What is wrong with a key of this type once it is spoilt.
std::string spoilt(gatehouse_key_type type, const std::function<void(gatehouse_key&)>& spoil) {
    gatehouse_key key = key_of(type, "a");
    spoil(key);
    return problem_with({&key, 1});
}

TEST(Schema, IsRead) {
    const std::array<gatehouse_str, 2> words{str("fast"), str("fair")};
    std::array<gatehouse_key, 4> fields{key_of(GATEHOUSE_KEY_ADDRESS, "address"), key_of(GATEHOUSE_KEY_INTEGER, "weight"),
                                        key_of(GATEHOUSE_KEY_DURATION, "timeout"), key_of(GATEHOUSE_KEY_SIZE, "limit")};
    fields[0].flags = GATEHOUSE_KEY_REQUIRED;
    fields[1].flags = GATEHOUSE_KEY_DEFAULT;
    fields[1].number = 1;
    fields[1].minimum = -5;
    fields[1].maximum = most_of_all;
    fields[2].flags = GATEHOUSE_KEY_DEFAULT;
    fields[2].number = 90'000;
    fields[2].maximum = 3'600'000;
    fields[3].absent = str("as much as comes");
    fields[3].unit = str("a second");
    std::array<gatehouse_key, 3> keys{key_of(GATEHOUSE_KEY_TABLE, "servers"), key_of(GATEHOUSE_KEY_STRING, "method"),
                                      key_of(GATEHOUSE_KEY_BOOLEAN, "log")};
    keys[0].flags = GATEHOUSE_KEY_LIST;
    keys[0].fields = fields.data();
    keys[0].field_count = fields.size();
    keys[0].field_stride = sizeof(gatehouse_key);
    keys[1].flags = keys[2].flags = GATEHOUSE_KEY_DEFAULT;
    keys[1].text = str("fair");
    keys[1].words = words.data();
    keys[1].word_count = words.size();
    keys[2].number = 1;

    const std::vector<ConfigKey> list = list_of(keys);
    ASSERT_EQ(list.size(), 3U);
    EXPECT_EQ(type_text(list[0]), "list of tables");
    EXPECT_EQ(default_text(list[0]), "none");
    EXPECT_EQ(type_text(list[1]), "string");
    EXPECT_EQ(default_text(list[1]), "\"fair\"");
    EXPECT_EQ(limits_text(list[1]), "\"fast\" or \"fair\"");
    EXPECT_EQ(default_text(list[2]), "true");
    EXPECT_EQ(list[2].meaning, "what it means");
    const std::vector<ConfigKey>& inner = list[0].fields;
    ASSERT_EQ(inner.size(), 4U);
    EXPECT_EQ(default_text(inner[0]), "required");
    EXPECT_EQ(default_text(inner[1]), "1");
    EXPECT_EQ(limits_text(inner[1]), "at least -5");
    EXPECT_EQ(default_text(inner[2]), "\"90s\"");
    EXPECT_EQ(limits_text(inner[2]), "at most \"1h\"");
    EXPECT_EQ(default_text(inner[3]), "as much as comes");
    EXPECT_EQ(inner[3].unit, "a second");
    EXPECT_TRUE(list_of({}).empty());
}

TEST(Schema, ItsKeysMayBeOfALaterMinor) {
    struct Longer {
        gatehouse_key key;
        std::uint64_t what_is_new;
    };
    std::array<Longer, 2> keys{{{key_of(GATEHOUSE_KEY_STRING, "a"), 1}, {key_of(GATEHOUSE_KEY_STRING, "b"), 2}}};
    for (Longer& key : keys) key.key.size = sizeof(Longer);
    const std::vector<ConfigKey> list = read_keys({sizeof(gatehouse_schema_v1), 0, &keys[0].key, 2, sizeof(Longer)});
    ASSERT_EQ(list.size(), 2U);
    EXPECT_EQ(list[1].name, "b");
}

TEST(Schema, ItsTableIsLookedAtFirst) {
    const gatehouse_key key = key_of(GATEHOUSE_KEY_STRING, "a");
    const gatehouse_schema_v1 right{sizeof(gatehouse_schema_v1), 0, &key, 1, sizeof key};
    EXPECT_NO_THROW(read_keys(right));
    for (const auto& spoil : std::vector<std::function<void(gatehouse_schema_v1&)>>{
             [](auto& wrong) { wrong.size = 0; }, [](auto& wrong) { --wrong.size; }, [](auto& wrong) { wrong.reserved = 1; },
             [](auto& wrong) { wrong.keys = nullptr; }, [](auto& wrong) { wrong.key_stride = 0; },
             [](auto& wrong) { --wrong.key_stride; }, [](auto& wrong) { wrong.key_stride = SIZE_MAX; },
             [](auto& wrong) { wrong.key_count = 1001; }, [](auto& wrong) { wrong.key_count = SIZE_MAX; }}) {
        gatehouse_schema_v1 wrong = right;
        spoil(wrong);
        EXPECT_THROW(read_keys(wrong), PluginError);
    }
}

TEST(Schema, ItsKeysAreChecked) {
    const auto string = [](auto spoil) { return spoilt(GATEHOUSE_KEY_STRING, spoil); };
    const auto integer = [](auto spoil) { return spoilt(GATEHOUSE_KEY_INTEGER, spoil); };
    EXPECT_EQ(string([](auto&) {}), "");
    EXPECT_EQ(string([](auto& key) { --key.size; }), "they have a wrong size");
    EXPECT_EQ(string([](auto& key) { ++key.size; }), "they have a wrong size");
    EXPECT_EQ(string([](auto& key) { key.type = 0; }), "a has a type that this host does not know (0)");
    EXPECT_EQ(string([](auto& key) { key.type = 99; }), "a has a type that this host does not know (99)");
    EXPECT_EQ(string([](auto& key) { key.flags = 64; }), "a has a flag that this host does not know");
    EXPECT_EQ(string([](auto& key) { key.reserved = 1; }), "a has a flag that this host does not know");
    EXPECT_EQ(string([](auto& key) { key.name = str("A b"); }),
              "they have the name \"A b\" (expected 1 to 64 lower-case letters, digits, - and _)");
    EXPECT_EQ(string([](auto& key) { key.name.size = 0; }),
              "they have the name \"\" (expected 1 to 64 lower-case letters, digits, - and _)");
    const std::string long_text(1001, 'a');
    EXPECT_EQ(string([&](auto& key) { key.name = str(long_text); }),
              "they have a name that is too long, or not one line of text");
    EXPECT_EQ(string([](auto& key) { key.name.data = nullptr; }), "they have a name that is too long, or not one line of text");
    EXPECT_EQ(string([](auto& key) { key.meaning.size = 0; }), "a has no meaning");
    for (const std::string& bad : {long_text, std::string("a\nb"), std::string("a\x1b[1m"), std::string("\xff")})
        EXPECT_EQ(string([&](auto& key) { key.meaning = str(bad); }),
                  "a has a meaning that is too long, or not one line of text");
    EXPECT_EQ(string([&](auto& key) { key.absent = str(long_text); }),
              "a says what holds without it in more than 200 bytes, or not one line");
    EXPECT_EQ(string([&](auto& key) { key.unit = str(long_text); }), "a has a unit of more than 200 bytes, or not one line");
    EXPECT_EQ(string([](auto& key) { key.field_count = 1; }), "a has fields, and is no table");
    EXPECT_EQ(string([](auto& key) { key.minimum = 1; }), "a has a range that is none");
    EXPECT_EQ(integer([](auto& key) { key.minimum = 1; }), "a has a range that is none");
    EXPECT_EQ(spoilt(GATEHOUSE_KEY_SIZE, [](auto& key) { key.minimum = -1; }), "a has a range that is none");
    EXPECT_EQ(spoilt(GATEHOUSE_KEY_DURATION, [](auto& key) { key.maximum = most_of_all - 1; }),
              "a has a range of more than 36500 days");
    EXPECT_EQ(integer([](auto& key) { key.word_count = 1; }), "a has words and is no string, or more than 100");
    EXPECT_EQ(string([](auto& key) { key.word_count = 1; }), "a has words and is no string, or more than 100");
    const gatehouse_str word = str("a\nb");
    EXPECT_EQ(string([&](auto& key) {
                  key.word_count = 101;
                  key.words = &word;
              }),
              "a has words and is no string, or more than 100");
    EXPECT_EQ(string([&](auto& key) {
                  key.word_count = 1;
                  key.words = &word;
              }),
              "a has a word that is too long, or not one line of text");
    EXPECT_EQ(spoilt(GATEHOUSE_KEY_TABLE, [](auto& key) { key.field_count = 1; }), "a. are NULL, or their distance is none");
    const std::array<gatehouse_key, 2> twice{key_of(GATEHOUSE_KEY_STRING, "a"), key_of(GATEHOUSE_KEY_INTEGER, "a")};
    EXPECT_EQ(problem_with(twice), "a is there twice");
}

TEST(Schema, ItsDefaultsAreChecked) {
    const std::string wrong =
        "a has a default that cannot be one: it is required, a list or a table, or its own limits exclude it";
    const auto with = [](gatehouse_key_type type, std::uint32_t flags, std::int64_t number) {
        return spoilt(type, [&](auto& key) {
            key.flags = flags | GATEHOUSE_KEY_DEFAULT;
            key.number = number;
        });
    };
    EXPECT_EQ(with(GATEHOUSE_KEY_INTEGER, 0, -7), "");
    EXPECT_EQ(with(GATEHOUSE_KEY_INTEGER, GATEHOUSE_KEY_REQUIRED, 1), wrong);
    EXPECT_EQ(with(GATEHOUSE_KEY_INTEGER, GATEHOUSE_KEY_LIST, 1), wrong);
    EXPECT_EQ(with(GATEHOUSE_KEY_TABLE, 0, 0), wrong);
    EXPECT_EQ(with(GATEHOUSE_KEY_SIZE, 0, -1), wrong);
    EXPECT_EQ(with(GATEHOUSE_KEY_DURATION, 0, most_of_all), wrong);
    EXPECT_EQ(spoilt(GATEHOUSE_KEY_INTEGER,
                     [](auto& key) {
                         key.flags = GATEHOUSE_KEY_DEFAULT;
                         key.minimum = 1;
                         key.maximum = 2;
                     }),
              wrong);
    const gatehouse_str word = str("fast");
    EXPECT_EQ(spoilt(GATEHOUSE_KEY_STRING,
                     [&](auto& key) {
                         key.flags = GATEHOUSE_KEY_DEFAULT;
                         key.text = str("fair");
                         key.words = &word;
                         key.word_count = 1;
                     }),
              wrong);
}

} // namespace
} // namespace gatehouse::host
