#include "stages/detection.hpp"

#include "wire/client_hello.hpp"
#include "wire/protocol_pattern.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <string_view>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds between_lines = 10'000'000'000; // of the log about routes that were passed over
constexpr std::size_t few_bytes = 4096;               // fit on the stack; the first bytes of most clients are fewer

Match ask(const PluginInstance& plugin, const std::string& listener, const Arrived& arrived, std::size_t& needed) {
    const AddressText peer(arrived.peer);
    return plugin.probe({.bytes = arrived.bytes,
                         .listener = listener,
                         .peer = peer,
                         .server_name = arrived.server_name.value_or(""),
                         .protocol = arrived.protocol.value_or("")},
                        needed);
}

RouteMap ask(const LiveMap& map) {
    return [&map](const ServerName& name, Routed& routed) {
        LiveMap::Value value = map.find(name);
        routed.value = std::move(value.text);
        routed.rule = std::move(value.where);
        return !routed.value.empty();
    };
}

// "FILE:LINE" of "FILE:LINE:COLUMN".
std::string_view line_of(std::string_view place) noexcept { return place.substr(0, place.rfind(':')); }

Route make_route(const RouteConfig& config, const ListenerConfig& listener, PluginInstance* plugin, TlsServer* tls,
                 const LiveMap* map, std::atomic<std::uint64_t>& taken) {
    Route route{config.sni,   map != nullptr ? ask(*map) : nullptr,
                config.alpn,  config.source,
                config.match, nullptr,
                plugin,       tls,
                std::nullopt, config.where.text,
                &taken};
    if (config.access != AccessLists()) route.access.emplace(config.access, listener.proxies());
    if (config.probe)
        route.probe = [plugin, name = listener.name](const Arrived& arrived, std::size_t& needed) {
            return ask(*plugin, name, arrived, needed);
        };
    else if (!config.pattern.empty())
        route.probe = probe_of(*find_protocol_pattern(config.pattern));
    return route;
}

} // namespace

Detection::Detection(const ListenerConfig& config, Layer layer, const FindPlugin& find, const TlsServers& tls,
                     const LiveMaps& maps, RouteCounts& counts, Log& log)
    : layer_(layer), otherwise_(config.plugin.empty() ? nullptr : &find(config.plugin)),
      silence_(config.on_silence ? &find(config.on_silence->plugin) : nullptr),
      patience_(config.on_silence ? config.on_silence->after : config.first_byte_timeout), timeout_(config.detect_timeout),
      most_(config.detect_limit), listener_(config.name), where_(config.where), tls_is_over_(!config.tls.empty()), log_(log),
      too_long_(between_lines), too_late_(between_lines) {
    std::vector<Route> routes;
    for (std::size_t number = 0; number < config.routes.size(); ++number) {
        const RouteConfig& route = config.routes[number];
        if (layer == Layer::inner && !route.tls.empty()) continue;
        routes.push_back(make_route(route, config, route.plugin.empty() ? nullptr : &find(route.plugin),
                                    route.tls.empty() ? nullptr : &tls.find(route.tls),
                                    route.sni_map.empty() ? nullptr : &maps.find(route.sni_map), counts.of(number)));
        at_once_ = at_once_ || !routes.back().reads();
        by_source_ = by_source_ || !route.source.empty();
    }
    routes_ = Routes(std::move(routes));
}

std::optional<Milliseconds> Detection::limit(const Visitor& visitor) const noexcept {
    return visitor.plugin != nullptr ? std::nullopt : std::optional(patience_); // its plugin is known
}

Arrived Detection::arrived(const Visitor& visitor, std::span<const std::byte> bytes, bool all) const {
    Arrived arrived;
    if (by_source_) arrived.source = ip_address(visitor.peer);
    arrived.bytes = bytes;
    arrived.all = all;
    arrived.most = most_;
    arrived.peer = visitor.peer;
    // In decrypted bytes the host looks for no further ClientHello. The session is nearer to them than what a proxy has said.
    const TlsSession* const tls = visitor.channel.tls.get();
    const Proxied* const proxied = visitor.proxied;
    const auto nearest = [&](std::string_view of_session, const std::string* of_proxy) -> std::optional<std::string_view> {
        if (of_session.empty() && of_proxy != nullptr && !of_proxy->empty()) return *of_proxy;
        return tls != nullptr ? std::optional(of_session) : std::nullopt;
    };
    arrived.server_name = nearest(tls != nullptr ? tls->sni() : "", proxied != nullptr ? &proxied->authority : nullptr);
    arrived.protocol = nearest(tls != nullptr ? tls->alpn() : "", proxied != nullptr ? &proxied->alpn : nullptr);
    return arrived;
}

