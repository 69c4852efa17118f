#include "config/table.hpp"

#include "base/did_you_mean.hpp"
#include "base/printable.hpp"
#include "config/toml.hpp"
#include "config/variables.hpp"

#include <algorithm>
#include <charconv>

namespace gatehouse::host {
namespace {

constexpr std::string_view a_duration = R"(a duration such as "1500ms", "30s", "5m", "2h" or "1d")";
constexpr std::string_view a_size = R"(a size such as 512, "64KiB" or "10MB")";
constexpr std::string_view a_mode = R"(an octal mode such as "0660")";

std::string_view type_name(const toml::node& node) {
    switch (node.type()) {
    case toml::node_type::none:
        break;
    case toml::node_type::table:
        return "table";
    case toml::node_type::array:
        return "array";
    case toml::node_type::string:
        return "string";
    case toml::node_type::integer:
        return "integer";
    case toml::node_type::floating_point:
        return "float";
    case toml::node_type::boolean:
        return "boolean";
    case toml::node_type::date:
        return "date";
    case toml::node_type::time:
        return "time";
    case toml::node_type::date_time:
        return "date and time";
    }
    return "nothing";
}

// Whether a text from outside says what a number or a boolean is.
bool says(std::string_view text, const toml::node& value) {
    if (const auto* const number = value.as_integer()) return text == std::to_string(number->get());
    const auto* const flag = value.as_boolean();
    return flag != nullptr && text == (flag->get() ? "true" : "false");
}

// "a", "a or b", "a, b or c", each in quotes.
std::string alternatives(std::span<const std::string> words) {
    std::string list;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) list += i + 1 == words.size() ? " or " : ", ";
        list += in_quotes(words[i]);
    }
    return list;
}

std::string integer_range(std::int64_t minimum, std::int64_t maximum) {
    const bool from = minimum != std::numeric_limits<std::int64_t>::min();
    const bool to = maximum != std::numeric_limits<std::int64_t>::max();
    if (from && to) return "an integer from " + std::to_string(minimum) + " to " + std::to_string(maximum);
    if (from) return "an integer of at least " + std::to_string(minimum);
    if (to) return "an integer of at most " + std::to_string(maximum);
    return "an integer";
}

} // namespace

ConfigTable::ConfigTable(const toml::node* node, std::string path, Position position, ConfigReading& reading)
    : node_(node), path_(std::move(path)), position_(position), reading_(&reading) {}

const toml::node* ConfigTable::find(std::string_view key) const {
    if (node_ == nullptr || key.empty()) return node_;
    const toml::table* const table = node_->as_table();
    return table != nullptr ? table->get(key) : nullptr;
}

const toml::node* ConfigTable::ask(std::string_view key) {
    if (asked_.empty()) asked_.reserve(16);
    if (std::find(asked_.begin(), asked_.end(), key) == asked_.end()) asked_.emplace_back(key);
    describe(key, [](ConfigKey&) {});
    return find(key);
}

ConfigTable::Found ConfigTable::string(std::string_view key, std::string_view& value) {
    const toml::node* found = ask(key);
    if (found == nullptr) return Found::absent;
    const Found as_text = text_of(key, *found, value);
    if (as_text != Found::absent) return as_text;
    const toml::table* const table = found->as_table();
    return wrong_type(key, *found,
                      table != nullptr && table->contains("file")  ? R"(a string, or { file = "PATH" } alone)"
                      : table != nullptr && table->contains("env") ? R"(a string; "${NAME}" has a variable's value)"
                                                                   : "a string");
}

// The text that a value is or stands for. `absent`: it is no text.
ConfigTable::Found ConfigTable::text_of(std::string_view key, const toml::node& value, std::string_view& text) {
    const OutsideText* const outside =
        names_text_file(value) ? &reading_->document->outside.read_file(value, folder()) : outside_text(value);
    if (outside != nullptr && !outside->problem.empty()) reject(key, outside->problem);
    if (outside != nullptr) {
        text = outside->text;
        return outside->good ? Found::good : Found::bad;
    }
    const auto* string = value.as_string();
    if (string == nullptr) return Found::absent;
    text = string->get();
    return Found::good;
}

