#include "connection/connect_failure.hpp"

#include "base/descriptor.hpp"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace gatehouse::host {
namespace {

// connect() says EADDRNOTAVAIL in two cases. Either no address of this host can be the source of a packet to that server, as
// without IPv6: then the server cannot be reached from here. Or there is such an address, but each of its ports is in use
// towards that server: then this host is short of ports.
//
// A datagram socket tells them apart. Its connect() chooses the route and the source address in the same way and sends nothing.
// It says EADDRNOTAVAIL only if there is no source address: its port is one of UDP's, and if those have run out too, it says
// EAGAIN. If the question cannot even be asked, this host is short of more than ports, and the server is not to blame.
bool has_source_address(const SocketAddress& address) noexcept {
    const Descriptor datagrams(::socket(address.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return !datagrams || ::connect(datagrams.get(), address.get(), address.size) == 0 || errno != EADDRNOTAVAIL;
}

ConnectFailure no_port() noexcept {
    return {GATEHOUSE_EXHAUSTED, "every local port is in use towards this server", Cause::local, Reason::host_out_of_ports};
}

} // namespace

ConnectFailure connect_failure(int error, const SocketAddress& address) noexcept {
    const char* const why = ::strerrordesc_np(error);
    switch (error) {
    case EMFILE:
    case ENFILE:
        return {GATEHOUSE_EXHAUSTED, why, Cause::local, Reason::host_out_of_fds};
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC: // of epoll: max_user_watches
        return {GATEHOUSE_EXHAUSTED, why, Cause::local, Reason::host_out_of_memory};
    case EADDRNOTAVAIL:
        if (has_source_address(address)) return no_port();
        return {GATEHOUSE_UNREACHABLE, "this host has no address from which it could be reached", Cause::local};
    case EAGAIN:
        if (address.storage.ss_family != AF_UNIX) return no_port();
        return {GATEHOUSE_REFUSED, "its accept queue is full", Cause::refused};
    case ECONNREFUSED:
    case EACCES:
    case EPERM:
    case ENOENT: // a unix socket that is not there
        return {GATEHOUSE_REFUSED, why, Cause::refused};
    case ETIMEDOUT:
        return {GATEHOUSE_TIMEOUT, why, Cause::timeout};
    case ENETUNREACH:
    case ENETDOWN:
    case EAFNOSUPPORT: // a kernel without IPv6
        return {GATEHOUSE_UNREACHABLE, why, Cause::local};
    case EHOSTUNREACH:
    case EHOSTDOWN:
        return {GATEHOUSE_UNREACHABLE, why, Cause::refused};
    case ECONNRESET:
    case EPIPE:
        return {GATEHOUSE_RESET, why, Cause::refused};
    default:
        return {GATEHOUSE_FAILED, why != nullptr ? why : "unknown error", Cause::local};
    }
}

} // namespace gatehouse::host
