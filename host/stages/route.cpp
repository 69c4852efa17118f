#include "stages/route.hpp"

#include "net/server_name.hpp"
#include "wire/client_hello.hpp"

#include <algorithm>

namespace gatehouse::host {
namespace {

// The conditions on TLS, for all routes: the ClientHello is taken apart when the first of them asks for it.
class Tls {
  public:
    explicit Tls(const Arrived& arrived) noexcept : arrived_(arrived) {}

    Match fits(const Route& route) {
        const bool told = arrived_.server_name != nullptr || arrived_.protocol != nullptr;
        if (!told && !parsed_) parsed_ = parse_client_hello(arrived_.bytes, hello_);
        if (!told && *parsed_ == HelloParse::more) return Match::more;
        if (!told && *parsed_ == HelloParse::none) return Match::no;
        if (!name_)
            name_.emplace(!told                             ? hello_.server_name()
                          : arrived_.server_name != nullptr ? std::string_view(*arrived_.server_name)
                                                            : std::string_view());
        const auto named = [&](const std::string& pattern) { return fits_route_name(pattern, *name_); };
        const auto offered = [&](const std::string& protocol) {
            return told ? arrived_.protocol != nullptr && *arrived_.protocol == protocol : hello_.offers(protocol);
        };
        const bool fit = (route.sni.empty() || std::any_of(route.sni.begin(), route.sni.end(), named)) &&
                         (route.alpn.empty() || std::any_of(route.alpn.begin(), route.alpn.end(), offered));
        return fit ? Match::yes : Match::no;
    }

  private:
    const Arrived& arrived_;
    ClientHello hello_;
    std::optional<HelloParse> parsed_;
    std::optional<ServerName> name_;
};

Match fits(const Route& route, const Arrived& arrived, Tls& tls) {
    const auto inside = [&](const Network& network) { return network.contains(*arrived.source); };
    if (!route.source.empty() && (!arrived.source || std::none_of(route.source.begin(), route.source.end(), inside)))
        return Match::no;
    Match match = Match::yes;
    if (!route.sni.empty() || !route.alpn.empty()) match = tls.fits(route);
    if (match == Match::no || route.probe == nullptr) return match;
    const Match probed = arrived.bytes.empty() ? Match::more : route.probe(arrived.bytes);
    return probed == Match::yes ? match : probed;
}

} // namespace

Choice choose_route(std::span<const Route> routes, const Arrived& arrived) {
    Tls tls(arrived);
    for (std::size_t i = 0; i < routes.size(); ++i) {
        const Match match = fits(routes[i], arrived, tls);
        if (match == Match::yes) return {Choice::What::route, i};
        if (match == Match::more && !arrived.all) return {Choice::What::more};
    }
    return {Choice::What::none};
}

} // namespace gatehouse::host
