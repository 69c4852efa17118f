#include "config/route_conflicts.hpp"

#include "base/printable.hpp"
#include "net/server_name.hpp"
#include "wire/protocol_pattern.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>

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
    if (wide == narrow) return true;
    return wide.starts_with("*.") &&
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

// A route that earlier ones may leave nothing for.
struct Narrow {
    Narrow(const RouteConfig& config, bool is_told)
        : route(config), told(is_told), pattern(pattern_of(config, is_told)), known(config.match) {
        if (known.empty()) known.resize(1);
        if (pattern == nullptr) return;
        for (BytePattern& bytes : known) bytes.parts.push_back({0, std::string(pattern->start)});
    }

    const RouteConfig& route;
    bool told; // see pattern_of()
    const ProtocolPattern* pattern;
    std::vector<BytePattern> known; // how the bytes of all its connections begin, one way or another
};

bool probe_covers(const RouteConfig& wide, const Narrow& of) {
    const RouteConfig& narrow = of.route;
    if (!wide.has_probe()) return true;
    if (wide.probe) return narrow.probe && wide.plugin == narrow.plugin;
    const ProtocolPattern* const pattern = find_protocol_pattern(wide.pattern);
    const auto fits = [&](const BytePattern& bytes) { return probed(*pattern, bytes) == Match::yes; };
    return pattern == of.pattern || (!narrow.match.empty() && std::all_of(narrow.match.begin(), narrow.match.end(), fits));
}

// Whether nothing is left for `narrow` if `wide` is asked first, as far as clients in the sources of `wide` go.
bool covers_in_its_sources(const RouteConfig& wide, const Narrow& narrow) {
    if (wide.opens() && narrow.route.tls.empty()) return false; // `narrow` may be for the decrypted stream
    return all_covered(wide.sni, narrow.route.sni, covers_name) &&
           all_covered(wide.alpn, narrow.route.alpn, std::equal_to<>()) &&
           all_covered(wide.match, narrow.known,
                       [](const BytePattern& a, const BytePattern& b) { return gatehouse::host::covers(a, b); }) &&
           probe_covers(wide, narrow);
}

// Whether nothing is left for `narrow` if `wide` is asked first.
bool covers(const RouteConfig& wide, const Narrow& narrow) {
    return covers_in_its_sources(wide, narrow) &&
           all_covered(wide.source, narrow.route.source, [](const Network& a, const Network& b) { return a.contains(b); });
}

// Routes by their names and sources, so that of thousands only few have to be compared with each other.
class RouteIndex {
  public:
    void add(const RouteConfig& route, std::size_t index) {
        if (route.sni.empty()) any_name_.add(route, index);
        for (const std::string& name : route.sni) by_name_[name].add(route, index);
    }

    // Those that may cover the route, in their order: they have a name or a source for the first of its own, or none.
    std::vector<std::size_t> around(const RouteConfig& route) const {
        return of_groups(route, [&](const Group& group, std::vector<std::size_t>& found) {
            append(found, group.any_source);
            if (!route.source.empty()) group.add_around(route.source.front(), found);
        });
    }

    // Those that may take a part of one of the route's sources.
    std::vector<std::size_t> within(const RouteConfig& route) const {
        return of_groups(route, [&](const Group& group, std::vector<std::size_t>& found) {
            for (const Network& network : route.source) {
                group.add_around(network, found);
                auto part = group.by_source.lower_bound(network);
                for (; part != group.by_source.end() && network.contains(part->first); ++part) append(found, part->second);
            }
        });
    }

  private:
    using Indices = std::vector<std::size_t>;

    static void append(Indices& found, const Indices& more) { found.insert(found.end(), more.begin(), more.end()); }

    struct Group {
        Indices any_source;
        std::map<Network, Indices> by_source;
        std::set<std::uint8_t> lengths;

        void add(const RouteConfig& route, std::size_t index) {
            if (route.source.empty()) any_source.push_back(index);
            for (const Network& network : route.source) {
                by_source[network].push_back(index);
                lengths.insert(network.length);
            }
        }
        void add_around(const Network& network, Indices& found) const {
            for (const std::uint8_t length : lengths) {
                if (length > network.length) break;
                const auto wide = by_source.find({masked(network.address, length), length});
                if (wide != by_source.end()) append(found, wide->second);
            }
        }
    };

