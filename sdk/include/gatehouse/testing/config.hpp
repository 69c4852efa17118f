// The configuration of a plugin under test: values as a test writes them, and the fake host's side of gatehouse_host's
// config_ functions. It records the same problems as the real host, without file and line, and without "did you mean":
//
//     root: missing (expected a string)
//     limit: out of range: 50 (expected an integer from 1 to 10)
//     rot: unknown key (known here: root, limit)
#ifndef GATEHOUSE_TESTING_CONFIG_HPP
#define GATEHOUSE_TESTING_CONFIG_HPP

#include "../ext/schema.h"
#include "../gatehouse.h"

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace gatehouse::kit {

struct Value;

// A template, so that it is complete where Value is, which clang needs below.
template <typename V>
struct BasicEntry {
    std::string key;
    V value;
};
using Entry = BasicEntry<Value>;

// {{"root", "/srv"}, {"limit", 5}, {"timeout", "30s"}}; durations and sizes are strings, as in the file.
struct Table {
    std::vector<Entry> entries;
    Table() = default;
    Table(std::initializer_list<Entry> list);
};

// List{"a", "b"} or List{Table{{"name", "a"}}, Table{{"name", "b"}}}
struct List {
    std::vector<Value> items;
    List() = default;
    List(std::initializer_list<Value> list);
};

struct Value {
    std::variant<std::string, std::int64_t, bool, List, Table> of;
    Value(const char* text) : of(std::string(text)) {}
    Value(std::string text) : of(std::move(text)) {}
    Value(std::string_view text) : of(std::string(text)) {}
    Value(std::same_as<bool> auto flag) : of(flag) {}
    template <std::integral T>
        requires(!std::same_as<T, bool>)
    Value(T number) : of(static_cast<std::int64_t>(number)) {}
    Value(List list) : of(std::move(list)) {}
    Value(Table table) : of(std::move(table)) {}
};

inline Table::Table(std::initializer_list<Entry> list) : entries(list) {}
inline List::List(std::initializer_list<Value> list) : items(list) {}

namespace detail {

// A whole number and its unit, such as "64KiB", in the smallest unit; nothing if it is not one or does not fit.
inline std::optional<std::uint64_t> parse_quantity(std::string_view text,
                                                   const std::map<std::string_view, std::uint64_t>& units) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return std::nullopt;
    const auto unit = units.find(text.substr(static_cast<std::size_t>(end - text.data())));
    if (unit == units.end() || number > std::numeric_limits<std::uint64_t>::max() / unit->second) return std::nullopt;
    return number * unit->second;
}

inline std::string_view view(gatehouse_str text) noexcept { return {text.data, text.size}; }

// The keys of a table, as the plugin under test says them.
struct Keys {
    const gatehouse_key* first;
    std::size_t count;
    std::size_t stride; // bytes

    const gatehouse_key& at(std::size_t index) const {
        return *reinterpret_cast<const gatehouse_key*>(reinterpret_cast<const char*>(first) + index * stride);
    }
    template <class Use>
    void for_each(Use use) const {
        for (std::size_t i = 0; i < count; ++i) use(at(i));
    }
    const gatehouse_key* find(std::string_view name) const {
        for (std::size_t i = 0; i < count; ++i)
            if (view(at(i).name) == name) return &at(i);
        return nullptr;
    }
};

// What a value of this type is: "a string".
inline std::string expected_one(gatehouse_key_type type) {
    switch (type) {
    case GATEHOUSE_KEY_INTEGER:
        return "an integer";
    case GATEHOUSE_KEY_BOOLEAN:
        return "true or false";
    case GATEHOUSE_KEY_DURATION:
        return "a duration such as \"30s\"";
    case GATEHOUSE_KEY_SIZE:
        return "a size such as \"64KiB\"";
    case GATEHOUSE_KEY_TABLE:
        return "a table";
    case GATEHOUSE_KEY_TLS_CLIENT:
        return "true or a table";
    case GATEHOUSE_KEY_TLS_SERVER:
        return "the name of a section [tls.NAME]";
    default:
        return "a string";
    }
}

// What went wrong while a plugin read its configuration.
struct ConfigReport {
    bool creating = true; // create() runs: the plugin may use the configuration
    std::vector<std::string> problems;
    std::vector<std::string> violations;
    std::list<std::string> texts; // of files that the plugin has read
};

// One table, or one item of an array, whose value then has the empty key. The plugin knows it as a gatehouse_config*.
class FakeConfig {
  public:
    // `keys`: those of this table, if the plugin says them; reading another one is a breach then.
    FakeConfig(Table table, std::string path, ConfigReport& report, std::optional<Keys> keys = std::nullopt)
        : table_(std::move(table)), path_(std::move(path)), report_(&report), keys_(keys) {}

    const Table& values() const { return table_; }
    bool has(std::string_view key) const { return value_of(key) != nullptr; }
    bool is_table() const { return !has(""); } // and not an item of an array that is a value
    void known(std::string_view key) const {   // a key that may be there
        if (std::ranges::find(asked_, key) == asked_.end()) asked_.emplace_back(key);
    }

    gatehouse_status string(std::string_view key, bool required, gatehouse_str& value) const {
        const Value* found = find(key, Kind::string);
        if (found == nullptr && required) return problem(key, "missing (expected a string)");
        if (found == nullptr) return GATEHOUSE_OK;
        const auto* text = std::get_if<std::string>(&found->of);
        if (text == nullptr) return wrong_type(key, *found, "a string");
        value = {text->data(), text->size()};
        return GATEHOUSE_OK;
    }

    gatehouse_status integer(std::string_view key, std::int64_t minimum, std::int64_t maximum, std::int64_t& value) const {
        const Value* found = find(key, Kind::integer);
        if (found == nullptr) return GATEHOUSE_OK;
        const auto* number = std::get_if<std::int64_t>(&found->of);
        if (number == nullptr) return wrong_type(key, *found, integer_range(minimum, maximum));
        if (*number < minimum || *number > maximum)
            return problem(key,
                           "out of range: " + std::to_string(*number) + " (expected " + integer_range(minimum, maximum) + ")");
        value = *number;
        return GATEHOUSE_OK;
    }

    gatehouse_status boolean(std::string_view key, std::int32_t& value) const {
        const Value* found = find(key, Kind::boolean);
        if (found == nullptr) return GATEHOUSE_OK;
        const auto* flag = std::get_if<bool>(&found->of);
        if (flag == nullptr) return wrong_type(key, *found, "true or false");
        value = *flag ? 1 : 0;
        return GATEHOUSE_OK;
    }

    gatehouse_status duration(std::string_view key, std::uint64_t& value) const {
        return quantity(key, Kind::duration, value,
                        {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}},
                        "a duration such as \"30s\"");
    }

    gatehouse_status size(std::string_view key, std::uint64_t& value) const {
        return quantity(key, Kind::size, value,
                        {{"", 1},
                         {"B", 1},
                         {"KB", 1000},
                         {"MB", 1'000'000},
                         {"GB", 1'000'000'000},
                         {"KiB", 1ULL << 10},
                         {"MiB", 1ULL << 20},
                         {"GiB", 1ULL << 30}},
                        "a size such as \"64KiB\"");
    }

    gatehouse_status count(std::string_view key, std::size_t& items) const {
        const Value* found = find(key, Kind::list);
        const auto* list = found == nullptr ? nullptr : std::get_if<List>(&found->of);
        if (found != nullptr && list == nullptr) return wrong_type(key, *found, "an array");
        items = list == nullptr ? 0 : list->items.size();
        return GATEHOUSE_OK;
    }

    gatehouse_status item(std::string_view key, std::size_t index, const FakeConfig*& item) const {
        const Value* found = find(key, Kind::list);
        const auto* list = found == nullptr ? nullptr : std::get_if<List>(&found->of);
        if (list == nullptr || index >= list->items.size()) return GATEHOUSE_NOT_FOUND;
        const Value& value = list->items[index];
        const auto* table = std::get_if<Table>(&value.of);
        item = &part({std::string(key), index}, table != nullptr ? *table : Table{{"", value}},
                     full(key) + "[" + std::to_string(index) + "]");
        return GATEHOUSE_OK;
    }

    gatehouse_status table(std::string_view key, const FakeConfig*& table) const {
        const Value* found = find(key, Kind::table);
        if (found == nullptr) return GATEHOUSE_OK;
        const auto* inner = std::get_if<Table>(&found->of);
        if (inner == nullptr) return wrong_type(key, *found, "a table");
        table = &part({std::string(key), 0}, *inner, full(key));
        return GATEHOUSE_OK;
    }

    // Reads the table of gatehouse_upstream_v1::tls_client(); false: no TLS.
    bool tls_client(std::string_view key, bool has_names, std::string& server_name) const {
        const Value* found = find(key, Kind::table);
        if (found == nullptr) return false;
        if (const bool* flag = std::get_if<bool>(&found->of); flag != nullptr && !*flag) return false;
        const FakeConfig* table = nullptr;
        const FakeConfig none(Table{}, full(key), *report_);
        if (!std::holds_alternative<bool>(found->of) && this->table(key, table) != GATEHOUSE_OK) return true;
        const FakeConfig& from = table != nullptr ? *table : none;
        std::map<std::string_view, std::string> texts;
        for (const std::string_view name : {"ca", "server_name", "certificate", "key"}) {
            gatehouse_str text{"", 0};
            if (from.string(name, false, text) == GATEHOUSE_OK) texts[name] = std::string(text.data, text.size);
        }
        std::int32_t verify = 1;
        std::size_t protocols = 0;
        from.boolean("verify", verify);
        from.count("alpn", protocols);
        if (verify == 0 && !texts["ca"].empty()) from.problem("ca", "without effect (verify is false)");
        if (texts["certificate"].empty() && !texts["key"].empty())
            from.problem("key", "without effect (expected a certificate beside it)");
        server_name = texts["server_name"];
        if (verify != 0 && server_name.empty() && !has_names)
            from.problem("server_name", "missing (expected the name that the server's certificate has to be for, or "
                                        "verify = false: a unix socket has none)");
        return true;
    }
    // Keeps a text as long as the configuration.
    std::string& keep(std::string text) const { return report_->texts.emplace_back(std::move(text)); }
    std::size_t problem_count() const { return report_->problems.size(); }

    gatehouse_status problem(std::string_view key, const std::string& what) const {
        check_moment(key);
        report_->problems.push_back(full(key) + ": " + what);
        return GATEHOUSE_INVALID;
    }

    // What the range and the words of a key say of its value.
    void check_range(std::string_view key, std::uint64_t value, const gatehouse_key& of) const {
        const auto least = static_cast<std::uint64_t>(of.minimum);
        const auto most = static_cast<std::uint64_t>(of.maximum);
        if (least >= most || (least <= value && value <= most) || !has(key)) return;
        const bool is_size = of.type == GATEHOUSE_KEY_SIZE;
        const bool open = of.maximum == std::numeric_limits<std::int64_t>::max();
        const std::string from = in_units(least, is_size);
        problem(key, "out of range: \"" + written(*value_of(key)) + "\" (expected " + (is_size ? "a size " : "a duration ") +
                         (open                     ? "of at least " + from
                          : least == 0 && !is_size ? "of at most " + in_units(most, is_size)
                                                   : "from " + from + " to " + in_units(most, is_size)) +
                         ")");
    }
    void check_word(std::string_view key, std::string_view value, const gatehouse_key& of) const {
        std::string all;
        for (std::size_t i = 0; i < of.word_count; ++i) {
            if (view(of.words[i]) == value) return;
            all += (i == 0 ? "\"" : i + 1 == of.word_count ? " or \"" : ", \"") + std::string(view(of.words[i])) + '"';
        }
        if (!all.empty() && has(key)) problem(key, "unknown value \"" + std::string(value) + "\" (expected " + all + ")");
    }

    // Records a problem for each key that the plugin has not read.
    void check_unread() const {
        for (const Entry& entry : table_.entries) {
            if (std::ranges::find(asked_, entry.key) != asked_.end()) continue;
            if (keys_ && keys_->find(entry.key) != nullptr) {
                report_->violations.push_back("the plugin has " + full(entry.key) + " among its keys and has not read it");
                continue;
            }
            std::string known;
            for (const std::string& key : asked_) known += (known.empty() ? "" : ", ") + key;
            problem(entry.key, "unknown key (" + (known.empty() ? "there are none here" : "known here: " + known) + ")");
        }
        for (const auto& [key, part] : parts_) part->check_unread();
    }

  private:
    // The same object for the same item or table, every time.
    const FakeConfig& part(const std::pair<std::string, std::size_t>& which, const Table& table,
                           const std::string& path) const {
        auto& made = parts_[which];
        if (made) return *made;
        std::optional<Keys> fields;
        const gatehouse_key* const key = keys_ ? keys_->find(which.first) : nullptr;
        if (key != nullptr && key->type == GATEHOUSE_KEY_TABLE) fields = Keys{key->fields, key->field_count, key->field_stride};
        made = std::make_unique<FakeConfig>(table, path, *report_, fields);
        return *made;
    }

    void check_moment(std::string_view key) const {
        if (!report_->creating) report_->violations.push_back("the plugin used the configuration after create(): " + full(key));
    }

    // What an accessor reads.
    enum class Kind { string, integer, boolean, duration, size, list, table };

    static Kind kind_of(const gatehouse_key& key) {
        if ((key.flags & GATEHOUSE_KEY_LIST) != 0) return Kind::list;
        switch (key.type) {
        case GATEHOUSE_KEY_INTEGER:
            return Kind::integer;
        case GATEHOUSE_KEY_BOOLEAN:
            return Kind::boolean;
        case GATEHOUSE_KEY_DURATION:
            return Kind::duration;
        case GATEHOUSE_KEY_SIZE:
            return Kind::size;
        case GATEHOUSE_KEY_TABLE:
        case GATEHOUSE_KEY_TLS_CLIENT:
            return Kind::table;
        default:
            return Kind::string;
        }
    }

    const Value* value_of(std::string_view key) const {
        for (const Entry& entry : table_.entries)
            if (entry.key == key) return &entry.value;
        return nullptr;
    }

    const Value* find(std::string_view key, Kind kind) const {
        check_moment(key);
        if (keys_ && std::ranges::find(asked_, key) == asked_.end()) {
            const gatehouse_key* const of = keys_->find(key);
            if (of == nullptr)
                report_->violations.push_back("the plugin reads " + full(key) + ", which is not among its keys");
            else if (kind_of(*of) != kind)
                report_->violations.push_back("the plugin reads " + full(key) + " as another type than its key has");
        }
        known(key);
        return value_of(key);
    }

    std::string full(std::string_view key) const {
        return path_ + (path_.empty() || key.empty() ? "" : ".") + std::string(key);
    }

    gatehouse_status wrong_type(std::string_view key, const Value& found, const std::string& expected) const {
        static constexpr const char* names[] = {"string", "integer", "boolean", "array", "table"};
        return problem(key, std::string("wrong type: ") + names[found.of.index()] + " (expected " + expected + ")");
    }

    static std::string integer_range(std::int64_t minimum, std::int64_t maximum) {
        const bool from = minimum != std::numeric_limits<std::int64_t>::min();
        const bool to = maximum != std::numeric_limits<std::int64_t>::max();
        if (from && to) return "an integer from " + std::to_string(minimum) + " to " + std::to_string(maximum);
        if (from) return "an integer of at least " + std::to_string(minimum);
        return to ? "an integer of at most " + std::to_string(maximum) : "an integer";
    }

    gatehouse_status quantity(std::string_view key, Kind kind, std::uint64_t& value,
                              const std::map<std::string_view, std::uint64_t>& units, const std::string& expected) const {
        const Value* found = find(key, kind);
        if (found == nullptr) return GATEHOUSE_OK;
        const auto* text = std::get_if<std::string>(&found->of);
        const auto* number = std::get_if<std::int64_t>(&found->of);
        if (text == nullptr && number == nullptr) return wrong_type(key, *found, expected);
        const auto parsed = parse_quantity(written(*found), units);
        if (!parsed) return problem(key, "\"" + written(*found) + "\" is not " + expected);
        value = *parsed;
        return GATEHOUSE_OK;
    }

    // A duration or size as it is written: a string, or a number.
    static std::string written(const Value& value) {
        const auto* text = std::get_if<std::string>(&value.of);
        return text != nullptr ? *text : std::to_string(std::get<std::int64_t>(value.of));
    }

    // The shortest form: 90'000 -> "90s", 65536 -> "64KiB".
    static std::string in_units(std::uint64_t value, bool is_size) {
        using Unit = std::pair<const char*, std::uint64_t>;
        static constexpr Unit sizes[] = {{"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}};
        static constexpr Unit times[] = {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}};
        for (const auto& [name, factor] : is_size ? std::span<const Unit>(sizes) : std::span<const Unit>(times))
            if (value != 0 && value % factor == 0) return std::to_string(value / factor) + name;
        return std::to_string(value) + (is_size ? "" : "s");
    }

    Table table_;
    std::string path_;
    ConfigReport* report_;
    std::optional<Keys> keys_;
    mutable std::vector<std::string> asked_; // the keys that the plugin has read, present or not
    mutable std::map<std::pair<std::string, std::size_t>, std::unique_ptr<FakeConfig>> parts_; // items and tables
};

} // namespace detail
} // namespace gatehouse::kit

#endif
