#include "config/show.hpp"

#include "base/printable.hpp"
#include "config/document.hpp"
#include "config/key_classes.hpp"
#include "config/plugin_settings.hpp"
#include "config/value_text.hpp"

#include <algorithm>
#include <set>
#include <span>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr std::size_t most_networks = 20;   // of a list, that are shown
constexpr std::size_t widest_key = 48;      // with its value; what is longer stands out
constexpr std::size_t longest_line = 4'000; // of a value, for people
constexpr const char* is_default = "default";

// "FILE:LINE" of "FILE:LINE:COLUMN".
std::string line_of(const Place& place) { return place.text.substr(0, place.text.rfind(':')); }

class Showing {
  public:
    Showing(const Config& config, std::vector<ShownKey>& shown) : config_(config), shown_(shown) {}

    // `at`: the way to the section in the file.
    template <class Section>
    void values(const std::string& section, const Section& of, std::span<const SectionKey<Section>> keys,
                const std::vector<std::string>& at, const std::string& prefix = "") {
        for (const SectionKey<Section>& key : keys) {
            if (key.value == nullptr) continue;
            const std::string name = prefix + std::string(key.name);
            std::vector<std::string> way = at;
            for (std::size_t begin = 0; begin <= key.name.size();) {
                const std::size_t dot = std::min(key.name.find('.', begin), key.name.size());
                way.emplace_back(key.name.substr(begin, dot - begin));
                begin = dot + 1;
            }
            add(section, name, key.value(of), way);
        }
    }

    void add(const std::string& section, const std::string& key, std::string value, const std::vector<std::string>& at) {
        const Said said = config_.files.document ? where_said(*config_.files.document, at) : Said();
        if (value.empty() && !said.of_file) return;
        const auto& waiting = config_.files.waiting;
        std::string where = said.place ? line_of(*said.place) : is_default;
        if (std::ranges::find(waiting, section + '.' + key) != waiting.end()) where = "before; " + where + " needs a restart";
        if (said.of_file) value.clear();
        shown_.push_back({section, key, std::move(value), std::move(where), said.of_file});
    }

    void networks(const std::string& section, const std::string& key, const std::vector<Network>& all, std::size_t written,
                  const AccessLists::Places& places) {
        if (written != 0) {
            const std::vector<Network> first(all.begin(),
                                             all.begin() + static_cast<std::ptrdiff_t>(std::min(written, most_networks)));
            std::string value = value_text(first);
            if (written > most_networks)
                value.insert(value.size() - 1, ", and " + std::to_string(written - most_networks) + " more");
            shown_.push_back({section, key, std::move(value), line_of(places.key), false});
        }
        if (places.file.empty()) return;
        shown_.push_back({section, key + "_file",
                          value_text(places.file) + " with " + std::to_string(all.size() - written) + " networks",
                          line_of(places.key), false});
    }

    void access(const std::string& section, const std::string& prefix, const AccessLists& lists) {
        networks(section, prefix + "allow", lists.allow, lists.allow_written, lists.allow_places);
        networks(section, prefix + "deny", lists.deny, lists.deny_written, lists.deny_places);
    }

    void listener(const ListenerConfig& listener, std::size_t number) {
        const std::string section = "listeners." + listener.name;
        const std::vector<std::string> at{"listeners", std::to_string(number)};
        const std::size_t first = shown_.size();
        values(section, listener, listener_keys(), at);
        if (!listener.proxy_protocol) // then its other keys mean nothing
            shown_.erase(std::remove_if(shown_.begin() + static_cast<std::ptrdiff_t>(first), shown_.end(),
                                        [](const ShownKey& key) { return key.key.starts_with("proxy_protocol."); }),
                         shown_.end());
        access(section, "", listener.access);
        for (std::size_t i = 0; i < listener.routes.size(); ++i) {
            const std::string prefix = "routes." + std::to_string(i + 1) + '.';
            values(section, listener.routes[i], route_keys(),
                   {"listeners", std::to_string(number), "routes", std::to_string(i)}, prefix);
            access(section, prefix, listener.routes[i].access);
        }
    }

