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

// The networks without those that are within others of them, in order: no two have an address in common.
std::vector<Network> widest(std::vector<Network> networks) {
    std::ranges::sort(networks); // each stands before those within it
    std::vector<Network> kept;
    for (const Network& network : networks)
        if (kept.empty() || !kept.back().contains(network)) kept.push_back(network);
    return kept;
}

// Whether one of the networks, which are as widest() has them, contains this one.
bool has(const std::vector<Network>& networks, const Network& network) {
    const auto behind = std::ranges::upper_bound(networks, network);
    return behind != networks.begin() && std::prev(behind)->contains(network);
}

// Whether some address is in both.
bool meet(const std::vector<Network>& some, const std::vector<Network>& others) {
    return std::ranges::any_of(others, [&](const Network& network) {
        const auto next = std::ranges::lower_bound(some, network);
        return has(some, network) || (next != some.end() && network.contains(*next));
    });
}

struct Candidate {
    explicit Candidate(const RouteConfig& route) : config(route), source(widest(route.source)) {}

    const RouteConfig& config;
    std::vector<Network> source; // as widest() has it
};

// A route that earlier ones may leave nothing for.
struct Narrow {
    Narrow(const Candidate& of, bool is_told)
        : route(of), told(is_told), pattern(pattern_of(of.config, is_told)), known(of.config.match) {
        if (known.empty()) known.resize(1);
        if (pattern == nullptr) return;
        for (BytePattern& bytes : known) bytes.parts.push_back({0, std::string(pattern->start)});
    }

    const Candidate& route;
    bool told; // see pattern_of()
    const ProtocolPattern* pattern;
    std::vector<BytePattern> known; // how the bytes of all its connections begin, one way or another
};

bool probe_covers(const RouteConfig& wide, const Narrow& of) {
    const RouteConfig& narrow = of.route.config;
    if (!wide.has_probe()) return true;
    if (wide.probe) return narrow.probe && wide.plugin == narrow.plugin;
    const ProtocolPattern* const pattern = find_protocol_pattern(wide.pattern);
    const auto fits = [&](const BytePattern& bytes) { return probed(*pattern, bytes) == Match::yes; };
    return pattern == of.pattern || (!narrow.match.empty() && std::all_of(narrow.match.begin(), narrow.match.end(), fits));
}

// Whether nothing is left for `narrow` if `wide` is asked first, as far as clients in the sources of `wide` go.
bool covers_in_its_sources(const RouteConfig& wide, const Narrow& narrow) {
    if (wide.opens() && narrow.route.config.tls.empty()) return false; // `narrow` may be for the decrypted stream
    const bool same_map = wide.sni_map.empty() || wide.sni_map == narrow.route.config.sni_map;
    return same_map && all_covered(wide.sni, narrow.route.config.sni, covers_name) &&
           all_covered(wide.alpn, narrow.route.config.alpn, std::equal_to<>()) &&
           all_covered(wide.match, narrow.known,
                       [](const BytePattern& a, const BytePattern& b) { return gatehouse::host::covers(a, b); }) &&
           probe_covers(wide, narrow);
}

// Whether nothing is left for `narrow` if `wide` is asked first.
bool covers(const Candidate& wide, const Narrow& narrow) {
    const auto is_in_wide = [&](const Network& network) { return has(wide.source, network); };
    const bool has_all =
        wide.source.empty() || (!narrow.route.source.empty() && std::ranges::all_of(narrow.route.source, is_in_wide));
    return has_all && covers_in_its_sources(wide.config, narrow);
}

// Routes by their names, and those without a name by their sources, so that of thousands only few have to be compared with each
// other.
class RouteIndex {
  public:
    void add(const Candidate& route, std::size_t index) {
        for (const std::string& name : route.config.sni) by_name_[name].push_back(index);
        if (!route.config.sni.empty()) return;
        if (route.source.empty()) any_.push_back(index);
        for (const Network& network : route.source) {
            by_source_[network].push_back(index);
            lengths_.insert(network.length);
        }
    }

    // Those that may cover the route, in their order: they have a name or a source for the first of its own, or none.
    std::vector<std::size_t> around(const Candidate& route) const {
        Indices found = any_;
        if (!route.source.empty()) add_around(route.source.front(), found);
        add_named(route, found);
        return in_order(found);
    }

