#include "address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <sys/un.h>

namespace gateway {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool is_port(std::string_view text) noexcept {
    unsigned port = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc() && rest == text.data() + text.size() && port >= 1 && port <= 65535;
}

// Whether the text is an address of `family`, of `size` bytes, and not the one that stands for every address.
bool is_numeric(int family, std::string_view text, std::size_t size) noexcept {
    std::array<char, INET6_ADDRSTRLEN> copy{};
    std::array<unsigned char, 16> address{};
    if (text.size() >= copy.size()) return false;
    std::ranges::copy(text, copy.begin());
    return ::inet_pton(family, copy.data(), address.data()) == 1 &&
           std::any_of(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(size),
                       [](auto byte) { return byte != 0; });
}

// RFC 1035 2.3.4, with '_' (RFC 2782) and a dot at the end. If the last label is a number, it is a mistyped address.
bool is_name(std::string_view text) noexcept {
    if (text.ends_with('.')) text.remove_suffix(1);
    if (text.empty() || text.size() > 253) return false;
    std::string_view label;
    for (std::size_t start = 0; start <= text.size(); start += label.size() + 1) {
        label = text.substr(start, std::min(text.find('.', start), text.size()) - start);
        const bool plain = std::ranges::all_of(label, [](char c) {
            return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
        });
        if (label.empty() || label.size() > 63 || !plain || label.front() == '-' || label.back() == '-') return false;
    }
    return !std::ranges::all_of(label, is_digit);
}

} // namespace

AddressKind kind_of(std::string_view text) noexcept {
    if (text.starts_with("unix:")) {
        const std::size_t path = text.size() - 5;
        return path > 0 && path < sizeof(sockaddr_un::sun_path) && text.find('\0') == text.npos ? AddressKind::unix_socket
                                                                                                : AddressKind::invalid;
    }
    if (text.starts_with("srv:")) return is_name(text.substr(4)) ? AddressKind::service : AddressKind::invalid;
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || !is_port(text.substr(colon + 1))) return AddressKind::invalid;
    const std::string_view host = text.substr(0, colon);
    if (host.starts_with('[')) {
        if (!host.ends_with(']')) return AddressKind::invalid;
        const std::string_view inside = host.substr(1, host.size() - 2);
        const std::string_view zone = inside.substr(std::min(inside.find('%'), inside.size()));
        const bool good_zone = zone.empty() || (zone.size() > 1 && zone.find_first_of("[]: ") == zone.npos);
        return good_zone && is_numeric(AF_INET6, inside.substr(0, inside.size() - zone.size()), 16) ? AddressKind::numeric
                                                                                                    : AddressKind::invalid;
    }
    if (is_numeric(AF_INET, host, 4)) return AddressKind::numeric;
    return is_name(host) ? AddressKind::name : AddressKind::invalid;
}

std::string problem_of(std::string_view text) {
    constexpr std::size_t most = sizeof(sockaddr_un::sun_path) - 1;
    const std::size_t colon = text.rfind(':');
    const std::string_view host = text.substr(0, colon); // npos: all of it
    if (text.starts_with("unix:")) {
        if (text.size() == 5) return ", the path is missing";
        if (text.size() - 5 > most)
            return ", the path has " + std::to_string(text.size() - 5) + " bytes, and at most " + std::to_string(most) + " fit";
        return "";
    }
    if (const std::size_t scheme = text.find("://"); scheme != text.npos)
        return ", leave " + std::string(text.substr(0, scheme + 3)) + " and the path behind the port out";
    if (text.starts_with('/')) return ", a unix socket begins with unix:";
    if (text.starts_with("srv:")) return text.find(':', 4) == text.npos ? "" : ", a srv: name has no port, its records have";
    if (is_numeric(AF_INET6, text, 16)) return ", an IPv6 address needs brackets and a port";
    if (colon == text.npos || text.ends_with(']')) return ", the port is missing";
    if (!is_port(text.substr(colon + 1))) return ", the port is not a number from 1 to 65535";
    if (host.empty() || host == "*" || host == "0.0.0.0" || host == "[::]")
        return ", a server is at one address, not at all of them";
    return "";
}

std::string_view host_of(std::string_view address) noexcept {
    const std::size_t colon = address.rfind(':');
    if (colon == std::string_view::npos || !is_port(address.substr(colon + 1))) return address;
    const std::string_view host = address.substr(0, colon);
    return host.size() > 2 && host.front() == '[' && host.back() == ']' ? host.substr(1, host.size() - 2) : host;
}

std::string with_port(std::string_view address, std::uint16_t port) {
    return std::string(address.substr(0, address.rfind(':') + 1)) + std::to_string(port);
}

std::string_view server_name_of(std::string_view address, AddressKind kind) noexcept {
    if (kind == AddressKind::unix_socket) return {};
    if (kind != AddressKind::service) return host_of(address);
    address.remove_prefix(std::string_view("srv:").size());
    while (address.starts_with('_') && address.find('.') != std::string_view::npos)
        address.remove_prefix(address.find('.') + 1);
    return address;
}

} // namespace gateway
