#include "config/settings.hpp"

#include "base/text_file.hpp"
#include "config/outside_texts.hpp"
#include "config/reading.hpp"
#include "config/toml.hpp"
#include "config/value_text.hpp"
#include "config/values.hpp"
#include "config/variables.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <sstream>

namespace gatehouse::host {
namespace {

// The shortest text that reads back as the same number, and that TOML does not take for an integer.
std::string float_text(double number) {
    if (std::isnan(number)) return "nan";
    if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
    std::array<char, 32> digits{};
    const auto [end, code] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    std::string text(digits.data(), end);
    if (text.find_first_of(".e") == std::string::npos) text += ".0";
    return text;
}

template <class Value>
std::string streamed(const Value& value) {
    std::ostringstream text;
    text << value;
    return text.str();
}

std::string text_of(const std::string& text) { return text.empty() ? "\"\"" : value_text(text); }

// A value that is neither a table nor an array.
std::string scalar_text(const toml::node& node) {
    if (const auto* text = node.as_string()) return text_of(text->get());
    if (const auto* number = node.as_integer()) return std::to_string(number->get());
    if (const auto* number = node.as_floating_point()) return float_text(number->get());
    if (const auto* flag = node.as_boolean()) return value_text(flag->get());
    if (const auto* date = node.as_date()) return streamed(date->get());
    if (const auto* time = node.as_time()) return streamed(time->get());
    if (const auto* date_time = node.as_date_time()) return streamed(date_time->get());
    return "";
}

bool is_json_scalar(const toml::node& node) {
    const auto* number = node.as_floating_point();
    return node.is_string() || node.is_integer() || node.is_boolean() || (number != nullptr && std::isfinite(number->get()));
}

class Flattening {
  public:
    Flattening(const ConfigReading& reading, const std::filesystem::path& folder, const IsText& is_text,
               std::vector<Setting>& settings)
        : reading_(reading), folder_(folder), is_text_(is_text), settings_(settings) {}

    void table(const toml::table& table, const std::string& key, std::size_t item) {
        for (const auto& [name, value] : table) node(value, joined(key, name.str()), item);
    }

  private:
    void node(const toml::node& node, const std::string& key, std::size_t item) {
        const toml::table* const as_table = node.as_table();
        const toml::array* const as_array = node.as_array();
        if (const OutsideText* const outside = reading_.document->outside.find(node); outside != nullptr)
            add(node, key, text_of(outside->text), item, true);
        else if (names_text_file(node) && is_text_(key))
            add(node, key, text_of(text_of_file(node)), item, true);
        else if (as_table != nullptr && !as_table->empty())
            table(*as_table, key, item);
        else if (as_array != nullptr)
            array(*as_array, key, item);
        else
            add(node, key, as_table != nullptr ? "{}" : scalar_text(node), item, false);
    }

    void array(const toml::array& array, const std::string& key, std::size_t item) {
        std::string text;
        bool whole = true;
        bool secret = false;
        for (const toml::node& one : array) {
            secret = secret || reading_.document->outside.find(one) != nullptr;
            whole = whole && is_json_scalar(one);
            if (whole) text += (text.empty() ? "" : ", ") + scalar_text(one);
        }
        if (whole) return add(array, key, '[' + text + ']', item, secret);
        const std::vector<std::string> names = names_of(array);
        for (std::size_t i = 0; i < array.size(); ++i) {
            const std::string name = joined(key, names.empty() ? std::to_string(i + 1) : names[i]);
            node(*array.get(i), name, item == 0 ? name.size() : item);
        }
    }

    // The names of the items, if each has one that stands in the file, and no two have the same; else none.
    std::vector<std::string> names_of(const toml::array& array) const {
        std::vector<std::string> names;
        std::set<std::string_view> seen;
        for (const toml::node& item : array) {
            const toml::table* const table = item.as_table();
            const toml::node* const name = table != nullptr ? table->get("name") : nullptr;
            if (name == nullptr || !name->is_string() || reading_.document->outside.find(*name) != nullptr ||
                !seen.insert(name->as_string()->get()).second)
                return {};
            names.push_back(name->as_string()->get());
        }
        return names;
    }

    void add(const toml::node& node, const std::string& key, std::string value, std::size_t item, bool secret) {
        settings_.push_back({key, std::move(value), item, secret, reading_.problems.place(position_of(node)), &node});
    }

    // It is not kept: that the plugin reads it as a text is not known. Bounded as OutsideTexts is.
    std::string text_of_file(const toml::node& node) {
        std::string error; // whoever reads it says so
        if (bytes_ > max_config_size) return "";
        const std::string& path = node.as_table()->get("file")->as_string()->get();
        std::string text = read_text_file(folder_ / path, {max_outside_text, "a text file"}, error).value_or("");
        if (text.ends_with('\n')) text.pop_back(); // as OutsideTexts::of_file() does
        bytes_ += text.size();
        return text;
    }

    static std::string joined(const std::string& key, std::string_view name) {
        const std::string part = is_name(name) ? std::string(name) : name.empty() ? "\"\"" : value_text(name);
        return key.empty() ? part : key + '.' + part;
    }

    const ConfigReading& reading_;
    const std::filesystem::path& folder_;
    const IsText& is_text_;
    std::vector<Setting>& settings_;
    std::size_t bytes_ = 0; // of the texts of files that are not kept
};

} // namespace

std::vector<Setting> settings_of(const toml::node* node, const ConfigReading& reading, const std::filesystem::path& folder,
                                 const IsText& is_text) {
    std::vector<Setting> settings;
    if (node != nullptr && node->is_table()) Flattening(reading, folder, is_text, settings).table(*node->as_table(), "", 0);
    return settings;
}

} // namespace gatehouse::host
