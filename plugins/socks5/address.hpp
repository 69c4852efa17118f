// IP addresses and networks, as bytes and as text.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace socks5 {

struct IpAddress {
    std::array<std::uint8_t, 16> bytes{}; // network order; those beyond `size` are 0
    std::uint8_t size = 4;                // 4 or 16

    bool operator==(const IpAddress&) const = default;
};

// An address with a port, which is 0 where none is known.
struct Endpoint {
    IpAddress address;
    std::uint16_t port = 0;

    bool operator==(const Endpoint&) const = default;
};

// All addresses with the first `prefix` bits of `base`. An IPv4 network contains no IPv6 address, not even a mapped one.
struct Network {
    IpAddress base;
    std::uint8_t prefix = 0; // at most 8 * base.size

    bool contains(const IpAddress& address) const noexcept;
    // Whether `base` has no bit set behind the prefix.
    bool is_exact() const noexcept;
};

// "192.0.2.1" or "2001:db8::1"; nothing else: no brackets, zones or shortened IPv4.
std::optional<IpAddress> parse_address(std::string_view text);
// "192.0.2.1:80" or "[2001:db8::1]:80".
std::optional<Endpoint> parse_endpoint(std::string_view text);
// "10.0.0.0/8", "fc00::/7", or an address, which is a network by itself. See is_exact() for bits behind the prefix.
std::optional<Network> parse_network(std::string_view text);
// A decimal number without sign or spaces that is at most `most`.
std::optional<unsigned> parse_number(std::string_view text, unsigned most);

std::string to_string(const IpAddress& address);
std::string to_string(const Endpoint& endpoint); // the form that parse_endpoint() takes

// The IPv4 address that a translator or tunnel would make of this IPv6 address: IPv4-mapped and -compatible (RFC 4291 2.5.5),
// IPv4-translated (RFC 2765), NAT64 (RFC 6052, the well-known prefix), 6to4 (RFC 3056) and Teredo (RFC 4380).
std::optional<IpAddress> embedded_ipv4(const IpAddress& address) noexcept;

} // namespace socks5