    // Those that may take a part of one of the route's sources.
    std::vector<std::size_t> within(const Candidate& route) const {
        Indices found;
        for (const Network& network : route.source) {
            add_around(network, found);
            auto part = by_source_.lower_bound(network);
            for (; part != by_source_.end() && network.contains(part->first); ++part) append(found, part->second);
        }
        add_named(route, found);
        return in_order(found);
    }

  private:
    using Indices = std::vector<std::size_t>;

    static void append(Indices& found, const Indices& more) { found.insert(found.end(), more.begin(), more.end()); }

    // Each once; there may be many more than there are routes.
    static Indices in_order(const Indices& found) {
        std::vector<bool> is_found(found.empty() ? 0 : std::ranges::max(found) + 1);
        for (const std::size_t index : found) is_found[index] = true;
        Indices all;
        for (std::size_t index = 0; index < is_found.size(); ++index)
            if (is_found[index]) all.push_back(index);
        return all;
    }

    void add_around(const Network& network, Indices& found) const {
        for (const std::uint8_t length : lengths_) {
            if (length > network.length) break;
            const auto wide = by_source_.find({masked(network.address, length), length});
            if (wide != by_source_.end()) append(found, wide->second);
        }
    }

    void add_named(const Candidate& route, Indices& found) const {
        if (route.config.sni.empty()) return;
        const std::string& name = route.config.sni.front();
        const auto add = [&](const std::string& pattern) {
            if (const auto named = by_name_.find(pattern); named != by_name_.end()) append(found, named->second);
        };
        add(name);
        for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1))
            if (dot > 0 && name.compare(0, dot, "*") != 0) add('*' + name.substr(dot));
    }

    Indices any_; // without names and sources
    std::map<Network, Indices> by_source_;
    std::set<std::uint8_t> lengths_;
    std::unordered_map<std::string, Indices> by_name_; // "*.example.org" as it stands
};

// Whether several of the earlier routes, each in its own sources, leave nothing for `narrow`.
bool cover_together(const std::vector<Candidate>& routes, const RouteIndex& earlier, const Narrow& narrow) {
    std::set<Network> all_taken; // many may have the same
    for (const std::size_t index : earlier.within(narrow.route))
        if (meet(routes[index].source, narrow.route.source) && covers_in_its_sources(routes[index].config, narrow))
            all_taken.insert(routes[index].source.begin(), routes[index].source.end());
    if (all_taken.empty()) return false;
    const std::vector<Network> taken = widest({all_taken.begin(), all_taken.end()});
    constexpr std::uint32_t left = 0; // what is taken has 1
    std::vector<NetworkTable::Entry> entries;
    for (const Network& network : taken) entries.push_back({network, 1});
    for (const Network& network : narrow.route.source)
        if (!has(taken, network)) entries.push_back({network, left});
    const std::vector<std::uint32_t> values = NetworkTable(std::move(entries)).values();
    return std::ranges::find(values, left) == values.end();
}

// What is wrong with one of the routes, which has a condition. `earlier`: those before it that have one. `told`: see
// pattern_of().
std::optional<RouteConflict> conflict_of(const std::vector<Candidate>& routes, std::size_t index, const RouteIndex& earlier,
                                         bool told) {
    const RouteConfig& route = routes[index].config;
    const Narrow narrow(routes[index], told);
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
    for (const std::size_t before : earlier.around(routes[index])) {
        const Candidate& other = routes[before];
        if (!covers(other, narrow)) continue;
        const std::string& where = other.config.where.text;
        return RouteConflict{index, "",
                             covers(routes[index], Narrow(other, told))
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
    const std::vector<Candidate> routes(listener.routes.begin(), listener.routes.end());
    const auto opens = [](const Candidate& route) { return route.config.opens(); };
    const bool told = !listener.tls.empty() || listener.proxy_protocol || std::ranges::any_of(routes, opens);
    std::vector<RouteConflict> conflicts;
    RouteIndex earlier;
    for (std::size_t index = 0; index < routes.size(); ++index) {
        if (!routes[index].config.has_condition()) continue;
        if (std::optional<RouteConflict> conflict = conflict_of(routes, index, earlier, told))
            conflicts.push_back(std::move(*conflict));
        earlier.add(routes[index], index);
    }
    if (!routes.empty() && std::ranges::all_of(routes, opens) && listener.plugin.empty() && !listener.on_silence)
        conflicts.push_back({routes.size() - 1, "",
                             "TLS ends here, but no plugin takes the decrypted stream (expected a `plugin`, here or of the "
                             "listener, or a route for the decrypted stream)"});
    return conflicts;
}

} // namespace gatehouse::host