// The text of a value that stands for another type: only one from outside may. `absent`: there is none.
ConfigTable::Found ConfigTable::foreign_text(std::string_view key, const toml::node& value, std::string_view& text) {
    const bool foreign = outside_text(value) != nullptr || names_text_file(value);
    return foreign ? text_of(key, value, text) : Found::absent;
}

const OutsideText* ConfigTable::outside_text(const toml::node& value) const { return reading_->document->outside.find(value); }

ConfigTable::Found ConfigTable::integer(std::string_view key, std::int64_t& value, std::int64_t minimum, std::int64_t maximum) {
    describe(key, [&](ConfigKey& of) {
        of.type = ConfigKey::Type::integer;
        of.fallback = std::to_string(value);
        if (minimum > std::numeric_limits<std::int64_t>::min()) of.minimum = minimum;
        if (maximum < std::numeric_limits<std::int64_t>::max()) of.maximum = maximum;
    });
    const toml::node* found = ask(key);
    if (found == nullptr) return Found::absent;
    const std::string expected = integer_range(minimum, maximum);
    std::int64_t number = 0;
    std::string_view text;
    if (const Found foreign = foreign_text(key, *found, text); foreign == Found::bad)
        return Found::bad;
    else if (foreign == Found::good) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc() || end != text.data() + text.size()) {
            reject(key, in_quotes(text) + " is not an integer (expected " + expected + ")");
            return Found::bad;
        }
    } else if (const auto* integer = found->as_integer()) {
        number = integer->get();
    } else {
        return wrong_type(key, *found, expected);
    }
    if (number < minimum || number > maximum) {
        reject(key, "out of range: " + std::to_string(number) + " (expected " + expected + ")");
        return Found::bad;
    }
    value = number;
    return Found::good;
}

ConfigTable::Found ConfigTable::boolean(std::string_view key, bool& value) {
    describe(key, [&](ConfigKey& of) {
        of.type = ConfigKey::Type::boolean;
        of.fallback = value ? "true" : "false";
    });
    const toml::node* found = ask(key);
    if (found == nullptr) return Found::absent;
    std::string_view text;
    if (const Found foreign = foreign_text(key, *found, text); foreign == Found::bad)
        return Found::bad;
    else if (foreign == Found::good) {
        if (text != "true" && text != "false") {
            reject(key, in_quotes(text) + " is neither true nor false (expected one of them)");
            return Found::bad;
        }
        value = text == "true";
        return Found::good;
    }
    const auto* flag = found->as_boolean();
    if (flag == nullptr) return wrong_type(key, *found, "true or false");
    value = flag->get();
    return Found::good;
}

ConfigTable::Found ConfigTable::duration(std::string_view key, Milliseconds& value, Milliseconds maximum,
                                         Milliseconds minimum) {
    describe(key, [&](ConfigKey& of) {
        of.type = ConfigKey::Type::duration;
        of.fallback = number_text(of, value.count());
        if (minimum.count() > 0) of.minimum = minimum.count();
        if (maximum < max_duration) of.maximum = maximum.count();
    });
    const toml::node* found = ask(key);
    if (found == nullptr) return Found::absent;
    const std::optional<std::string> text = quantity(key, *found, a_duration);
    if (!text) return Found::bad;
    std::string error;
    const std::optional<Milliseconds> parsed = parse_duration(*text, error);
    if (!parsed) {
        reject(key, error + " (expected " + std::string(a_duration) + ")");
        return Found::bad;
    }
    if (*parsed < minimum || *parsed > maximum) {
        const std::string range = minimum.count() == 0 ? "of at most " + format_duration(maximum)
                                  : maximum == max_duration
                                      ? "of at least " + format_duration(minimum)
                                      : "from " + format_duration(minimum) + " to " + format_duration(maximum);
        reject(key, "out of range: " + in_quotes(*text) + " (expected a duration " + range + ")");
        return Found::bad;
    }
    value = *parsed;
    return Found::good;
}

