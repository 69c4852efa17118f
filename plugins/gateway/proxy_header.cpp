#include "proxy_header.hpp"

#include "address.hpp"
#include "common_name.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <optional>

namespace gateway {
namespace {

constexpr std::string_view signature{"\r\n\r\n\0\r\nQUIT\n", 12}; // with its NUL

// A TCP address: IPv4 in four bytes, IPv6 in sixteen.
struct Inet {
    int family = AF_INET;
    std::array<unsigned char, 16> bytes{};
    std::uint16_t port = 0;

    std::string_view raw() const noexcept {
        return {reinterpret_cast<const char*>(bytes.data()), family == AF_INET ? std::size_t{4} : bytes.size()};
    }
    std::string text() const {
        std::array<char, INET6_ADDRSTRLEN> buffer{};
        ::inet_ntop(family, bytes.data(), buffer.data(), buffer.size());
        return buffer.data();
    }
};

constexpr std::array<unsigned char, 12> v4_mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}; // RFC 4291 2.5.5.2

std::optional<Inet> parse(std::string_view address) {
    const std::string_view host = host_of(address);
    if (host.size() == address.size()) return std::nullopt; // without a port
    const std::string plain(host.substr(0, host.find('%')));
    Inet result;
    const std::string_view port = address.substr(address.rfind(':') + 1);
    std::from_chars(port.data(), port.data() + port.size(), result.port);
    if (::inet_pton(AF_INET, plain.c_str(), result.bytes.data()) == 1) return result;
    if (::inet_pton(AF_INET6, plain.c_str(), result.bytes.data()) != 1) return std::nullopt;
    result.family = AF_INET6;
    if (!std::equal(v4_mapped.begin(), v4_mapped.end(), result.bytes.begin())) return result;
    std::copy(result.bytes.begin() + 12, result.bytes.end(), result.bytes.begin());
    result.family = AF_INET;
    return result;
}

void make_v6(Inet& address) noexcept {
    if (address.family == AF_INET6) return;
    std::copy(address.bytes.begin(), address.bytes.begin() + 4, address.bytes.begin() + 12);
    std::copy(v4_mapped.begin(), v4_mapped.end(), address.bytes.begin());
    address.family = AF_INET6;
}

struct Ends {
    Inet peer, local;
};

// Both addresses, of the same family; nothing if one of them is unknown.
std::optional<Ends> parse(std::string_view peer, std::string_view local) {
    const auto from = parse(peer), to = parse(local);
    if (!from || !to) return std::nullopt;
    Ends ends{*from, *to};
    if (ends.peer.family != ends.local.family) {
        make_v6(ends.peer);
        make_v6(ends.local);
    }
    return ends;
}

std::string big_endian(std::uint64_t value, int bytes) {
    std::string text;
    for (int i = bytes - 1; i >= 0; --i) text.push_back(static_cast<char>(value >> (8 * i)));
    return text;
}

std::string unix_address(std::string_view address) {
    std::string path(address.substr(5));
    if (path.starts_with('@')) path.front() = '\0';
    path.resize(108, '\0');
    return path;
}

std::string version_1(std::string_view peer, std::string_view local) {
    const auto ends = parse(peer, local);
    if (!ends) return "PROXY UNKNOWN\r\n";
    return (ends->peer.family == AF_INET ? "PROXY TCP4 " : "PROXY TCP6 ") + ends->peer.text() + ' ' + ends->local.text() + ' ' +
           std::to_string(ends->peer.port) + ' ' + std::to_string(ends->local.port) + "\r\n";
}

std::string tlv(char type, std::string_view value) { return type + big_endian(value.size(), 2) + std::string(value); }
std::string tlv_if_any(char type, std::string_view value) { return value.empty() ? "" : tlv(type, value); }

// 2.2.6. The facts do not tell whether a certificate came with this connection or with an earlier one of its session. So the
// header claims only the latter, which is true in both cases.
std::string tls_tlv(const ClientTls& tls) {
    const bool certificate = !tls.subject.empty() || !tls.alternative_names.empty();
    std::string value{static_cast<char>(certificate ? 0x05 : 0x01)}; // PP2_CLIENT_SSL, PP2_CLIENT_CERT_SESS
    value += big_endian(certificate ? 0 : 1, 4);                     // 0: verified
    value += tlv_if_any(0x21, tls.version);
    if (const auto name = common_name(tls.subject)) value += tlv(0x22, *name);
    value += tlv_if_any(0x23, tls.cipher);
    return tlv(0x20, value);
}

std::string version_2(const ProxyProtocol& protocol, std::string_view peer, std::string_view local, std::string_view unique_id,
                      const ClientTls& tls) {
    char family = 0x00; // AF_UNSPEC
    std::string rest;
    if (const auto ends = parse(peer, local)) {
        family = ends->peer.family == AF_INET ? 0x11 : 0x21; // TCP over IPv4, over IPv6
        rest = std::string(ends->peer.raw()).append(ends->local.raw());
        rest += big_endian(ends->peer.port, 2) + big_endian(ends->local.port, 2);
    } else if (peer.starts_with("unix:") && local.starts_with("unix:")) {
        family = 0x31; // AF_UNIX, stream
        rest = unix_address(peer) + unix_address(local);
    }
    if (protocol.alpn) rest += tlv_if_any(0x01, tls.alpn);
    if (protocol.authority) rest += tlv_if_any(0x02, tls.sni);
    if (protocol.unique_id) rest += tlv(0x05, unique_id);
    if (protocol.tls && !tls.version.empty()) rest += tls_tlv(tls);
    if (protocol.crc32c) rest += '\x03' + big_endian(4, 2) + big_endian(0, 4); // over the header with zeros in its place
    std::string header = std::string(signature) + '\x21' + family + big_endian(rest.size(), 2) + rest;
    if (protocol.crc32c) header.replace(header.size() - 4, 4, big_endian(crc32c(header), 4));
    return header;
}

} // namespace

std::string proxy_header(const ProxyProtocol& protocol, std::string_view peer, std::string_view local,
                         std::string_view unique_id, const ClientTls& tls) {
    if (protocol.version == 0) return "";
    return protocol.version == 1 ? version_1(peer, local) : version_2(protocol, peer, local, unique_id, tls);
}

std::string proxy_header_for_checks(const ProxyProtocol& protocol) {
    if (protocol.version == 0) return "";
    return protocol.version == 1 ? "PROXY UNKNOWN\r\n" : std::string(signature) + '\x20' + std::string(3, '\0');
}

std::uint32_t crc32c(std::string_view bytes) noexcept {
    std::uint32_t crc = ~0U;
    for (const char byte : bytes) {
        crc ^= static_cast<unsigned char>(byte);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
    }
    return ~crc;
}

} // namespace gateway
