// Which destinations the proxy connects clients to.
//
// Of the rules that match address and port, the one with the longest prefix decides. Between rules with the same prefix the
// configuration's go before the built-in ones, and denying before allowing. The built-in rules allow the public network and
// deny the rest: loopback, private, link-local, multicast and the like, and IPv6 addresses with an IPv4 address in them. For
// one of these, the rules must allow both the IPv6 address and the IPv4 address in it. No rule allows port 0.
#pragma once

#include "address.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace socks5 {

class Rules {
  public:
    Rules(); // the built-in ones

    enum class Action { allow, deny };
    // Adds "10.0.0.0/8", "10.0.0.0/8:22,8000-8999", "192.0.2.1", "fd00::/8", "[fd00::/8]:443", "*" or "*:25". Returns what is
    // wrong with the text, or an empty text.
    std::string add(std::string_view text, Action action);

    bool allow(const Endpoint& destination) const noexcept;

  private:
    using Ports = std::pair<std::uint16_t, std::uint16_t>; // from first to last
    struct Rule {
        Network network;
        std::vector<Ports> ports; // any if empty
        bool configured = false;
        Action action = Action::deny;

        bool matches(const Endpoint& destination) const noexcept;
    };

    void insert(Rule rule);
    bool decide(const Endpoint& destination) const noexcept;
    static bool parse_ports(std::string_view text, std::vector<Ports>& ports);

    std::vector<Rule> rules_; // the first that matches decides
};

} // namespace socks5