ConfigTable::Found ConfigTable::size(std::string_view key, std::uint64_t& value, std::uint64_t minimum, std::uint64_t maximum) {
    describe(key, [&](ConfigKey& of) {
        of.type = ConfigKey::Type::size;
        of.fallback = number_text(of, static_cast<std::int64_t>(value));
        if (minimum > 0) of.minimum = static_cast<std::int64_t>(minimum);
        if (maximum <= std::numeric_limits<std::int64_t>::max()) of.maximum = static_cast<std::int64_t>(maximum);
    });
    const toml::node* found = ask(key);
    if (found == nullptr) return Found::absent;
    const std::optional<std::string> text = quantity(key, *found, a_size);
    if (!text) return Found::bad;
    std::string error;
    const std::optional<std::uint64_t> parsed = parse_size(*text, error);
    if (!parsed) {
        reject(key, error + " (expected " + std::string(a_size) + ")");
        return Found::bad;
    }
    if (*parsed < minimum || *parsed > maximum) {
        const bool open = maximum == std::numeric_limits<std::uint64_t>::max();
        reject(key, "out of range: " + in_quotes(*text) + " (expected a size " + (open ? "of at least " : "from ") +
                        format_size(minimum) + (open ? "" : " to " + format_size(maximum)) + ")");
        return Found::bad;
    }
    value = *parsed;
    return Found::good;
}

ConfigTable::Found ConfigTable::mode(std::string_view key, unsigned& value) {
    describe(key, [](ConfigKey& of) { of.type = ConfigKey::Type::mode; });
    const toml::node* found = ask(key);
    if (found == nullptr) return Found::absent;
    unsigned parsed = 0;
    bool good = false;
    std::string_view text;
    if (const auto* number = found->as_integer()) {
        // 660 without 0o is a mistake every time, since it means 01224.
        good = (number->flags() & toml::value_flags::format_as_octal) != toml::value_flags::none && number->get() >= 0 &&
               number->get() <= 0777;
        parsed = good ? static_cast<unsigned>(number->get()) : 0;
    } else if (const Found as_text = text_of(key, *found, text); as_text == Found::bad) {
        return Found::bad;
    } else if (as_text == Found::good) {
        const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), parsed, 8);
        good = code == std::errc() && end == text.data() + text.size() && parsed <= 0777;
    } else {
        return wrong_type(key, *found, a_mode);
    }
    if (!good) {
        reject(key, "not a file mode (expected " + std::string(a_mode) + " or 0o660, at most 0777)");
        return Found::bad;
    }
    value = parsed;
    return Found::good;
}

// A number, with its unit if it is a string.
std::optional<std::string> ConfigTable::quantity(std::string_view key, const toml::node& value, std::string_view expected) {
    std::string_view text;
    const Found as_text = text_of(key, value, text);
    if (as_text == Found::bad) return std::nullopt;
    if (as_text == Found::good) return std::string(text);
    const auto* number = value.as_integer();
    if (number != nullptr && number->get() >= 0) return std::to_string(number->get());
    if (number != nullptr)
        reject(key, "out of range: " + std::to_string(number->get()) + " (expected " + std::string(expected) + ")");
    else
        wrong_type(key, value, expected);
    return std::nullopt;
}

std::optional<std::size_t> ConfigTable::word(std::string_view key, std::span<const std::string> words, std::string_view usual) {
    describe(key, [&](ConfigKey& of) {
        of.words.assign(words.begin(), words.end());
        of.fallback = in_quotes(usual);
    });
    const toml::node* found = ask(key);
    if (found == nullptr) return std::nullopt;
    std::string_view text;
    const Found as_text = text_of(key, *found, text);
    if (as_text == Found::absent) wrong_type(key, *found, alternatives(words));
    if (as_text != Found::good) return std::nullopt;
    const auto match = std::find(words.begin(), words.end(), text);
    if (match != words.end()) return static_cast<std::size_t>(match - words.begin());
    const std::string near = did_you_mean(text, words);
    reject(key, "unknown value " + in_quotes(text) + " (expected " + alternatives(words) +
                    (near.empty() ? ")" : "; did you mean " + in_quotes(near) + "?)"));
    return std::nullopt;
}

ConfigTable ConfigTable::table(std::string_view key) {
    describe(key, [](ConfigKey& of) { of.type = ConfigKey::Type::table; });
    const toml::node* found = ask(key);
    if (found != nullptr && found->is_table()) return sub_table(*found, key);
    if (found != nullptr) wrong_type(key, *found, "a table");
    return ConfigTable(nullptr, path_of(key), position(key), *reading_);
}

