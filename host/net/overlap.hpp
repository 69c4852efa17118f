// Which listening sockets exclude each other.
#pragma once

#include "net/address.hpp"

namespace gatehouse::host {

// Whether sockets that listen at both would take clients from each other, so that the kernel refuses the second: the same
// address, or one that is part of the other. An IPv6 socket that is not for IPv6 alone takes IPv4 clients as well.
bool overlap(const SocketAddress& one, bool one_ipv6_only, const SocketAddress& two, bool two_ipv6_only) noexcept;

} // namespace gatehouse::host
