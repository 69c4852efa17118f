#include "gate.hpp"

#include "../http/grammar.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>

namespace admin {
namespace {

// Without its port, and without the brackets of an IPv6 address.
std::string_view host_of(std::string_view authority) noexcept {
    if (authority.starts_with('[')) {
        const std::size_t end = authority.find(']');
        return end == authority.npos ? "" : authority.substr(1, end - 1);
    }
    return authority.substr(0, authority.find(':'));
}

bool is_ip(std::string_view host) noexcept {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (host.size() >= text.size()) return false;
    std::copy(host.begin(), host.end(), text.begin());
    in6_addr address{};
    return ::inet_pton(AF_INET, text.data(), &address) == 1 || ::inet_pton(AF_INET6, text.data(), &address) == 1;
}

} // namespace

bool is_local(std::span<const std::byte> peer) noexcept {
    sockaddr_storage address{};
    if (peer.size() > sizeof address || peer.size() < sizeof address.ss_family) return false;
    std::memcpy(&address, peer.data(), peer.size());
    constexpr unsigned loopback = 127; // 127.0.0.0/8
    if (address.ss_family == AF_UNIX) return true;
    if (address.ss_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &address, sizeof in);
        return ntohl(in.sin_addr.s_addr) >> 24U == loopback;
    }
    if (address.ss_family != AF_INET6) return false;
    sockaddr_in6 in6{};
    std::memcpy(&in6, &address, sizeof in6);
    return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr) ||
           (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr) && in6.sin6_addr.s6_addr[12] == loopback);
}

bool is_own_host(std::string_view authority, std::span<const std::string> names) noexcept {
    const std::string_view host = host_of(authority);
    if (is_ip(host) || http::equals_ignoring_case(host, "localhost")) return true;
    return std::any_of(names.begin(), names.end(), [&](const auto& name) { return http::equals_ignoring_case(host, name); });
}

bool is_same_origin(std::string_view origin, std::string_view host) noexcept {
    for (const std::string_view scheme : {"http://", "https://"})
        if (origin.starts_with(scheme)) return http::equals_ignoring_case(origin.substr(scheme.size()), host);
    return false;
}

bool has_token(std::string_view authorization, std::string_view token) noexcept {
    constexpr std::string_view scheme = "Bearer ";
    if (token.empty() || authorization.size() <= scheme.size()) return false;
    if (!http::equals_ignoring_case(authorization.substr(0, scheme.size()), scheme)) return false;
    const std::string_view given = authorization.substr(scheme.size());
    unsigned differences = given.size() == token.size() ? 0 : 1;
    for (std::size_t i = 0; i < given.size(); ++i)
        differences |=
            static_cast<unsigned char>(given[i]) ^ static_cast<unsigned>(static_cast<unsigned char>(token[i % token.size()]));
    return differences == 0;
}

} // namespace admin
