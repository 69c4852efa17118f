// Networks in which servers may be.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace gateway {

struct Network {
    std::array<std::uint8_t, 16> address{}; // IPv4 as IPv6 has it, ::ffff:a.b.c.d
    unsigned bits = 128;
};

// "10.8.0.0/16", "2001:db8::/32", or one address. Nothing: it is none, or has bits behind its length.
std::optional<Network> parse_network(std::string_view text);

// Whether the server's address, "192.0.2.1:80" or "[2001:db8::1]:80", is in one of the networks. An IPv4 address is the same in
// both of its forms; a unix socket is in none.
bool is_within(const std::vector<Network>& networks, std::string_view address);

} // namespace gateway