// To a plugin, if there is one.
Verdict Detection::take(PluginInstance* plugin, Reason otherwise) const noexcept {
    if (plugin == nullptr) return Verdict::refuse(otherwise, otherwise == Reason::no_match ? Rule(where_, "routes") : Rule());
    Verdict verdict = Verdict::pass();
    verdict.plugin = plugin;
    return verdict;
}

// What becomes of a connection that the route takes.
Verdict Detection::follow(Choice& choice, const Visitor& visitor) const noexcept {
    const Route& route = routes_[choice.route];
    if (route.access)
        if (const auto judged = route.access->judge(ip_address(visitor.peer), visitor.behalf); !judged.allows)
            return Verdict::refuse(Reason::denied_acl, *judged.rule);
    Verdict verdict = Verdict::pass();
    verdict.plugin = route.plugin;
    verdict.tls = route.tls;
    verdict.routed = std::move(choice.routed);
    return verdict;
}

Verdict Detection::look(const Visitor& visitor) const noexcept {
    std::array<std::byte, few_bytes> few; // not initialised, nor is the other: only what was read counts
    std::unique_ptr<std::byte[]> many;
    auto bytes = visitor.channel.peek(std::span(few).first(std::min(most_, few.size())));
    if (bytes && bytes->size() == few.size() && most_ > few.size()) {
        many.reset(new (std::nothrow) std::byte[most_]);
        if (!many) return Verdict::refuse(Reason::host_out_of_memory);
        bytes = visitor.channel.peek({many.get(), most_});
    }
    const bool hung_up = visitor.channel.hangup;
    if (!bytes) return Verdict::refuse(Reason::peer_reset);
    if (bytes->empty() && hung_up) return Verdict::refuse(Reason::peer_closed);
    if (bytes->empty() && visitor.expired) return take(silence_, Reason::first_byte_timeout);

    // The time for probing starts with the first byte, and then only once.
    const bool begins = !bytes->empty() && !visitor.has_begun;
    const bool all = hung_up || (visitor.expired && !begins) || bytes->size() == most_;
    try {
        Choice choice = routes_.choose(arrived(visitor, *bytes, all));
        if (choice.passed_over && !hung_up) say_passed_over(routes_[*choice.passed_over], visitor.peer, bytes->size());
        if (choice.what == Choice::What::route) {
            routes_[choice.route].taken->fetch_add(1, std::memory_order_relaxed);
            return follow(choice, visitor);
        }
        const bool waits = choice.what == Choice::What::more || (bytes->empty() && silence_ != nullptr);
        if (!waits) return take(otherwise_, Reason::no_match);
        Verdict verdict = Verdict::more();
        if (begins) verdict.limit = timeout_;
        return verdict;
    } catch (const std::bad_alloc&) {
        return Verdict::refuse(Reason::host_out_of_memory);
    }
}

// A client that speaks TLS has said its first message, and of another one nothing is known.
Verdict Detection::explain(const Visitor& visitor, const Asked& asked, Explanation& explanation) const {
    using Told = Explanation::Verdict;
    const bool inside = layer_ == Layer::inner || tls_is_over_;
    const std::vector<std::byte> hello =
        asked.tls && !inside ? make_client_hello(asked.server_name, asked.protocol) : std::vector<std::byte>();
    Arrived known = arrived(visitor, hello, false);
    known.all = !hello.empty(); // no more of it will come
    if (inside) {
        known.server_name = asked.server_name;
        known.protocol = asked.protocol;
    }
    const std::string number = layer_ == Layer::inner ? "inner route " : "route ";
    Choice choice = routes_.choose(known, [&](std::size_t index, Match match) {
        const Route& route = routes_[index];
        const Told says = match == Match::yes ? Told::takes : match == Match::more ? Told::unknown : Told::not_for;
        std::string why = match == Match::yes
                              ? route.plugin != nullptr ? "to plugin " + route.plugin->name() : "its TLS ends here"
                          : match == Match::more ? "it depends on the client's first bytes"
                                                 : "";
        explanation.add(number + std::to_string(index + 1), std::string(line_of(route.where)), says, std::move(why));
    });
    if (choice.what == Choice::What::more) return Verdict::more();
    if (choice.what == Choice::What::route) {
        Verdict verdict = follow(choice, visitor);
        if (verdict.what == Verdict::What::refuse)
            explanation.add(number + std::to_string(choice.route + 1) + ' ' + std::string(verdict.rule.limit),
                            where_text(verdict.rule), Told::refuses, std::string(to_string(verdict.reason)));
        return verdict;
    }
    Verdict verdict = take(otherwise_, Reason::no_match);
    if (verdict.what == Verdict::What::refuse)
        explanation.add("routes", where_text(verdict.rule), Told::refuses, "no route takes it: no_match");
    else
        explanation.add("routes", where_text(Rule(where_, "routes")), Told::passes,
                        "none takes it: to plugin " + verdict.plugin->name() + " of the listener");
    return verdict;
}