std::vector<ConfigTable> ConfigTable::items(std::string_view key, std::string_view expected) {
    describe(key, [](ConfigKey& of) { of.many = ConfigKey::Many::list; });
    const toml::node* found = ask(key);
    if (found == nullptr) return {};
    const toml::array* array = found->as_array();
    if (array == nullptr) {
        wrong_type(key, *found, expected);
        return {};
    }
    std::vector<ConfigTable> result;
    for (const toml::node& node : *array) result.push_back(sub_table(node, key));
    return result;
}

std::vector<ConfigTable> ConfigTable::one_or_more(std::string_view key, std::string_view expected) {
    std::vector<ConfigTable> result;
    if (is_string(key))
        result.push_back(sub_table(*ask(key), key));
    else
        result = items(key, expected);
    if (is_array(key) && result.empty()) reject(key, "empty (expected " + std::string(expected) + ")");
    describe(key, [](ConfigKey& of) { of.many = ConfigKey::Many::one_or_list; });
    return result;
}

std::size_t ConfigTable::count(std::string_view key) {
    const toml::node* found = ask(key);
    if (found == nullptr) return 0;
    const toml::array* array = found->as_array();
    if (array == nullptr) {
        wrong_type(key, *found, "an array");
        return 0;
    }
    return array->size();
}

std::optional<ConfigTable> ConfigTable::item(std::string_view key, std::size_t index) {
    if (index >= count(key)) return std::nullopt;
    return sub_table(*find(key)->as_array()->get(index), key);
}

std::vector<std::string> ConfigTable::keys() const {
    std::vector<std::string> result;
    if (is_table())
        for (const auto& [key, value] : *node_->as_table()) result.emplace_back(key.str());
    return result;
}

bool ConfigTable::is_table() const noexcept { return node_ != nullptr && node_->is_table(); }

bool ConfigTable::is_array(std::string_view key) const {
    const toml::node* found = find(key);
    return found != nullptr && found->is_array();
}

bool ConfigTable::is_string(std::string_view key) const {
    const toml::node* found = find(key);
    return found != nullptr && (found->is_string() || names_text_file(*found)) && !is_boolean(key);
}

bool ConfigTable::is_boolean(std::string_view key) const {
    const toml::node* found = find(key);
    if (found == nullptr) return false;
    const OutsideText* const outside = outside_text(*found);
    return found->is_boolean() || (outside != nullptr && (outside->text == "true" || outside->text == "false"));
}

Position ConfigTable::position(std::string_view key) const {
    const toml::node* found = find(key);
    return found != nullptr ? position_of(*found) : position_;
}

std::vector<std::string> ConfigTable::sections(std::string_view kind) const { return root_table(*reading_).table(kind).keys(); }

bool ConfigTable::equals(const ConfigTable& other) const {
    const bool none = !is_table() || node_->as_table()->empty();
    const bool other_none = !other.is_table() || other.node_->as_table()->empty();
    return none || other_none ? none == other_none : same_values(*node_, other, *other.node_);
}

bool ConfigTable::same_values(const toml::node& ours, const ConfigTable& other, const toml::node& theirs) const {
    // A table that names a file is a text if somebody has read it as one. If nobody has, its name counts too.
    if (names_text_file(ours) || names_text_file(theirs)) {
        const bool is_text = reading_->document->outside.is_read(ours) || other.reading_->document->outside.is_read(theirs);
        const bool same_name =
            names_text_file(ours) && names_text_file(theirs) &&
            ours.as_table()->get("file")->as_string()->get() == theirs.as_table()->get("file")->as_string()->get();
        std::string_view our_text;
        std::string_view their_text;
        const bool good = plain_text(ours, our_text);
        const bool their_good = other.plain_text(theirs, their_text);
        if (good && their_good) return (is_text || same_name) && our_text == their_text;
        return same_name && good == their_good;
    }
    if (const toml::table* const one = ours.as_table()) {
        const toml::table* const two = theirs.as_table();
        return two != nullptr && one->size() == two->size() &&
               std::equal(one->begin(), one->end(), two->begin(), [&](const auto& a, const auto& b) {
                   return a.first == b.first && same_values(a.second, other, b.second);
               });
    }
    if (const toml::array* const one = ours.as_array()) {
        const toml::array* const two = theirs.as_array();
        return two != nullptr && std::equal(one->begin(), one->end(), two->begin(), two->end(),
                                            [&](const auto& a, const auto& b) { return same_values(a, other, b); });
    }
    std::string_view text;
    if (outside_text(ours) != nullptr && !theirs.is_string() && plain_text(ours, text)) return says(text, theirs);
    if (other.outside_text(theirs) != nullptr && !ours.is_string() && other.plain_text(theirs, text)) return says(text, ours);
    return toml::node_view<const toml::node>(&ours) == toml::node_view<const toml::node>(&theirs);
}

