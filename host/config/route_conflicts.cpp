#include "config/route_conflicts.hpp"

#include "base/printable.hpp"
#include "net/server_name.hpp"
#include "wire/protocol_pattern.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <span>

namespace gatehouse::host {
namespace {

// Whether every connection that fits `narrow` in this respect fits `wide` as well: each entry has one that covers it.
template <class Entry, class Covers>
bool all_covered(const std::vector<Entry>& wide, const std::vector<Entry>& narrow, Covers covers) {
    if (wide.empty()) return true;
    return !narrow.empty() && std::all_of(narrow.begin(), narrow.end(), [&](const Entry& entry) {
        return std::any_of(wide.begin(), wide.end(), [&](const Entry& other) { return covers(other, entry); });
    });
}

// "*.example.org" covers "*.www.example.org" and "www.example.org", but not "example.org".
bool covers_name(const std::string& wide, const std::string& narrow) {
    return wide == narrow ||
           fits_route_name(wide, ServerName(narrow.starts_with("*.") ? std::string_view(narrow).substr(2) : narrow));
}

// The pattern of the host's that the bytes of all connections fit which the route takes; null: there is none. `told`: name and
// protocol may be known of bytes that are not TLS, as the host or a proxy has decrypted them.
const ProtocolPattern* pattern_of(const RouteConfig& route, bool told) {
    if (!route.pattern.empty()) return find_protocol_pattern(route.pattern);
    const bool begins_with_tls = route.is_tls() && (!told || !route.tls.empty());
    return begins_with_tls ? find_protocol_pattern("tls") : nullptr;
}

// What the pattern says of bytes that begin so.
Match probed(const ProtocolPattern& pattern, const BytePattern& bytes) {
    const std::string start = bytes.start();
    return pattern.probe(std::as_bytes(std::span(start)));
}

bool probe_covers(const RouteConfig& wide, const RouteConfig& narrow, bool told) {
    if (!wide.has_probe()) return true;
    if (wide.probe) return narrow.probe && wide.plugin == narrow.plugin;
    const ProtocolPattern* const pattern = find_protocol_pattern(wide.pattern);
    const auto fits = [&](const BytePattern& bytes) { return probed(*pattern, bytes) == Match::yes; };
    return pattern == pattern_of(narrow, told) ||
           (!narrow.match.empty() && std::all_of(narrow.match.begin(), narrow.match.end(), fits));
}

bool match_covers(const RouteConfig& wide, const RouteConfig& narrow, bool told) {
    if (wide.match.empty()) return true;
    std::vector<BytePattern> known = narrow.match.empty() ? std::vector<BytePattern>(1) : narrow.match;
    if (const ProtocolPattern* const pattern = pattern_of(narrow, told))
        for (BytePattern& bytes : known) bytes.parts.push_back({0, std::string(pattern->start)});
    return all_covered(wide.match, known,
                       [](const BytePattern& a, const BytePattern& b) { return gatehouse::host::covers(a, b); });
}

// Whether nothing is left for `narrow` if `wide` is asked first, as far as clients in the sources of `wide` go.
bool covers_in_its_sources(const RouteConfig& wide, const RouteConfig& narrow, bool told) {
    if (wide.opens() && narrow.tls.empty()) return false; // `narrow` may be for the decrypted stream
    return all_covered(wide.sni, narrow.sni, covers_name) && all_covered(wide.alpn, narrow.alpn, std::equal_to<>()) &&
           match_covers(wide, narrow, told) && probe_covers(wide, narrow, told);
}

// Whether nothing is left for `narrow` if `wide` is asked first.
bool covers(const RouteConfig& wide, const RouteConfig& narrow, bool told) {
    return covers_in_its_sources(wide, narrow, told) &&
           all_covered(wide.source, narrow.source, [](const Network& a, const Network& b) { return a.contains(b); });
}

// Whether the networks together cover every address of `network`.
bool have_all_of(const std::vector<Network>& networks, const Network& network) {
    std::vector<NetworkTable::Entry> entries{{network, 0}};
    for (const Network& part : networks) {
        if (part.contains(network)) return true;
        if (network.contains(part)) entries.push_back({part, 1});
    }
    const std::vector<std::uint32_t> left = NetworkTable(std::move(entries)).values();
    return std::find(left.begin(), left.end(), 0) == left.end();
}

// Whether several of the earlier routes, each in its own sources, leave nothing for `narrow`.
bool cover_together(std::span<const RouteConfig> earlier, const RouteConfig& narrow, bool told) {
    std::vector<Network> taken;
    for (const RouteConfig& wide : earlier)
        if (wide.has_condition() && covers_in_its_sources(wide, narrow, told))
            taken.insert(taken.end(), wide.source.begin(), wide.source.end());
    return !narrow.source.empty() && std::all_of(narrow.source.begin(), narrow.source.end(),
                                                 [&](const Network& network) { return have_all_of(taken, network); });
}

// What is wrong with the last of these routes, which are asked in this order. `told`: see probe_covers().
std::optional<RouteConflict> conflict_of_last(std::span<const RouteConfig> routes, bool told) {
    const RouteConfig& route = routes.back();
    const std::size_t index = routes.size() - 1;
    if (!route.has_condition()) return std::nullopt;
    const bool other_pattern = !route.pattern.empty() && route.pattern != "tls";
    if (!route.tls.empty() && (route.probe || other_pattern))
        return RouteConflict{index, "probe",
                             "never matches: with `tls` the first bytes are a TLS ClientHello (to probe the decrypted stream, "
                             "leave `plugin` out here, and put the probe into a route without `tls`)"};
    if (route.is_tls() && other_pattern && !told)
        return RouteConflict{index, "probe",
                             "never matches: sni and alpn need a TLS ClientHello, which is never " + in_quotes(route.pattern) +
                                 " (expected one of the two conditions)"};
    if (const ProtocolPattern* const pattern = pattern_of(route, told); pattern != nullptr && !route.match.empty()) {
        const auto fits = [&](const BytePattern& bytes) { return probed(*pattern, bytes) != Match::no; };
        if (std::none_of(route.match.begin(), route.match.end(), fits))
            return RouteConflict{index, "match", "never matches: " + in_quotes(pattern->name) + " does not begin so"};
    }
    const std::span<const RouteConfig> earlier = routes.first(index);
    for (const RouteConfig& other : earlier) {
        if (!other.has_condition() || !covers(other, route, told)) continue;
        const std::string& where = other.where.text;
        return RouteConflict{index, "",
                             covers(route, other, told)
                                 ? "matches the same connections as the route at " + where +
                                       " (expected another condition, or one route)"
                                 : "never matches: the route at " + where +
                                       " already takes everything this one would (put the narrower route first)"};
    }
    if (cover_together(earlier, route, told))
        return RouteConflict{index, "",
                             "never matches: earlier routes already take all of its sources (put the narrower route first)"};
    return std::nullopt;
}

} // namespace

std::vector<RouteConflict> route_conflicts(const ListenerConfig& listener) {
    const std::span<const RouteConfig> routes = listener.routes;
    const auto opens = std::mem_fn(&RouteConfig::opens);
    const bool told = !listener.tls.empty() || listener.proxy_protocol || std::any_of(routes.begin(), routes.end(), opens);
    std::vector<RouteConflict> conflicts;
    for (std::size_t count = 1; count <= routes.size(); ++count)
        if (std::optional<RouteConflict> conflict = conflict_of_last(routes.first(count), told))
            conflicts.push_back(std::move(*conflict));
    if (!routes.empty() && std::all_of(routes.begin(), routes.end(), opens) && listener.plugin.empty() && !listener.on_silence)
        conflicts.push_back({routes.size() - 1, "",
                             "TLS ends here, but no plugin takes the decrypted stream (expected a `plugin`, here or of the "
                             "listener, or a route for the decrypted stream)"});
    return conflicts;
}

} // namespace gatehouse::host
