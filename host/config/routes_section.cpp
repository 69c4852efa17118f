#include "config/routes_section.hpp"

#include "base/ascii.hpp"
#include "base/did_you_mean.hpp"
#include "base/printable.hpp"
#include "config/access_section.hpp"
#include "config/listener_section.hpp"
#include "net/server_name.hpp"
#include "wire/protocol_pattern.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <span>

namespace gatehouse::host {
namespace {

constexpr std::size_t longest_name = 253; // of a host: RFC 1035, section 2.3.4, without the last dot
constexpr std::size_t longest_protocol = 255;
constexpr std::size_t most_routes = 256;

// Calls read(item, text) for the one string or each string of an array.
template <class Read>
void for_each_string(ConfigTable& table, std::string_view key, std::string_view expected, Read read) {
    std::string_view text;
    if (table.is_string(key)) {
        table.string(key, text);
        return read(table, key, text);
    }
    for (ConfigTable& item : table.items(key, expected))
        if (item.string("", text) == ConfigTable::Found::good) read(item, "", text);
    if (table.is_array(key) && table.count(key) == 0) table.reject(key, "empty (expected " + std::string(expected) + ")");
}

void read_networks(ConfigTable& table, std::string_view key, std::vector<Network>& networks, bool* unix_sockets) {
    for_each_string(table, key, "a network or an array of networks",
                    [&](ConfigTable& item, std::string_view at, std::string_view text) {
                        std::string error;
                        if (unix_sockets != nullptr && text == "unix")
                            *unix_sockets = true;
                        else if (const std::optional<Network> network = parse_network(text, error))
                            networks.push_back(*network);
                        else
                            item.reject(at, error);
                    });
}

// "www.example.org" or "*.example.org", in lower case.
std::optional<std::string> server_name(std::string_view text) {
    std::string name = ascii_lower(text);
    std::string_view labels = name;
    if (labels.starts_with("*.")) labels.remove_prefix(2);
    const bool clean = std::all_of(labels.begin(), labels.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    });
    if (labels.empty() || name.size() > longest_name || !clean || labels.starts_with('.') || labels.ends_with('.') ||
        labels.find("..") != std::string_view::npos)
        return std::nullopt;
    return name;
}

void read_server_names(ConfigTable& table, std::vector<std::string>& names) {
    for_each_string(table, "sni", "a server name or an array of them",
                    [&](ConfigTable& item, std::string_view key, std::string_view text) {
                        if (std::optional<std::string> name = server_name(text))
                            names.push_back(std::move(*name));
                        else
                            item.reject(key, in_quotes(text) + " is not a server name (expected \"www.example.org\" or "
                                                               "\"*.example.org\" for all below it)");
                    });
}

void read_protocols(ConfigTable& table, std::vector<std::string>& protocols) {
    for_each_string(table, "alpn", "a protocol name or an array of them",
                    [&](ConfigTable& item, std::string_view key, std::string_view text) {
                        if (text.empty() || text.size() > longest_protocol)
                            item.reject(key,
                                        "a protocol name has 1 to 255 bytes (expected one such as \"h2\" or \"http/1.1\")");
                        else
                            protocols.emplace_back(text);
                    });
}

void read_probe(ConfigTable& table, RouteConfig& route) {
    if (!table.is_string("probe")) {
        if (table.boolean("probe", route.probe) == ConfigTable::Found::good && !route.probe)
            table.reject("probe", "false (leave it out for no probe)");
        return;
    }
    std::string_view name;
    table.string("probe", name);
    if (find_protocol_pattern(name) != nullptr) {
        route.pattern = name;
        return;
    }
    std::vector<std::string> names;
    std::string known;
    for (const ProtocolPattern& pattern : protocol_patterns()) {
        names.emplace_back(pattern.name);
        known += in_quotes(pattern.name) + ", ";
    }
    const std::string near = did_you_mean(name, names);
    table.reject("probe", "unknown pattern " + in_quotes(name) + " (expected " + known + "or true for the plugin's own" +
                              (near.empty() ? ")" : "; did you mean " + in_quotes(near) + "?)"));
}

std::string read_plugin(ConfigTable& table) {
    std::string_view text;
    const ConfigTable::Found found = table.string("plugin", text);
    if (found == ConfigTable::Found::absent && table.is_table()) table.missing("plugin", "the name of a plugin");
    if (found != ConfigTable::Found::good) return "";
    if (is_name(text)) return std::string(text);
    table.reject("plugin", in_quotes(text) + " is not a name (expected " + std::string(a_name) + ")");
    return "";
}

bool is_tls(const RouteConfig& route) { return !route.sni.empty() || !route.alpn.empty(); }
bool has_probe(const RouteConfig& route) { return route.probe || !route.pattern.empty(); }
bool has_condition(const RouteConfig& route) { return is_tls(route) || has_probe(route) || !route.source.empty(); }

// Whether every connection that fits `narrow` in this respect fits `wide` as well: each entry has one that covers it.
template <class Entry, class Covers>
bool all_covered(const std::vector<Entry>& wide, const std::vector<Entry>& narrow, Covers covers) {
    if (wide.empty()) return true;
    return !narrow.empty() && std::all_of(narrow.begin(), narrow.end(), [&](const Entry& entry) {
        return std::any_of(wide.begin(), wide.end(), [&](const Entry& other) { return covers(other, entry); });
    });
}

// "*.example.org" covers "*.www.example.org" and "www.example.org", but not itself without the asterisk.
bool covers_name(const std::string& wide, const std::string& narrow) {
    return wide == narrow ||
           fits_route_name(wide, ServerName(narrow.starts_with("*.") ? std::string_view(narrow).substr(2) : narrow));
}

// `told`: the name and the protocol may be known without the bytes being TLS, as somebody has ended it before.
bool probe_covers(const RouteConfig& wide, const RouteConfig& narrow, bool told) {
    if (!has_probe(wide)) return true;
    if (wide.probe) return narrow.probe && wide.plugin == narrow.plugin;
    const bool begins_with_tls = is_tls(narrow) && (!told || !narrow.tls.empty());
    return wide.pattern == narrow.pattern || (wide.pattern == "tls" && begins_with_tls);
}

// Whether nothing is left for `narrow` if `wide` is asked first, as far as clients in the sources of `wide` go.
bool covers_in_its_sources(const RouteConfig& wide, const RouteConfig& narrow, bool told) {
    if (wide.opens() && narrow.tls.empty()) return false; // which may be for what is inside
    return all_covered(wide.sni, narrow.sni, covers_name) && all_covered(wide.alpn, narrow.alpn, std::equal_to<>()) &&
           probe_covers(wide, narrow, told);
}

// Whether nothing is left for `narrow` if `wide` is asked first.
bool covers(const RouteConfig& wide, const RouteConfig& narrow, bool told) {
    return covers_in_its_sources(wide, narrow, told) &&
           all_covered(wide.source, narrow.source, [](const Network& a, const Network& b) { return a.contains(b); });
}

// Whether the networks together have every address of `network`.
bool have_all_of(const std::vector<Network>& networks, const Network& network) {
    std::vector<NetworkTable::Entry> entries{{network, 0}};
    for (const Network& part : networks) {
        if (part.contains(network)) return true;
        if (network.contains(part)) entries.push_back({part, 1});
    }
    const std::vector<std::uint32_t> left = NetworkTable(std::move(entries)).values();
    return std::find(left.begin(), left.end(), 0) == left.end();
}

// Whether nothing is left for `narrow` because of what several of the routes before it take, each in its own sources.
bool cover_together(std::span<const RouteConfig> earlier, const RouteConfig& narrow, bool told) {
    std::vector<Network> taken;
    for (const RouteConfig& wide : earlier)
        if (has_condition(wide) && covers_in_its_sources(wide, narrow, told))
            taken.insert(taken.end(), wide.source.begin(), wide.source.end());
    return !narrow.source.empty() && std::all_of(narrow.source.begin(), narrow.source.end(),
                                                 [&](const Network& network) { return have_all_of(taken, network); });
}

// `earlier`: the routes that are asked before this one. `told`: see probe_covers().
void reject_conflicts(ConfigTable& table, const RouteConfig& route, std::span<const RouteConfig> earlier, bool told) {
    if (!has_condition(route)) {
        // One whose conditions are bad has had its message.
        if (!table.has("sni") && !table.has("alpn") && !table.has("source") && !table.has("probe"))
            table.reject_whole(
                "no condition (expected sni, alpn, source or probe; the listener's own `plugin` takes what no route does)");
        return;
    }
    if (!route.tls.empty() && (route.probe || (!route.pattern.empty() && route.pattern != "tls"))) {
        table.reject("probe",
                     "never matches: with `tls` the first bytes are a ClientHello (expected a route of its own, which is "
                     "asked about what is inside if this one has no `plugin`)");
        return;
    }
    if (is_tls(route) && !route.pattern.empty() && route.pattern != "tls" && !told) {
        table.reject("probe", "never matches: sni and alpn are of TLS, which does not look like " + in_quotes(route.pattern) +
                                  " (expected one of the two)");
        return;
    }
    for (const RouteConfig& other : earlier) {
        if (!has_condition(other) || !covers(other, route, told)) continue;
        table.reject_whole(
            covers(route, other, told)
                ? "cannot be told apart from the route at " + other.where + " (expected another condition, or one route)"
                : "never matches: the route at " + other.where + " takes all that it could (expected the narrower one first)");
        return;
    }
    if (cover_together(earlier, route, told))
        table.reject_whole(
            "never matches: the sources of routes before it have all of its own (expected the narrower one first)");
}

void read_proxy_protocol(ConfigTable table, ListenerConfig& listener, std::vector<ConfigTable>& nested) {
    ProxyProtocolConfig proxy;
    read_networks(table, "from", proxy.from, &proxy.from_unix);
    table.duration("timeout", proxy.timeout, std::chrono::hours(1));
    if (table.is_table() && !table.has("from"))
        table.missing("from", "the networks of the proxies, such as [\"10.0.0.0/8\"], or \"unix\"");
    if (table.is_table()) listener.proxy_protocol = std::move(proxy);
    nested.push_back(std::move(table));
}

void read_on_silence(ConfigTable table, ListenerConfig& listener, std::vector<ConfigTable>& nested) {
    OnSilence silence;
    const ConfigTable::Found found = table.duration("after", silence.after, std::chrono::hours(1));
    if (table.is_table() && found == ConfigTable::Found::absent)
        table.missing("after", "how long to wait for the client's first byte, such as \"1s\"");
    if (found == ConfigTable::Found::good && silence.after.count() == 0)
        table.reject("after", "0 (expected how long to wait, such as \"1s\")");
    silence.plugin = read_plugin(table);
    if (table.is_table()) listener.on_silence = std::move(silence);
    nested.push_back(std::move(table));
}

RouteConfig read_route(ConfigTable& table, const ListenerConfig& listener, const std::filesystem::path& folder) {
    RouteConfig route;
    route.where = table.where();
    read_server_names(table, route.sni);
    read_protocols(table, route.alpn);
    read_networks(table, "source", route.source, nullptr);
    read_probe(table, route);
    route.access = read_access_lists(table, folder);
    std::string_view tls;
    const bool ends_tls = table.string("tls", tls) != ConfigTable::Found::absent;
    route.tls = tls;
    if (ends_tls && tls.empty() && table.is_string("tls"))
        table.reject("tls", "empty (expected the name of a [tls.NAME] section)");
    if (ends_tls && !listener.tls.empty())
        table.reject("tls", "the listener's own `tls` ends it for all (expected one of the two)");
    if (!ends_tls || table.has("plugin"))
        route.plugin = read_plugin(table);
    else
        table.string("plugin", tls); // absent, but known
    if (ends_tls && !has_probe(route))
        route.pattern = "tls"; // a name may be known from a PROXY header, of bytes that are not TLS
    return route;
}

} // namespace