    template <class Add>
    Indices of_groups(const RouteConfig& route, Add add) const {
        Indices found;
        add(any_name_, found);
        if (!route.sni.empty()) {
            const std::string& name = route.sni.front();
            const auto of = [&](const std::string& pattern) {
                if (const auto group = by_name_.find(pattern); group != by_name_.end()) add(group->second, found);
            };
            of(name);
            for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1))
                if (dot > 0 && name.compare(0, dot, "*") != 0) of('*' + name.substr(dot));
        }
        std::sort(found.begin(), found.end());
        found.erase(std::unique(found.begin(), found.end()), found.end());
        return found;
    }

    Group any_name_;
    std::unordered_map<std::string, Group> by_name_; // "*.example.org" as it stands
};

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
bool cover_together(std::span<const RouteConfig> routes, const RouteIndex& earlier, const Narrow& narrow) {
    const std::vector<Network>& sources = narrow.route.source;
    if (sources.empty()) return false;
    std::vector<Network> taken;
    for (const std::size_t index : earlier.within(narrow.route))
        if (covers_in_its_sources(routes[index], narrow))
            taken.insert(taken.end(), routes[index].source.begin(), routes[index].source.end());
    return std::all_of(sources.begin(), sources.end(), [&](const Network& network) { return have_all_of(taken, network); });
}

// What is wrong with one of the routes, which has a condition. `earlier`: those before it that have one. `told`: see
// pattern_of().
std::optional<RouteConflict> conflict_of(std::span<const RouteConfig> routes, std::size_t index, const RouteIndex& earlier,
                                         bool told) {
    const RouteConfig& route = routes[index];
    const Narrow narrow(route, told);
    const bool other_pattern = !route.pattern.empty() && route.pattern != "tls";
    if (!route.tls.empty() && (route.probe || other_pattern))
        return RouteConflict{index, "probe",
                             "never matches: with `tls` the first bytes are a TLS ClientHello (to probe the decrypted stream, "
                             "leave `plugin` out here, and put the probe into a route without `tls`)"};
    if (route.is_tls() && other_pattern && !told)
        return RouteConflict{index, "probe",
                             "never matches: sni and alpn need a TLS ClientHello, which is never " + in_quotes(route.pattern) +
                                 " (expected one of the two conditions)"};
    if (narrow.pattern != nullptr && !route.match.empty()) {
        const auto fits = [&](const BytePattern& bytes) { return probed(*narrow.pattern, bytes) != Match::no; };
        if (std::none_of(route.match.begin(), route.match.end(), fits))
            return RouteConflict{index, "match", "never matches: " + in_quotes(narrow.pattern->name) + " does not begin so"};
    }
    for (const std::size_t before : earlier.around(route)) {
        const RouteConfig& other = routes[before];
        if (!covers(other, narrow)) continue;
        const std::string& where = other.where.text;
        return RouteConflict{index, "",
                             covers(route, Narrow(other, told))
                                 ? "matches the same connections as the route at " + where +
                                       " (expected another condition, or one route)"
                                 : "never matches: the route at " + where +
                                       " already takes everything this one would (put the narrower route first)"};
    }
    if (cover_together(routes, earlier, narrow))
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
    RouteIndex earlier;
    for (std::size_t index = 0; index < routes.size(); ++index) {
        if (!routes[index].has_condition()) continue;
        if (std::optional<RouteConflict> conflict = conflict_of(routes, index, earlier, told))
            conflicts.push_back(std::move(*conflict));
        earlier.add(routes[index], index);
    }
    if (!routes.empty() && std::all_of(routes.begin(), routes.end(), opens) && listener.plugin.empty() && !listener.on_silence)
        conflicts.push_back({routes.size() - 1, "",
                             "TLS ends here, but no plugin takes the decrypted stream (expected a `plugin`, here or of the "
                             "listener, or a route for the decrypted stream)"});
    return conflicts;
}

} // namespace gatehouse::host
