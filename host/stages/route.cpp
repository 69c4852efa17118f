#include "stages/route.hpp"

#include "net/server_name.hpp"
#include "wire/client_hello.hpp"
#include "wire/protocol_pattern.hpp"

#include <algorithm>

namespace gatehouse::host {
namespace {

// The conditions on TLS, for all routes: the ClientHello is taken apart when the first of them asks for what is in it alone.
class Tls {
  public:
    explicit Tls(const Arrived& arrived) noexcept : arrived_(arrived) {}

    Match fits(const Route& route) { return both(fits_name(route), fits_protocol(route)); }

  private:
    Match fits_name(const Route& route) {
        if (route.sni.empty()) return Match::yes;
        if (!name_) {
            if (!arrived_.server_name && hello() == HelloParse::more && hello_.name_size == 0) return Match::more;
            name_.emplace(arrived_.server_name ? *arrived_.server_name : hello_.server_name());
        }
        return any_of(route.sni, [&](const std::string& pattern) { return fits_route_name(pattern, *name_); });
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

Match fits(const Route& route, const Arrived& arrived, Tls& tls, std::size_t& needed) {
    const auto inside = [&](const Network& network) { return network.contains(*arrived.source); };
    if (!route.source.empty() && (!arrived.source || std::none_of(route.source.begin(), route.source.end(), inside)))
        return Match::no;
    const Match match = both(tls.fits(route), fits_bytes(route, arrived.bytes));
    if (match == Match::no || route.probe == nullptr) return match;
    return both(match, arrived.bytes.empty() ? Match::more : route.probe(arrived, needed));
}

} // namespace

RouteProbe probe_of(const ProtocolPattern& pattern) {
    return [&pattern](const Arrived& arrived, std::size_t& /*needed*/) { return pattern.probe(arrived.bytes); };
}

Choice choose_route(std::span<const Route> routes, const Arrived& arrived) {
    Tls tls(arrived);
    Choice choice{Choice::What::none};
    for (std::size_t i = 0; i < routes.size(); ++i) {
        std::size_t needed = 0;
        const Match match = fits(routes[i], arrived, tls, needed);
        if (match == Match::more && !arrived.all && needed <= arrived.most) return {Choice::What::more};
        if (match == Match::more && !choice.passed_over) choice.passed_over = i;
        if (match != Match::yes) continue;
        choice.what = Choice::What::route;
        choice.route = i;
        break;
    }
    return choice;
}

} // namespace gatehouse::host
