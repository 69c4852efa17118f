#include "trial/key_trials.hpp"

#include "base/printable.hpp"

#include <algorithm>
#include <string_view>

namespace gatehouse::host {
namespace {

using Expected = KeyTrial::Expected;
using Type = ConfigKey::Type;

class Trials {
  public:
    explicit Trials(const std::vector<std::string>& settings) : settings_(settings) {}

    // `value` is TOML.
    void add(const std::string& key, const std::string& value, Expected expected) {
        KeyTrial trial{key + " = " + printable(value, 60), key, {}, expected};
        for (const std::string& setting : settings_)
            if (!setting.starts_with(key + '=')) trial.settings.push_back(setting);
        trial.settings.push_back(key + '=' + value);
        trials_.push_back(std::move(trial));
    }

    // Where a required key of the table is missing, a default alone does not make it right.
    void add_all(const std::vector<ConfigKey>& keys, const std::string& before) {
        const bool lacks_one = std::any_of(
            keys.begin(), keys.end(), [&](const ConfigKey& key) { return key.required && !is_given(before + key.name, '='); });
        for (const ConfigKey& key : keys) add_key(key, before + key.name, lacks_one ? Expected::either : Expected::accepted);
    }

    std::vector<KeyTrial> take() { return std::move(trials_); }

  private:
    bool is_given(const std::string& name, char then) const {
        return std::any_of(settings_.begin(), settings_.end(),
                           [&](const std::string& setting) { return setting.starts_with(name + then); });
    }

    void add_key(const ConfigKey& key, const std::string& name, Expected of_default) {
        if (key.type == Type::table && key.many == ConfigKey::Many::one) {
            add(name, "\"no table\"", Expected::refused);
            if (!is_given(name, '=')) add_all(key.fields, name + '.');
            return;
        }
        if (is_given(name, '.')) return; // a second value of it would not be TOML
        if (key.many != ConfigKey::Many::one || key.type == Type::table) return add(name, "1", Expected::refused);
        if (!key.fallback.empty() && !key.required) add(name, key.fallback, of_default);
        const bool is_text = key.type == Type::string || key.type == Type::path || key.type == Type::address;
        add(name, is_text ? "[1]" : key.type == Type::tls_client ? "1" : "\"no such thing\"", Expected::refused);
        for (const auto& [limit, beyond] : {std::pair(key.minimum, -1), std::pair(key.maximum, 1)}) {
            if (!limit) continue;
            add(name, number_text(key, *limit), Expected::either);
            if (*limit != 0 || beyond > 0) add(name, number_text(key, *limit + beyond), Expected::refused);
        }
        for (const std::string& word : key.words) add(name, '"' + word + '"', Expected::either);
        if (!is_text) return;
        for (const std::string& text : {std::string(), std::string(4096, 'x'), std::string("\\u0000\\u0001\\u00ff%s%n")})
            add(name, '"' + text + '"', key.words.empty() ? Expected::either : Expected::refused);
    }

    const std::vector<std::string>& settings_;
    std::vector<KeyTrial> trials_;
};

} // namespace

std::vector<KeyTrial> key_trials(const std::vector<std::string>& settings, const std::vector<ConfigKey>& keys) {
    Trials trials(settings);
    trials.add("gatehouse_has_no_such_key", "1", Expected::refused);
    trials.add_all(keys, "");
    return trials.take();
}

} // namespace gatehouse::host