// As text_of(), for whoever does not record problems.
bool ConfigTable::plain_text(const toml::node& value, std::string_view& text) const {
    const OutsideText* const outside =
        names_text_file(value) ? &reading_->document->outside.of_file(value, folder()) : outside_text(value);
    if (outside != nullptr) text = outside->text;
    if (outside != nullptr) return outside->good;
    if (const auto* const string = value.as_string()) text = string->get();
    return value.is_string();
}

void ConfigTable::reject(std::string_view key, std::string_view why) {
    const toml::node* const value = find(key);
    const OutsideText* const outside = value != nullptr ? outside_text(*value) : nullptr;
    std::string what = outside != nullptr ? without_text(why, *outside) : std::string(why);
    if (const auto* const text = value != nullptr && outside == nullptr ? value->as_string() : nullptr) {
        ProblemParts parts = parts_of_problem(what);
        const std::string variable = with_braces(text->get());
        if (variable != text->get() && variable.size() <= 64 && parts.suggestion.empty()) {
            parts.suggestion = printable(variable);
            what = parts.whole();
        }
    }
    reading_->problems.add(position(key), path_of(key), what);
}

void ConfigTable::reject_whole(std::string_view why) { reading_->problems.add(position_, path_, why); }

void ConfigTable::missing(std::string_view key, std::string_view expected) {
    describe(key, [](ConfigKey& of) { of.required = true; });
    reading_->problems.add(position_, path_of(key), "missing (expected " + std::string(expected) + ")");
}

void ConfigTable::expect_table(std::string_view expected) { wrong_type("", *node_, expected); }

void ConfigTable::reject_unknown(std::string_view advice) {
    if (!is_table()) return;
    for (const auto& [key, value] : *node_->as_table()) {
        const std::string_view name = key.str();
        if (std::find(asked_.begin(), asked_.end(), name) != asked_.end()) continue;
        const std::string near = reading_->problems.full() ? "" : did_you_mean(name, asked_); // it takes a while
        std::string known;
        for (const std::string& other : asked_) known += (known.empty() ? "" : ", ") + other;
        const std::string hint = name == "include" && near.empty() && !path_.empty()
                                     ? "expected it at the top of the file, before the first section"
                                 : !near.empty() ? "did you mean " + in_quotes(near) + "?"
                                 : known.empty() ? "there are none here"
                                                 : "known here: " + printable(known, 600) + std::string(advice);
        reading_->problems.add(position_of(key.source()), path_of(name), "unknown key (" + hint + ")");
    }
}

ConfigTable::Found ConfigTable::wrong_type(std::string_view key, const toml::node& value, std::string_view expected) {
    const auto* text = value.as_string();
    const bool other = // than the type that was meant
        text != nullptr && outside_text(value) == nullptr &&
        (text->get() == "true" || text->get() == "false" ||
         (!text->get().empty() && text->get().find_first_not_of("0123456789") == std::string::npos));
    reject(key, "wrong type: " + std::string(type_name(value)) + " (expected " + std::string(expected) +
                    (other ? ", without quotes)" : ")"));
    return Found::bad;
}

std::string ConfigTable::path_of(std::string_view key) const {
    if (key.empty()) return path_; // an item of an array
    return path_.empty() ? key_in_path(key) : path_ + '.' + key_in_path(key);
}

ConfigTable ConfigTable::sub_table(const toml::node& node, std::string_view key) const {
    return ConfigTable(&node, path_of(key), position_of(node), *reading_);
}

ConfigTable root_table(ConfigReading& reading) { return ConfigTable(reading.document->root.get(), "", {}, reading); }

} // namespace gatehouse::host
