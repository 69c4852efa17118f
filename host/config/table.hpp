// A table of a configuration file, read key by key: typed, checked, and with every problem recorded at its place.
//
// A reader asks for all keys that it knows, present or not, and then calls reject_unknown(), which reports the others. So there
// is no second list of known keys to keep: what is asked for is the schema, too (config_keys()). Values that are absent or bad
// leave the caller's default alone.
//
// A string may have come from an environment variable or from a file (config/outside_texts.hpp); a number, a boolean and all
// others are then read from that text.
//
// The ConfigReading must outlive the table. The host's own sections and the plugins' `config` tables are both
// read through this class. [main]
#pragma once

#include "base/units.hpp"
#include "config/reading.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace toml {
inline namespace v3 {
class node;
} // namespace v3
} // namespace toml

namespace gatehouse::host {

class ConfigTable {
  public:
    enum class Found { absent, good, bad };

    // `node` may be null: a table without keys. `path` is its name in messages, "" for the whole file.
    ConfigTable(const toml::node* node, std::string path, Position position, ConfigReading& reading);

    // Typed access. The empty key is the node itself, which is how items of an array are read.
    Found string(std::string_view key, std::string_view& value);
    Found integer(std::string_view key, std::int64_t& value, std::int64_t minimum, std::int64_t maximum);
    Found boolean(std::string_view key, bool& value);
    Found duration(std::string_view key, Milliseconds& value, Milliseconds maximum = max_duration,
                   Milliseconds minimum = Milliseconds(0));
    Found size(std::string_view key, std::uint64_t& value, std::uint64_t minimum = 0,
               std::uint64_t maximum = std::numeric_limits<std::uint64_t>::max());
    // Permission bits: "0660" or 0o660.
    Found mode(std::string_view key, unsigned& value);

    // An integer of any type whose range fits into std::int64_t.
    template <class Integer>
    void number(std::string_view key, Integer& value, std::int64_t minimum, std::int64_t maximum) {
        auto wide = static_cast<std::int64_t>(value);
        if (integer(key, wide, minimum, maximum) == Found::good) value = static_cast<Integer>(wide);
    }

    // One of a few words.
    template <class Enum, std::size_t count>
    void choice(std::string_view key, Enum& value, const std::pair<std::string_view, Enum> (&words)[count]) {
        std::vector<std::string> names;
        std::string_view usual;
        for (const auto& [name, meaning] : words) {
            names.emplace_back(name);
            if (meaning == value) usual = name;
        }
        if (const std::optional<std::size_t> index = word(key, names, usual)) value = words[*index].second;
    }
    // The same; its index. `usual`: the default, for describe().
    std::optional<std::size_t> word(std::string_view key, std::span<const std::string> words, std::string_view usual = "");

    // The table under `key`; one without keys if it is absent or something else.
    ConfigTable table(std::string_view key);
    // The items of an array, to be read as tables of their own. `expected` completes "expected ...".
    std::vector<ConfigTable> items(std::string_view key, std::string_view expected = "an array");
    // The same; a single string counts as an array of one. An array may not be empty.
    std::vector<ConfigTable> one_or_more(std::string_view key, std::string_view expected);
    std::size_t count(std::string_view key);                                  // 0 if absent or not an array
    std::optional<ConfigTable> item(std::string_view key, std::size_t index); // nothing beyond the end

    // The keys that are there; and where the value of `key` is, or the table if it is absent.
    std::vector<std::string> keys() const;
    bool has(std::string_view key) const { return find(key) != nullptr; }
    bool is_table() const noexcept;
    bool is_array(std::string_view key) const;
    bool is_string(std::string_view key) const;  // or what stands for one, unless it is
    bool is_boolean(std::string_view key) const; // or a variable that says true or false
    Position position(std::string_view key) const;
    Position position() const noexcept { return position_; }
    Place place(std::string_view key) const { return reading_->problems.place(position(key)); }
    Place place() const { return reading_->problems.place(position_); }
    // Where relative paths in this table start: the folder of its file. And where those do that stand in no file.
    const std::filesystem::path& folder() const noexcept { return reading_->document->files[position_.file].folder; }
    const std::filesystem::path& first_folder() const noexcept { return reading_->document->files.front().folder; }
    const toml::node* node() const noexcept { return node_; }
    const std::string& path() const noexcept { return path_; }

    // The sections [KIND.NAME] of the whole file, by their names.
    std::vector<std::string> sections(std::string_view kind) const;

    // Whether both have the same keys and values; their places in the files do not count, and neither does whether a value
    // stands there or comes from a variable or a file (of a file that nobody has read as a text yet, its name counts). An
    // absent table equals an empty one.
    bool equals(const ConfigTable& other) const;
    // The same for a value of this table's document and one of the other's.
    bool same_values(const toml::node& ours, const ConfigTable& other, const toml::node& theirs) const;

    // Records a problem of a key's value, or that the key is missing: "missing (expected ...)". A value from outside is not
    // shown, even if `why` has it.
    void reject(std::string_view key, std::string_view why);
    void reject_whole(std::string_view why); // of the table itself
    void missing(std::string_view key, std::string_view expected);

    // Records, of an item that is not a table, that it should be one.
    void expect_table(std::string_view expected);

    // Asks for a key whose value does not matter here.
    void known(std::string_view key) { ask(key); }

    // Records every key that no reader has asked for, with the nearest of those that one has, or with all of them and `advice`.
    void reject_unknown(std::string_view advice = "");

    // If ConfigReading wants to know what the readers ask for: what the functions above cannot know of a key.
    template <class Change>
    void describe(std::string_view key, Change change) {
        if (reading_->keys && !key.empty()) change(key_at(*reading_->keys, path_of(key)));
    }

  private:
    const toml::node* find(std::string_view key) const;
    const toml::node* ask(std::string_view key);
    Found wrong_type(std::string_view key, const toml::node& value, std::string_view expected);
    Found text_of(std::string_view key, const toml::node& value, std::string_view& text);
    Found foreign_text(std::string_view key, const toml::node& value, std::string_view& text);
    bool plain_text(const toml::node& value, std::string_view& text) const;
    const OutsideText* outside_text(const toml::node& value) const;
    std::optional<std::string> quantity(std::string_view key, const toml::node& value, std::string_view expected);
    std::string path_of(std::string_view key) const;
    ConfigTable sub_table(const toml::node& node, std::string_view key) const;

    const toml::node* node_;
    std::string path_;
    Position position_;
    ConfigReading* reading_;
    std::vector<std::string> asked_;
};

// The table that is the whole document.
ConfigTable root_table(ConfigReading& reading);

} // namespace gatehouse::host
