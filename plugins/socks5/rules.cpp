#include "rules.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <tuple>

namespace socks5 {
namespace {

constexpr std::string_view any = "*";
constexpr std::array<std::string_view, 2> everything{"0.0.0.0/0", "::/0"};

// The networks that a proxy does not lead to unless its configuration allows them: RFC 6890 and its registries.
constexpr std::array<std::string_view, 22> not_public{
    "0.0.0.0/8",       // this network; connecting to 0.0.0.0 reaches this host
    "10.0.0.0/8",      // private
    "100.64.0.0/10",   // carrier-grade NAT
    "127.0.0.0/8",     // loopback
    "169.254.0.0/16",  // link-local, where clouds keep their credentials
    "172.16.0.0/12",   // private
    "192.0.0.0/24",    // IETF protocol assignments
    "192.168.0.0/16",  // private
    "198.18.0.0/15",   // benchmarks
    "224.0.0.0/4",     // multicast
    "240.0.0.0/4",     // reserved, and the broadcast address
    "::/96",           // unspecified, loopback, IPv4-compatible
    "::ffff:0:0/96",   // IPv4-mapped
    "::ffff:0:0:0/96", // IPv4-translated
    "64:ff9b::/96",    // NAT64
    "64:ff9b:1::/48",  // NAT64 of a network's own, RFC 8215
    "2001::/32",       // Teredo
    "2002::/16",       // 6to4
    "fc00::/7",        // unique local
    "fe80::/10",       // link-local
    "fec0::/10",       // site-local, deprecated
    "ff00::/8",        // multicast
};

} // namespace

Rules::Rules() {
    for (const std::string_view network : everything) insert({*parse_network(network), {}, false, Action::allow});
    for (const std::string_view network : not_public) insert({*parse_network(network), {}, false, Action::deny});
}

std::string Rules::add(std::string_view text, Action action) {
    std::string_view network = text;
    std::optional<std::string_view> ports;
    // An IPv6 network has colons of its own, so ports follow a bracket or the only colon.
    if (const std::size_t end = text.find("]:"); text.starts_with('[') && end != text.npos) {
        network = text.substr(1, end - 1);
        ports = text.substr(end + 2);
    } else if (const std::size_t colon = text.find(':'); colon != text.npos && colon == text.rfind(':')) {
        network = text.substr(0, colon);
        ports = text.substr(colon + 1);
    }
    Rule rule{{}, {}, true, action};
    if (ports && !parse_ports(*ports, rule.ports))
        return "\"" + std::string(text) + "\" has wrong ports (expected numbers and ranges, such as \":22,8000-8999\")";
    if (network == any) {
        for (const std::string_view half : everything) insert({*parse_network(half), rule.ports, true, action});
        return "";
    }
    const auto parsed = parse_network(network);
    if (!parsed)
        return "\"" + std::string(text) +
               "\" is not a network (expected one such as \"10.0.0.0/8\", \"10.0.0.1:22\", \"[fd00::/8]:443\" or \"*\")";
    if (!parsed->is_exact())
        return "\"" + std::string(text) + "\" has bits set behind its prefix: write the network's first address, or no prefix";
    rule.network = *parsed;
    insert(std::move(rule));
    return "";
}

bool Rules::parse_ports(std::string_view text, std::vector<Ports>& ports) {
    while (true) {
        const std::string_view part = text.substr(0, text.find(','));
        const std::size_t dash = part.find('-');
        const auto first = parse_number(part.substr(0, dash), 65535);
        const auto last = dash == part.npos ? first : parse_number(part.substr(dash + 1), 65535);
        if (!first || !last || *first == 0 || *first > *last) return false;
        ports.emplace_back(static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last));
        if (part.size() == text.size()) return true;
        text.remove_prefix(part.size() + 1);
    }
}

void Rules::insert(Rule rule) {
    const auto rank = [](const Rule& of) { return std::tuple(of.network.prefix, of.configured, of.action == Action::deny); };
    const auto place = std::ranges::find_if(rules_, [&](const Rule& other) { return rank(other) < rank(rule); });
    rules_.insert(place, std::move(rule));
}

bool Rules::Rule::matches(const Endpoint& destination) const noexcept {
    const auto holds = [&](const Ports& range) { return range.first <= destination.port && destination.port <= range.second; };
    return network.contains(destination.address) && (ports.empty() || std::ranges::any_of(ports, holds));
}

bool Rules::decide(const Endpoint& destination) const noexcept {
    const auto first = std::ranges::find_if(rules_, [&](const Rule& rule) { return rule.matches(destination); });
    return first != rules_.end() && first->action == Action::allow;
}

bool Rules::allow(const Endpoint& destination) const noexcept {
    if (destination.port == 0 || !decide(destination)) return false;
    const auto embedded = embedded_ipv4(destination.address);
    return !embedded || decide({*embedded, destination.port});
}

} // namespace socks5