// A limit must not decide in silence.
void Detection::say_passed_over(const Route& route, const SocketAddress& peer, std::size_t bytes) const {
    const bool too_long = bytes == most_;
    const std::uint64_t count = (too_long ? too_long_ : too_late_).happened(coarse_now());
    if (count == 0) return;
    log_.write(too_long ? LogLevel::warning : LogLevel::info, "a route was passed over",
               {{"listener", listener_},
                {"route", route.where},
                {"peer", to_string(peer)},
                {"bytes", bytes},
                {"error", too_long ? "it needs more bytes than detect.limit" : "its bytes did not come within detect.timeout"},
                {"times", count}});
}

// --- what only the plugins can tell ----------------------------------------------------------------------------------------

namespace {

// An ordinary ClientHello for "a" (RFC 8446, section 4.1.2), to ask plugins whether they take TLS.
constexpr std::string_view sample_hello{"\x16\x03\x01\x00\x39\x01\x00\x00\x35\x03\x03"
                                        "01234567890123456789012345678901"
                                        "\x00\x00\x02\x13\x01\x01\x00\x00\x0a\x00\x00\x00\x06\x00\x04\x00\x00\x01"
                                        "a",
                                        62};

bool takes_tls(const PluginInstance& plugin) {
    Probed hello;
    hello.bytes = std::as_bytes(std::span(sample_hello));
    std::size_t needed = 0;
    return !plugin.has_probe() || plugin.probe(hello, needed) != Match::no;
}

std::string problems_of(const ListenerConfig& config, const FindPlugin& find) {
    std::string problems;
    const auto add = [&](const std::string& where, const std::string& what) {
        problems += (problems.empty() ? "" : "\n") + where + ": " + what;
    };
    bool reads = false;
    // What a route has a name or a protocol of may then be inside of TLS.
    const bool ended =
        !config.tls.empty() || std::any_of(config.routes.begin(), config.routes.end(), std::mem_fn(&RouteConfig::opens));
    for (const RouteConfig& route : config.routes) {
        const bool named = route.is_tls() || route.pattern == "tls";
        const bool tls = named && route.tls.empty() && !ended;
        reads = reads || (named && config.tls.empty()) || route.looks_at_bytes();
        if (route.plugin.empty()) continue;
        const PluginInstance& plugin = find(route.plugin);
        if (route.probe && !plugin.has_probe())
            add(route.where.text, "listeners.routes.probe: plugin " + route.plugin +
                                      " has no probe of its own (expected the name of a pattern, such as probe = \"ssh\")");
        else if (tls && !takes_tls(plugin))
            add(route.where.text,
                "listeners.routes.plugin: plugin " + route.plugin +
                    " does not take TLS, which this route is for (expected one that does, such as a gateway)");
    }
    if (reads && !config.on_silence && !config.plugin.empty() && find(config.plugin).server_first())
        add(config.where.text,
            "listeners.plugin: plugin " + config.plugin +
                " speaks first, but the routes wait for what the client says (expected on_silence = { after = "
                "\"1s\", plugin = \"" +
                config.plugin + "\" } as well)");
    return problems;
}

} // namespace

void check_routes(const Config& config, const FindPlugin& find) {
    std::string problems;
    for (const ListenerConfig& listener : config.listeners)
        if (const std::string text = problems_of(listener, find); !text.empty())
            problems += (problems.empty() ? "" : "\n") + text;
    if (!problems.empty()) throw PluginError(problems);
}

} // namespace gatehouse::host
