#include "config/plan.hpp"

#include "config/list_diff.hpp"
#include "config/plugin_settings.hpp"
#include "config/value_text.hpp"
#include "net/server_name.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>

namespace gatehouse::host {
namespace {

// --- Sections -------------------------------------------------------------------------------------------------------------

// The keys of a section that have one value. `before_name`: "routes.2." of what is within a list.
template <class Section>
void compare_values(std::span<const SectionKey<Section>> keys, const Section& running, const Section& next,
                    const std::string& before_name, const Place& where, std::vector<Change>& changes) {
    for (const SectionKey<Section>& key : keys) {
        if (key.value == nullptr) continue;
        std::string before = key.value(running);
        std::string after = key.value(next);
        if (before == after) continue;
        changes.push_back({.key = before_name + std::string(key.name),
                           .effect = key.effect,
                           .before = std::move(before),
                           .after = std::move(after),
                           .where = where});
    }
}

template <class Section>
KeyClass class_of(std::span<const SectionKey<Section>> keys, std::string_view name) {
    return std::ranges::find(keys, name, &SectionKey<Section>::name)->effect;
}

using Networks = std::set<Network>;

// How many of the networks are not among the others, apart by where they stand.
struct Count {
    std::size_t written = 0; // in the configuration file
    std::size_t of_file = 0; // in the one that it names
};
Count new_ones(const std::vector<Network>& networks, std::size_t written, const Networks& others) {
    Count count;
    Networks seen;
    for (std::size_t i = 0; i < networks.size(); ++i)
        if (!others.contains(networks[i]) && seen.insert(networks[i]).second) ++(i < written ? count.written : count.of_file);
    return count;
}

// One of the two lists: `name` is "allow" or "deny".
void compare_networks(const std::vector<Network>& running, std::size_t running_written, const std::vector<Network>& next,
                      std::size_t next_written, const std::string& name, KeyClass effect, const Place& where,
                      std::vector<Change>& changes) {
    if (running == next) return;
    const Count added = new_ones(next, next_written, Networks(running.begin(), running.end()));
    const Count removed = new_ones(running, running_written, Networks(next.begin(), next.end()));
    const auto add = [&](const std::string& key, std::size_t more, std::size_t fewer) {
        if (more + fewer != 0)
            changes.push_back(
                {.key = key, .effect = effect, .networks_added = more, .networks_removed = fewer, .where = where});
    };
    add(name, added.written, removed.written);
    add(name + "_file", added.of_file, removed.of_file);
}

void compare_access(const AccessLists& running, const AccessLists& next, const std::string& before_name, KeyClass effect,
                    const Place& where, std::vector<Change>& changes) {
    compare_networks(running.allow, running.allow_written, next.allow, next.allow_written, before_name + "allow", effect, where,
                     changes);
    compare_networks(running.deny, running.deny_written, next.deny, next.deny_written, before_name + "deny", effect, where,
                     changes);
}

// --- Lists ----------------------------------------------------------------------------------------------------------------

template <class Item>
decltype(Change::fields) fields_of(std::span<const SectionKey<Item>> keys, const Item& item) {
    decltype(Change::fields) fields;
    for (const SectionKey<Item>& key : keys)
        if (std::string value = key.value != nullptr ? key.value(item) : ""; !value.empty())
            fields.emplace_back(key.name, std::move(value));
    return fields;
}

// What tells items of a list apart.
template <class Item>
std::vector<std::string> texts_of(const std::vector<Item>& items, std::span<const SectionKey<Item>> keys) {
    std::vector<std::string> texts;
    texts.reserve(items.size());
    for (const Item& item : items) {
        std::string& text = texts.emplace_back();
        for (const SectionKey<Item>& key : keys) text += key.value(item) + '\n'; // which no value has
    }
    return texts;
}

// `first_keys`: how many of the keys tell items apart. `more(running, next, before_name, where)` compares what has no value.
template <class Item, class PlaceOf, class More>
void compare_items(const std::string& list, KeyClass effect, std::span<const SectionKey<Item>> keys, std::size_t first_keys,
                   const std::vector<Item>& running, const std::vector<Item>& next, PlaceOf place_of, More more,
                   std::vector<Change>& changes) {
    if (running == next) return;
    const auto first_of_keys = keys.first(first_keys);
    const ListDiff diff = list_diff(texts_of(running, first_of_keys), texts_of(next, first_of_keys));
    const auto name = [&](std::size_t index) { return list + '.' + std::to_string(index + 1); };
    for (std::size_t i = 0; i < next.size(); ++i) {
        const Place& where = place_of(next[i]);
        const std::optional<std::size_t> before = diff.items[i].before;
        if (!before) {
            changes.push_back({.kind = Change::Kind::added,
                               .key = name(i),
                               .effect = effect,
                               .fields = fields_of(keys, next[i]),
                               .where = where});
            continue;
        }
        if (diff.items[i].moved)
            changes.push_back({.kind = Change::Kind::moved,
                               .key = name(i),
                               .effect = effect,
                               .before = std::to_string(*before + 1),
                               .after = std::to_string(i + 1),
                               .where = where});
        if (running[*before] == next[i]) continue;
        compare_values(keys, running[*before], next[i], name(i) + '.', where, changes);
        more(running[*before], next[i], name(i) + '.', where);
    }
    for (const std::size_t i : diff.removed)
        changes.push_back({.kind = Change::Kind::removed,
                           .key = name(i),
                           .effect = effect,
                           .fields = fields_of(keys, running[i]),
                           .where = place_of(running[i])});
}

// --- The `config` tables of plugins ---------------------------------------------------------------------------------------

using SettingsByKey = std::map<std::string_view, const Setting*>;

SettingsByKey by_key(const std::vector<Setting>& settings) {
    SettingsByKey all;
    for (const Setting& setting : settings) all.emplace(setting.key, &setting);
    return all;
}

std::string_view item_of(const Setting& setting) { return std::string_view(setting.key).substr(0, setting.item); }

std::set<std::string_view> items_of(const std::vector<Setting>& settings) {
    std::set<std::string_view> items;
    for (const Setting& setting : settings)
        if (setting.item != 0) items.insert(item_of(setting));
    return items;
}

// The settings of one side that the other lacks: whole items, and values.
void add_missing(const std::vector<Setting>& settings, const std::vector<Setting>& others, Change::Kind kind,
                 std::vector<Change>& changes) {
    const SettingsByKey known = by_key(others);
    const std::set<std::string_view> items = items_of(others);
    std::string_view current; // the item that the last change is about
    for (const Setting& setting : settings) {
        if (known.contains(setting.key)) continue;
        const bool of_new_item = setting.item != 0 && !items.contains(item_of(setting));
        const std::string value = setting.secret ? "" : setting.value;
        if (!of_new_item) {
            Change change{
                .key = "config." + setting.key, .effect = KeyClass::instance, .secret = setting.secret, .where = setting.where};
            (kind == Change::Kind::added ? change.after : change.before) = value;
            changes.push_back(std::move(change));
            continue;
        }
        if (current != item_of(setting))
            changes.push_back({.kind = kind,
                               .key = "config." + std::string(item_of(setting)),
                               .effect = KeyClass::instance,
                               .where = setting.where});
        current = item_of(setting);
        // An item that is no table has no keys.
        const bool is_value = setting.key.size() == setting.item;
        changes.back().fields.emplace_back(is_value ? "" : setting.key.substr(setting.item + 1), value);
        changes.back().secret = changes.back().secret || setting.secret;
    }
}

void compare_settings(const gatehouse_config& running, const gatehouse_config& next, const Place& where,
                      std::vector<Change>& changes) {
    if (running.equals(next)) return;
    const std::size_t first = changes.size();
    // What a plugin has read as a text on one side is one on the other.
    const auto secrets = [](const gatehouse_config& config) {
        std::set<std::string> keys;
        for (const Setting& setting : config.settings([](const std::string&) { return false; }))
            if (setting.secret) keys.insert(setting.key);
        return [keys](const std::string& key) { return keys.contains(key); };
    };
    const std::vector<Setting> before = running.settings(secrets(next));
    const std::vector<Setting> after = next.settings(secrets(running));
    const SettingsByKey old_values = by_key(before);
    for (const Setting& setting : after) {
        const auto found = old_values.find(setting.key);
        if (found == old_values.end() || found->second->value == setting.value || running.same(*found->second, next, setting))
            continue;
        const bool secret = setting.secret || found->second->secret;
        changes.push_back({.key = "config." + setting.key,
                           .effect = KeyClass::instance,
                           .before = secret ? "" : found->second->value,
                           .after = secret ? "" : setting.value,
                           .secret = secret,
                           .where = setting.where});
    }
    add_missing(after, before, Change::Kind::added, changes);
    add_missing(before, after, Change::Kind::removed, changes);
    if (changes.size() != first) return;
    // The same values, and yet not the same: paths start at another folder, or items have names and stand in another order.
    Change change{.key = "config", .effect = KeyClass::instance, .where = where};
    if (running.folder() == next.folder())
        change.kind = Change::Kind::moved;
    else
        change.before = value_text(running.folder()), change.after = value_text(next.folder());
    changes.push_back(std::move(change));
}

// --- Sections with names --------------------------------------------------------------------------------------------------

void compare_section(const TlsConfig& running, const TlsConfig& next, std::vector<Change>& changes) {
    // The first pair is that of the section itself.
    compare_values(tls_pair_keys(), running.pairs.front(), next.pairs.front(), "", next.where, changes);
    const auto others = [](const TlsConfig& tls) { return std::vector(tls.pairs.begin() + 1, tls.pairs.end()); };
    compare_items(
        "sni", class_of(tls_keys(), "sni"), tls_pair_keys(), 1, others(running), others(next),
        [&](const TlsPairConfig&) -> const Place& { return next.where; }, [](const auto&...) {}, changes);
    compare_values(tls_keys(), running, next, "", next.where, changes);
}

void compare_section(const MapConfig& running, const MapConfig& next, std::vector<Change>& changes) {
    compare_values(map_keys(), running, next, "", next.where, changes);
}

void compare_section(const PluginConfig& running, const PluginConfig& next, std::vector<Change>& changes) {
    compare_values(plugin_keys(), running, next, "", next.where, changes);
    compare_settings(*running.settings, *next.settings, next.where, changes);
}

template <class Section>
std::unordered_map<std::string_view, std::size_t> by_name(const std::vector<Section>& sections) {
    std::unordered_map<std::string_view, std::size_t> all;
    for (std::size_t i = 0; i < sections.size(); ++i) all.emplace(sections[i].name, i);
    return all;
}

template <class Section>
std::vector<SectionPlan> plan_sections(const std::vector<Section>& running, const std::vector<Section>& next) {
    using Fate = SectionPlan::Fate;
    const auto old_ones = by_name(running);
    const auto new_ones = by_name(next);
    std::vector<SectionPlan> plans;
    for (const Section& section : next) {
        SectionPlan& plan = plans.emplace_back(SectionPlan{.name = section.name, .where = section.where});
        const auto found = old_ones.find(section.name);
        if (found == old_ones.end()) {
            plan.fate = Fate::added;
        } else if (running[found->second] != section) {
            plan.fate = Fate::changed;
            compare_section(running[found->second], section, plan.changes);
        }
    }
    for (const Section& section : running)
        if (!new_ones.contains(section.name))
            plans.push_back({.name = section.name, .fate = Fate::removed, .where = section.where});
    return plans;
}

// --- Listeners ------------------------------------------------------------------------------------------------------------

// For each of the next listeners, the running one whose socket it gets.
std::vector<std::optional<std::size_t>> sockets_of(const std::vector<ListenerConfig>& running,
                                                   const std::vector<ListenerConfig>& next) {
    std::unordered_map<std::string, std::size_t> sockets;
    for (std::size_t i = 0; i < running.size(); ++i) sockets.emplace(socket_key(running[i]), i);
    std::vector<std::optional<std::size_t>> all;
    for (const ListenerConfig& listener : next) {
        const auto found = sockets.find(socket_key(listener));
        all.push_back(found == sockets.end() ? std::nullopt : std::optional(found->second));
    }
    return all;
}

void compare_listeners(const ListenerConfig& running, const ListenerConfig& next, bool same_socket,
                       std::vector<Change>& changes) {
    if (running == next) return;
    compare_values(listener_keys(), running, next, "", next.where, changes);
    if (!same_socket) // what waits for a restart at one socket comes with another one
        for (Change& change : changes)
            if (change.effect == KeyClass::restart) change.effect = KeyClass::rebind;
    const KeyClass of_access = class_of(listener_keys(), "allow");
    compare_access(running.access, next.access, "", of_access, next.where, changes);
    compare_items(
        "routes", class_of(listener_keys(), "routes"), route_keys(), condition_count, running.routes, next.routes,
        [](const RouteConfig& route) -> const Place& { return route.where; },
        [&](const RouteConfig& before, const RouteConfig& after, const std::string& name, const Place& where) {
            compare_access(before.access, after.access, name, of_access, where, changes);
        },
        changes);
}

template <class Section>
void copy_restart_keys(std::span<const SectionKey<Section>> keys, const Section& from, Section& to) {
    for (const SectionKey<Section>& key : keys)
        if (key.effect == KeyClass::restart) key.copy(from, to);
}

void plan_listeners(const std::vector<ListenerConfig>& running, const std::vector<ListenerConfig>& next, Plan& plan) {
    using Socket = ListenerPlan::Socket;
    const std::vector<std::optional<std::size_t>> sockets = sockets_of(running, next);
    const auto old_names = by_name(running);
    const auto new_names = by_name(next);
    std::vector<bool> compares(running.size());
    std::vector<bool> keeps(running.size());
    for (std::size_t i = 0; i < next.size(); ++i) {
        const ListenerConfig& listener = next[i];
        ListenerPlan& one = plan.listeners.emplace_back(ListenerPlan{
            .name = listener.name, .running = "", .address = to_string(listener.address), .where = listener.where});
        const std::optional<std::size_t> socket = sockets[i];
        std::optional<std::size_t> compared;
        if (const auto named = old_names.find(listener.name); named != old_names.end())
            compared = named->second;
        else if (socket && !new_names.contains(running[*socket].name))
            compared = socket;
        if (compared) {
            one.running = running[*compared].name;
            compares[*compared] = true;
        }
        if (socket) {
            one.socket_of = running[*socket].name;
            keeps[*socket] = true;
            ++plan.keeps;
        } else {
            one.socket = compared ? Socket::moved : Socket::opened;
            ++plan.opens;
        }
        if (socket == compared) {
            if (compared) compare_listeners(running[*compared], listener, true, one.changes);
            continue;
        }
        ListenerConfig before = compared ? running[*compared] : listener;
        if (socket) copy_restart_keys(listener_keys(), running[*socket], before);
        compare_listeners(before, listener, socket.has_value(), one.changes);
    }
    plan.closes = static_cast<std::size_t>(std::ranges::count(keeps, false));
    for (std::size_t i = 0; i < running.size(); ++i)
        if (!compares[i])
            plan.listeners.push_back({.name = running[i].name,
                                      .running = running[i].name,
                                      .socket = keeps[i] ? Socket::given : Socket::closed,
                                      .address = to_string(running[i].address),
                                      .where = running[i].where});
}

} // namespace

bool differs(const SectionPlan& section) noexcept { return section.fate != SectionPlan::Fate::same; }

bool differs(const ListenerPlan& listener) noexcept {
    return listener.socket != ListenerPlan::Socket::kept || listener.running.empty() || !listener.changes.empty();
}

bool Plan::empty() const noexcept {
    const auto same = [](const auto& one) { return !differs(one); };
    return host.empty() && process.empty() && log.empty() && std::ranges::all_of(tls, same) &&
           std::ranges::all_of(maps, same) && std::ranges::all_of(plugins, same) && std::ranges::all_of(listeners, same);
}

std::vector<std::string> Plan::waiting() const {
    std::vector<std::string> keys;
    const auto add = [&](const std::string& section, const std::vector<Change>& changes) {
        for (const Change& change : changes)
            if (change.effect == KeyClass::restart) keys.push_back(section + '.' + change.key);
    };
    add("host", host);
    add("process", process);
    add("log", log);
    for (const ListenerPlan& listener : listeners) add("listeners." + listener.name, listener.changes);
    return keys;
}

Plan plan_of(const Config& running, const Config& next) {
    const Place none;
    Plan plan;
    compare_values(host_keys(), running.host, next.host, "", none, plan.host);
    compare_values(process_keys(), running.process, next.process, "", none, plan.process);
    compare_values(log_keys(), running.log, next.log, "", none, plan.log);
    plan.tls = plan_sections(running.tls, next.tls);
    plan.maps = plan_sections(running.maps, next.maps);
    plan.plugins = plan_sections(running.plugins, next.plugins);
    plan_listeners(running.listeners, next.listeners, plan);
    return plan;
}

Config with_restart_keys_of(const Config& running, Config next) {
    copy_restart_keys(host_keys(), running.host, next.host);
    copy_restart_keys(process_keys(), running.process, next.process);
    copy_restart_keys(log_keys(), running.log, next.log);
    const std::vector<std::optional<std::size_t>> sockets = sockets_of(running.listeners, next.listeners);
    for (std::size_t i = 0; i < sockets.size(); ++i)
        if (sockets[i]) copy_restart_keys(listener_keys(), running.listeners[*sockets[i]], next.listeners[i]);
    return next;
}

std::string socket_key(const ListenerConfig& listener) {
    const Address& address = listener.address;
    const std::string mine = address.kind == Address::Kind::tcp && address.port == 0 ? listener.name + ' ' : "";
    if (address.kind != Address::Kind::tcp || address.host.find('%') != std::string::npos) return mine + to_string(address);
    if (const auto numeric = numeric_address(address)) return mine + to_string(*numeric);
    Address named = address;
    if (const ServerName name(address.host); !name.empty()) named.host = name.text();
    return mine + to_string(named);
}

} // namespace gatehouse::host
