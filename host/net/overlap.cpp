#include "net/overlap.hpp"

#include <cstring>
#include <netinet/in.h>

namespace gatehouse::host {
namespace {

// The clients that a socket takes: of which families, and at which of their addresses.
struct Reach {
    in_port_t port = 0;
    bool v4 = false;
    bool v6 = false;
    in_addr at_v4{};                     // zeros: at each
    const sockaddr_in6* at_v6 = nullptr; // null: at each
};

Reach reach_of(const SocketAddress& address, bool ipv6_only) noexcept {
    Reach reach;
    if (address.storage.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
        reach.port = v4.sin_port;
        reach.v4 = true;
        reach.at_v4 = v4.sin_addr;
    } else if (address.storage.ss_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
        const bool mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
        const bool any = IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr);
        reach.port = v6.sin6_port;
        reach.v4 = mapped || (any && !ipv6_only);
        reach.v6 = !mapped;
        if (mapped) std::memcpy(&reach.at_v4, v6.sin6_addr.s6_addr + 12, sizeof reach.at_v4);
        if (!mapped && !any) reach.at_v6 = &v6;
    }
    return reach;
}

bool same(const sockaddr_in6& one, const sockaddr_in6& two) noexcept {
    return std::memcmp(&one.sin6_addr, &two.sin6_addr, sizeof one.sin6_addr) == 0 && one.sin6_scope_id == two.sin6_scope_id;
}

} // namespace

bool overlap(const SocketAddress& one, bool one_ipv6_only, const SocketAddress& two, bool two_ipv6_only) noexcept {
    if (one.storage.ss_family == AF_UNIX || two.storage.ss_family == AF_UNIX)
        return one.size == two.size && std::memcmp(&one.storage, &two.storage, one.size) == 0;
    const Reach a = reach_of(one, one_ipv6_only);
    const Reach b = reach_of(two, two_ipv6_only);
    if (a.port != b.port || a.port == 0) return false;
    const bool at_v4 = a.at_v4.s_addr == 0 || b.at_v4.s_addr == 0 || a.at_v4.s_addr == b.at_v4.s_addr;
    const bool at_v6 = a.at_v6 == nullptr || b.at_v6 == nullptr || same(*a.at_v6, *b.at_v6);
    return (a.v4 && b.v4 && at_v4) || (a.v6 && b.v6 && at_v6);
}

} // namespace gatehouse::host
