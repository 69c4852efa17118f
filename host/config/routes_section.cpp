#include "config/routes_section.hpp"

#include "base/ascii.hpp"
#include "base/did_you_mean.hpp"
#include "base/printable.hpp"
#include "base/units.hpp"
#include "config/access_section.hpp"
#include "config/route_conflicts.hpp"
#include "config/values.hpp"
#include "net/server_name.hpp"
#include "wire/protocol_pattern.hpp"

#include <algorithm>
#include <iterator>

namespace gatehouse::host {
namespace {

constexpr std::size_t longest_protocol = 255;
constexpr std::size_t longest_pattern = 256;
constexpr std::size_t most_routes = 4096;
constexpr std::size_t most_sources = 65536; // of all routes of a listener, which are compared with each other

// Calls read(item, text) for the one string or each string of an array.
template <class Read>
void for_each_string(ConfigTable& table, std::string_view key, std::string_view expected, Read read) {
    std::string_view text;
    for (ConfigTable& item : table.one_or_more(key, expected))
        if (item.string("", text) == ConfigTable::Found::good) read(item, text);
}

void read_networks(ConfigTable& table, std::string_view key, std::vector<Network>& networks, bool* unix_sockets) {
    for_each_string(table, key, "a network or an array of networks", [&](ConfigTable& item, std::string_view text) {
        std::string error;
        if (unix_sockets != nullptr && text == "unix")
            *unix_sockets = true;
        else if (const std::optional<Network> network = parse_network(text, error))
            networks.push_back(*network);
        else
            item.reject("", error);
    });
}

void read_server_names(ConfigTable& table, std::vector<std::string>& names) {
    for_each_string(table, "sni", "a server name or an array of them", [&](ConfigTable& item, std::string_view text) {
        std::string error;
        if (std::optional<std::string> name = parse_route_name(text, error))
            names.push_back(std::move(*name));
        else
            item.reject("", error);
    });
}

void read_protocols(ConfigTable& table, std::vector<std::string>& protocols) {
    for_each_string(table, "alpn", "a protocol name or an array of them", [&](ConfigTable& item, std::string_view text) {
        if (text.empty() || text.size() > longest_protocol)
            item.reject("", "a protocol name has 1 to 255 bytes (expected one such as \"h2\" or \"http/1.1\")");
        else
            protocols.emplace_back(text);
    });
}

std::vector<std::string> pattern_names() {
    std::vector<std::string> names;
    for (const ProtocolPattern& pattern : protocol_patterns()) names.emplace_back(pattern.name);
    return names;
}

void read_probe(ConfigTable& table, RouteConfig& route) {
    if (!table.is_string("probe")) {
        if (table.boolean("probe", route.probe) == ConfigTable::Found::good && !route.probe)
            table.reject("probe", "false (leave it out for no probe)");
        table.describe("probe", [&](ConfigKey& of) { of.words = pattern_names(); });
        return;
    }
    std::string_view name;
    if (table.string("probe", name) != ConfigTable::Found::good) return;
    if (find_protocol_pattern(name) != nullptr) {
        route.pattern = name;
        return;
    }
    const std::vector<std::string> names = pattern_names();
    std::string known;
    for (const std::string& each : names) known += in_quotes(each) + ", ";
    const std::string near = did_you_mean(name, names);
    table.reject("probe", "unknown pattern " + in_quotes(name) + " (expected " + known + "or true for the plugin's own probe" +
                              (near.empty() ? ")" : "; did you mean " + in_quotes(near) + "?)"));
}

std::optional<std::string> bytes_of_hex(std::string_view text) {
    const auto digit = [](char c) { return std::string_view("0123456789abcdef").find(ascii_lower(c)); };
    std::string bytes;
    while (!text.empty()) {
        if (text.front() == ' ') {
            text.remove_prefix(1);
            continue;
        }
        if (text.size() < 2 || digit(text[0]) == text.npos || digit(text[1]) == text.npos) return std::nullopt;
        bytes += static_cast<char>(digit(text[0]) << 4U | digit(text[1]));
        text.remove_prefix(2);
    }
    return bytes;
}

// One table of `match`, which may be absent.
void read_byte_pattern(ConfigTable table, std::uint64_t limit, RouteConfig& route) {
    BytePattern pattern;
    std::string_view text;
    std::size_t at = 0;
    const auto add = [&](std::string_view key, std::size_t place, std::optional<std::string> bytes, const char* expected) {
        if (!bytes || bytes->empty() || bytes->size() > longest_pattern)
            table.reject(key, in_quotes(text) + " is not 1 to " + std::to_string(longest_pattern) + " bytes (expected " +
                                  expected + ')');
        else
            pattern.parts.push_back({place, std::move(*bytes)});
    };
    if (table.string("prefix", text) == ConfigTable::Found::good)
        add("prefix", 0, std::string(text), R"(a text such as "SSH-")");
    const ConfigTable::Found hex = table.string("hex", text);
    table.number("at", at, 0, max_detect_limit - 1);
    if (hex == ConfigTable::Found::good) add("hex", at, bytes_of_hex(text), R"(two digits for each, such as "16 03 01")");
    table.reject_unknown();
    if (!table.is_table()) return;
    if (hex == ConfigTable::Found::absent && table.has("at"))
        table.reject("at", "without effect (expected hex beside it; prefix begins with the first byte)");
    if (!table.has("prefix") && !table.has("hex"))
        table.missing("prefix", R"(the first bytes as a text, such as "SSH-", or hex = "16 03", at = 0)");
    if (contradicts_itself(pattern))
        table.reject("hex", "never matches: prefix has other bytes there (expected one of the two)");
    if (pattern.size() > limit)
        table.reject_whole("never matches: it needs " + std::to_string(pattern.size()) + " bytes, but detect.limit is " +
                           format_size(limit) + " (expected a higher limit)");
    if (!pattern.parts.empty()) route.match.push_back(std::move(pattern));
}

void read_match(ConfigTable& table, std::uint64_t limit, RouteConfig& route) {
    constexpr std::string_view key = "match";
    constexpr std::string_view expected = R"(a table such as { prefix = "SSH-" }, or an array of them)";
    if (!table.is_array(key)) {
        read_byte_pattern(table.table(key), limit, route);
        table.describe(key, [](ConfigKey& of) { of.many = ConfigKey::Many::one_or_list; });
        return;
    }
    for (ConfigTable& item : table.items(key, expected)) {
        if (item.is_table())
            read_byte_pattern(std::move(item), limit, route);
        else
            item.expect_table(expected);
    }
    if (table.count(key) == 0) table.reject(key, "empty (expected " + std::string(expected) + ")");
}

std::string read_plugin(ConfigTable& table) {
    if (table.is_table()) return read_name(table, "plugin", "the name of a plugin");
    table.known("plugin");
    return "";
}

void read_on_silence(ConfigTable table, ListenerConfig& listener) {
    OnSilence silence;
    const ConfigTable::Found found = table.duration("after", silence.after, std::chrono::hours(1));
    if (table.is_table() && found == ConfigTable::Found::absent)
        table.missing("after", "how long to wait for the client's first byte, such as \"1s\"");
    if (found == ConfigTable::Found::good && silence.after.count() == 0)
        table.reject("after", "0 (expected how long to wait, such as \"1s\")");
    silence.plugin = read_plugin(table);
    silence.plugin_where = table.place("plugin");
    if (table.is_table()) listener.on_silence = std::move(silence);
    table.reject_unknown();
}

void read_detect(ConfigTable table, ListenerConfig& listener) {
    table.duration("timeout", listener.detect_timeout, std::chrono::hours(1));
    table.size("limit", listener.detect_limit, 16, max_detect_limit);
    table.reject_unknown();
}

RouteConfig read_route(ConfigTable& table, const ListenerConfig& listener) {
    RouteConfig route;
    route.where = table.place();
    route.plugin_where = table.place("plugin");
    route.tls_where = table.place("tls");
    route.sni_map_where = table.place("sni_map");
    read_server_names(table, route.sni);
    std::string_view map;
    if (read_text(table, "sni_map", map)) route.sni_map = map;
    read_protocols(table, route.alpn);
    read_networks(table, "source", route.source, nullptr);
    read_match(table, listener.detect_limit, route);
    read_probe(table, route);
    route.access = read_access_lists(table, listener.proxies());
    std::string_view tls;
    const bool ends_tls = table.string("tls", tls) != ConfigTable::Found::absent;
    route.tls = tls;
    if (ends_tls && tls.empty() && table.is_string("tls"))
        table.reject("tls", "empty (expected the name of a [tls.NAME] section)");
    if (ends_tls && !listener.tls.empty())
        table.reject("tls", "the listener's own `tls` already ends TLS for all connections (expected one of the two)");
    if (!ends_tls || table.has("plugin"))
        route.plugin = read_plugin(table);
    else
        table.known("plugin");
    if (ends_tls && !route.has_probe()) route.pattern = "tls"; // a PROXY header may give a name to bytes that are not TLS
    const bool tries = table.has("sni") || table.has("sni_map") || table.has("alpn") || table.has("source") ||
                       table.has("match") || table.has("probe");
    if (!route.has_condition() && !tries) // bad conditions have had their message
        table.reject_whole(
            "no condition (expected sni, sni_map, alpn, source, match or probe; the listener's own `plugin` serves what "
            "no route matches)");
    table.reject_unknown();
    return route;
}

void read_routes(ConfigTable& table, ListenerConfig& listener) {
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
    listener.routes.reserve(routes.size());
    for (ConfigTable& route : routes) listener.routes.push_back(read_route(route, listener));
    std::size_t sources = 0;
    for (const RouteConfig& route : listener.routes) sources += route.source.size();
    if (sources > most_sources)
        return table.reject("routes", "too many networks in `source`: " + std::to_string(sources) + " (expected at most " +
                                          std::to_string(most_sources) + " in all routes of a listener)");
    for (const RouteConflict& conflict : route_conflicts(listener)) {
        ConfigTable& route = routes[conflict.route];
        conflict.key.empty() ? route.reject_whole(conflict.what) : route.reject(conflict.key, conflict.what);
    }
}

} // namespace

std::optional<ProxyProtocolConfig> read_proxy_protocol(ConfigTable table) {
    ProxyProtocolConfig proxy;
    proxy.where = table.place();
    read_networks(table, "from", proxy.from, &proxy.from_unix);
    table.duration("timeout", proxy.timeout, std::chrono::hours(1));
    table.boolean("log_local", proxy.log_local);
    if (table.is_table() && !table.has("from"))
        table.missing("from", "the networks of the proxies, such as [\"10.0.0.0/8\"], or \"unix\"");
    table.reject_unknown();
    return table.is_table() ? std::optional(std::move(proxy)) : std::nullopt;
}

void read_before_serving(ConfigTable& table, ListenerConfig& listener) {
    read_detect(table.table("detect"), listener);
    read_on_silence(table.table("on_silence"), listener);
    read_routes(table, listener);
}

} // namespace gatehouse::host