    void tls(const TlsConfig& tls) {
        const std::string section = "tls." + tls.name;
        for (std::size_t i = 0; i < tls.pairs.size(); ++i) {
            std::vector<std::string> at{"tls", tls.name};
            if (i > 0) at.insert(at.end(), {"sni", std::to_string(i - 1)});
            values(section, tls.pairs[i], tls_pair_keys(), at, i == 0 ? "" : "sni." + std::to_string(i) + '.');
        }
        values(section, tls, tls_keys(), {"tls", tls.name});
    }

    void plugin(const PluginConfig& plugin, const std::vector<ConfigKey>* keys) {
        const std::string section = "plugins." + plugin.name;
        values(section, plugin, plugin_keys(), {"plugins", plugin.name});
        std::set<std::string, std::less<>> said;
        for (Setting& setting : plugin.settings->settings([](const std::string& /*key*/) { return false; })) {
            said.insert(setting.key);
            if (setting.secret) setting.value.clear();
            shown_.push_back(
                {section, "config." + setting.key, std::move(setting.value), line_of(setting.where), setting.secret});
        }
        if (keys != nullptr) defaults(section, "", *keys, said);
    }

  private:
    // Of a plugin's keys, those that are not said; a list's items have none that could be known.
    void defaults(const std::string& section, const std::string& prefix, const std::vector<ConfigKey>& keys,
                  const std::set<std::string, std::less<>>& said) {
        for (const ConfigKey& key : keys) {
            const std::string name = prefix + key.name;
            const auto within = said.lower_bound(name + '.');
            const bool is_said = said.contains(name) || (within != said.end() && within->starts_with(name + '.'));
            if (key.many == ConfigKey::Many::one && key.type == ConfigKey::Type::table) {
                if (is_said || !key.fallback.empty()) defaults(section, name + '.', key.fields, said); // else it is off
            } else if (!is_said && !key.fallback.empty()) {
                shown_.push_back({section, "config." + name, key.fallback, is_default, false});
            }
        }
    }

    const Config& config_;
    std::vector<ShownKey>& shown_;
};

} // namespace

std::vector<ShownKey> shown_keys(const Config& config, const std::string& listener, const KeysOfPlugin& keys_of) {
    std::vector<ShownKey> shown;
    Showing showing(config, shown);
    if (listener.empty()) {
        showing.values("host", config.host, host_keys(), {"host"});
        showing.values("process", config.process, process_keys(), {"process"});
        showing.values("log", config.log, log_keys(), {"log"});
        for (const TlsConfig& tls : config.tls) showing.tls(tls);
        for (const MapConfig& map : config.maps) showing.values("maps." + map.name, map, map_keys(), {"maps", map.name});
        for (const PluginConfig& plugin : config.plugins) showing.plugin(plugin, keys_of(plugin.name));
    }
    for (std::size_t i = 0; i < config.listeners.size(); ++i)
        if (listener.empty() || listener == config.listeners[i].name) showing.listener(config.listeners[i], i);
    return shown;
}

std::string show_text(const std::vector<ShownKey>& keys, bool with_where) {
    std::string text;
    const std::string* section = nullptr;
    for (const ShownKey& key : keys) {
        if (section == nullptr || *section != key.section)
            text += (text.empty() ? "[" : "\n[") + printable(key.section, longest_line) + "]\n";
        section = &key.section;
        std::string line =
            printable(key.key, longest_line) + " = " + (key.secret ? "(secret)" : printable(key.value, longest_line));
        if (with_where) {
            line.resize(std::max(line.size(), widest_key), ' ');
            line += "  # " + printable(key.where, longest_line);
        }
        text += line + '\n';
    }
    return text;
}

CellTable show_table(const std::vector<ShownKey>& keys) {
    CellTable table{{"section", "key", "value", "where"}, {}};
    for (const ShownKey& key : keys)
        table.cells.insert(table.cells.end(), {key.section, key.key, key.secret ? Cell() : Cell(key.value), key.where});
    return table;
}

} // namespace gatehouse::host
