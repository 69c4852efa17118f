#include "network.hpp"

#include "address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string>

namespace gateway {
namespace {

using Ip = decltype(Network::address);

constexpr unsigned v4_bits = 96; // in front of an IPv4 address

// `is_v4`: how it was written.
std::optional<Ip> parse_ip(const std::string& text, bool& is_v4) {
    Ip bytes{};
    is_v4 = ::inet_pton(AF_INET, text.c_str(), bytes.data() + v4_bits / 8) == 1;
    if (is_v4) bytes[10] = bytes[11] = 0xff;
    if (is_v4 || ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
    return std::nullopt;
}

std::uint8_t mask_of(unsigned bits, std::size_t byte) {
    const unsigned before = static_cast<unsigned>(byte) * 8;
    const unsigned here = bits <= before ? 0 : std::min(bits - before, 8U);
    return static_cast<std::uint8_t>(0xff00U >> here);
}

bool contains(const Network& network, const Ip& ip) {
    for (std::size_t i = 0; i < ip.size(); ++i)
        if ((ip[i] & mask_of(network.bits, i)) != network.address[i]) return false;
    return true;
}

} // namespace

std::optional<Network> parse_network(std::string_view text) {
    const std::size_t slash = text.find('/');
    bool is_v4 = false;
    const auto address = parse_ip(std::string(text.substr(0, slash)), is_v4);
    if (!address) return std::nullopt;
    Network network{*address, 128};
    if (slash != text.npos) {
        const std::string_view length = text.substr(slash + 1);
        unsigned bits = 0;
        const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bits);
        if (error != std::errc() || end != length.data() + length.size() || bits > (is_v4 ? 32U : 128U)) return std::nullopt;
        network.bits = bits + (is_v4 ? v4_bits : 0);
    }
    for (std::size_t i = 0; i < network.address.size(); ++i)
        if ((network.address[i] & ~mask_of(network.bits, i) & 0xff) != 0) return std::nullopt;
    return network;
}

bool is_within(const std::vector<Network>& networks, std::string_view address) {
    std::string host(host_of(address));
    host.resize(std::min(host.size(), host.find('%')));
    bool is_v4 = false;
    const auto ip = parse_ip(host, is_v4);
    return ip && std::ranges::any_of(networks, [&](const Network& network) { return contains(network, *ip); });
}

} // namespace gateway
