#include "stages/route.hpp"

#include "wire/client_hello.hpp"
#include "wire/protocol_pattern.hpp"

#include <algorithm>
#include <array>

namespace gatehouse::host {
namespace {

// The conditions on TLS, for all routes: the ClientHello is taken apart when the first of them asks for what is in it alone.
class Tls {
  public:
    explicit Tls(const Arrived& arrived) noexcept : arrived_(arrived) {}

    // Notes the server name in `routed`, and what the route's map has for it.
    Match fits(const Route& route, Routed& routed) { return both(fits_name(route, routed), fits_protocol(route)); }

    // The server name, which may be empty; null: it has not come yet.
    const ServerName* name() {
        if (!name_) {
            if (!arrived_.server_name && hello() == HelloParse::more && hello_.name_size == 0) return nullptr;
            name_.emplace(arrived_.server_name ? *arrived_.server_name : hello_.server_name());
        }
        return &*name_;
    }

  private:
    Match fits_name(const Route& route, Routed& routed) {
        if (!route.is_named()) return Match::yes;
        if (name() == nullptr) return Match::more;
        const auto fits = [&](const std::string& pattern) { return fits_route_name(pattern, *name_); };
        if (!route.sni.empty() && any_of(route.sni, fits) == Match::no) return Match::no;
        if (route.map && !route.map(*name_, routed)) return Match::no;
        routed.server_name = name_->text();
        return Match::yes;
    }

    Match fits_protocol(const Route& route) {
        if (route.alpn.empty()) return Match::yes;
        if (arrived_.protocol)
            return any_of(route.alpn, [&](const std::string& protocol) { return protocol == *arrived_.protocol; });
        if (hello() == HelloParse::more && hello_.protocols_size == 0) return Match::more;
        return any_of(route.alpn, [&](const std::string& protocol) { return hello_.offers(protocol); });
    }

    HelloParse hello() {
        if (!parsed_) parsed_ = parse_client_hello(arrived_.bytes, hello_);
        return *parsed_;
    }

    template <class Fits>
    static Match any_of(const std::vector<std::string>& entries, Fits fits) {
        return std::any_of(entries.begin(), entries.end(), fits) ? Match::yes : Match::no;
    }

    const Arrived& arrived_;
    ClientHello hello_;
    std::optional<HelloParse> parsed_;
    std::optional<ServerName> name_;
};

Match fits_bytes(const Route& route, std::span<const std::byte> bytes) {
    if (route.match.empty()) return Match::yes;
    Match match = Match::no;
    for (const BytePattern& pattern : route.match) match = either(match, pattern.fits(bytes));
    return match;
}

Match fits(const Route& route, const Arrived& arrived, Tls& tls, std::size_t& needed, Routed& routed) {
    const auto inside = [&](const Network& network) { return network.contains(*arrived.source); };
    if (!route.source.empty() && (!arrived.source || std::none_of(route.source.begin(), route.source.end(), inside)))
        return Match::no;
    const Match match = both(tls.fits(route, routed), fits_bytes(route, arrived.bytes));
    if (match == Match::no || route.probe == nullptr) return match;
    return both(match, arrived.bytes.empty() ? Match::more : route.probe(arrived, needed));
}

} // namespace

RouteProbe probe_of(const ProtocolPattern& pattern) {
    return [&pattern](const Arrived& arrived, std::size_t& /*needed*/) { return pattern.probe(arrived.bytes); };
}

Routes::Routes(std::vector<Route> routes) : routes_(std::move(routes)) {
    for (std::size_t i = 0; i < routes_.size(); ++i) {
        if (routes_[i].sni.empty()) nameless_.push_back(i);
        for (const std::string& name : routes_[i].sni) {
            std::vector<std::size_t>& indices = by_name_[name];
            if (indices.empty() || indices.back() != i) indices.push_back(i);
        }
    }
}

Choice Routes::choose(const Arrived& arrived, const RouteTold& told) const {
    Tls tls(arrived);
    Choice choice{Choice::What::none};
    // Whether this is the end: the route takes the connection, or needs bytes that may still come.
    const auto ask = [&](std::size_t index) {
        const Route& route = routes_[index];
        std::size_t needed = 0;
        Routed routed;
        const Match match = fits(route, arrived, tls, needed, routed);
        if (told) told(index, match);
        if (match == Match::more && !arrived.all && needed <= arrived.most) {
            choice = {Choice::What::more};
            return true;
        }
        if (match == Match::more && !choice.passed_over) choice.passed_over = index;
        if (match != Match::yes) return false;
        choice.what = Choice::What::route;
        choice.route = index;
        if (route.is_named()) choice.routed = std::make_unique<const Routed>(std::move(routed));
        return true;
    };
    const ServerName* const name = by_name_.empty() ? nullptr : tls.name();
    if (name == nullptr || told) { // who is told wants to hear of each
        for (std::size_t i = 0; i < routes_.size() && !ask(i); ++i) {
        }
        return choice;
    }
    // Several lists, each in order: the routes in all of them, in order.
    std::array<std::span<const std::size_t>, ServerName::longest / 2 + 3> lists;
    std::size_t count = 0;
    const auto add = [&](std::string_view pattern) {
        if (const auto found = by_name_.find(pattern); found != by_name_.end()) lists[count++] = found->second;
        return false;
    };
    lists[count++] = nameless_;
    if (!name->empty()) add(name->text());
    for_each_route_wildcard(*name, add);
    for (;;) {
        std::size_t next = routes_.size();
        for (std::size_t i = 0; i < count; ++i)
            if (!lists[i].empty()) next = std::min(next, lists[i].front());
        if (next == routes_.size() || ask(next)) return choice;
        for (std::size_t i = 0; i < count; ++i)
            if (!lists[i].empty() && lists[i].front() == next) lists[i] = lists[i].subspan(1);
    }
}

} // namespace gatehouse::host