void read_routes(ConfigTable& table, ListenerConfig& listener, const std::filesystem::path& folder,
                 std::vector<ConfigTable>& nested) {
    read_proxy_protocol(table.table("proxy_protocol"), listener, nested);
    ConfigTable detect = table.table("detect");
    detect.duration("timeout", listener.detect_timeout, std::chrono::hours(1));
    detect.size("limit", listener.detect_limit, 16, max_detect_limit);
    nested.push_back(std::move(detect));
    read_on_silence(table.table("on_silence"), listener, nested);

    constexpr std::string_view expected = "[[listeners.routes]] sections, with two brackets";
    std::vector<ConfigTable> routes = table.items("routes", expected);
    if (routes.size() > most_routes)
        table.reject("routes",
                     "too many: " + std::to_string(routes.size()) + " (expected at most " + std::to_string(most_routes) + ")");
    if (routes.size() > most_routes) routes.erase(routes.begin() + most_routes, routes.end());
    std::erase_if(routes, [&](ConfigTable& route) {
        if (!route.is_table()) route.expect_table(expected);
        return !route.is_table();
    });
    for (ConfigTable& route : routes) listener.routes.push_back(read_route(route, listener, folder));
    const std::span<const RouteConfig> all = listener.routes;
    const bool told = !listener.tls.empty() || listener.proxy_protocol ||
                      std::any_of(all.begin(), all.end(), std::mem_fn(&RouteConfig::opens));
    for (std::size_t i = 0; i < routes.size(); ++i) reject_conflicts(routes[i], all[i], all.first(i), told);
    if (!all.empty() && std::all_of(all.begin(), all.end(), std::mem_fn(&RouteConfig::opens)) && listener.plugin.empty() &&
        !listener.on_silence)
        routes.back().reject_whole(
            "TLS is ended, and nobody takes what is inside (expected a `plugin`, here or of the listener, or "
            "a route for it)");
    std::move(routes.begin(), routes.end(), std::back_inserter(nested));
}

} // namespace gatehouse::host
