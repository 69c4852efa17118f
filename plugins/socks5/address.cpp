#include "address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstddef>
#include <span>
#include <sys/socket.h>

namespace socks5 {
namespace {

constexpr int family_of(const IpAddress& address) noexcept { return address.size == 4 ? AF_INET : AF_INET6; }

// Four bytes of an IPv6 address as an IPv4 address.
IpAddress ipv4_at(const IpAddress& address, std::size_t offset, std::uint8_t mask = 0) noexcept {
    IpAddress result;
    for (std::size_t i = 0; i < 4; ++i) result.bytes[i] = address.bytes[offset + i] ^ mask;
    return result;
}

bool begins_with(const IpAddress& address, std::initializer_list<std::uint8_t> bytes) noexcept {
    return std::equal(bytes.begin(), bytes.end(), address.bytes.begin());
}

} // namespace

bool Network::contains(const IpAddress& address) const noexcept {
    if (address.size != base.size) return false;
    const std::size_t whole = prefix / 8U;
    if (!std::equal(base.bytes.begin(), base.bytes.begin() + static_cast<std::ptrdiff_t>(whole), address.bytes.begin()))
        return false;
    const unsigned rest = prefix % 8U;
    return rest == 0 || ((base.bytes[whole] ^ address.bytes[whole]) >> (8U - rest)) == 0;
}

bool Network::is_exact() const noexcept {
    for (unsigned bit = prefix; bit < 8U * base.size; ++bit)
        if ((base.bytes[bit / 8] & (0x80U >> bit % 8)) != 0) return false;
    return true;
}

std::optional<unsigned> parse_number(std::string_view text, unsigned most) {
    unsigned number = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || rest != text.data() + text.size() || number > most) return std::nullopt;
    return number;
}

std::optional<IpAddress> parse_address(std::string_view text) {
    IpAddress address;
    address.size = text.find(':') == text.npos ? 4 : 16;
    if (text.find('\0') != text.npos) return std::nullopt;
    if (::inet_pton(family_of(address), std::string(text).c_str(), address.bytes.data()) != 1) return std::nullopt;
    return address;
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == text.npos) return std::nullopt;
    const auto port = parse_number(text.substr(colon + 1), 65535);
    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed) host = host.substr(1, host.size() - 2);
    const auto address = parse_address(host);
    if (!address || !port || bracketed != (address->size == 16)) return std::nullopt;
    return Endpoint{*address, static_cast<std::uint16_t>(*port)};
}

std::optional<Network> parse_network(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto base = parse_address(text.substr(0, slash));
    if (!base) return std::nullopt;
    const unsigned bits = 8U * base->size;
    const auto prefix = slash == text.npos ? bits : parse_number(text.substr(slash + 1), bits);
    if (!prefix) return std::nullopt;
    return Network{*base, static_cast<std::uint8_t>(*prefix)};
}

std::string to_string(const IpAddress& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(family_of(address), address.bytes.data(), text.data(), text.size());
    return text.data();
}

std::string to_string(const Endpoint& endpoint) {
    const std::string host = to_string(endpoint.address);
    return (endpoint.address.size == 4 ? host : "[" + host + "]") + ":" + std::to_string(endpoint.port);
}

std::optional<IpAddress> embedded_ipv4(const IpAddress& address) noexcept {
    if (address.size != 16) return std::nullopt;
    if (begins_with(address, {0x20, 0x02})) return ipv4_at(address, 2);
    if (begins_with(address, {0x20, 0x01, 0, 0})) return ipv4_at(address, 12, 0xff); // Teredo stores it inverted
    if (begins_with(address, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}) ||
        begins_with(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}) ||
        begins_with(address, {0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0}))
        return ipv4_at(address, 12);
    // Below ::/104 are the unspecified and the loopback address, which are no IPv4 addresses.
    if (begins_with(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) && address.bytes[12] != 0) return ipv4_at(address, 12);
    return std::nullopt;
}

} // namespace socks5
