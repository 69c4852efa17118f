#include "connection/connect.hpp"

#include "base/socket.hpp"
#include "threads/wait.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace gatehouse::host {
namespace {

// Waits until the connection stands; 0 or an errno.
int await_connection(int fd, Nanoseconds deadline, const Drain& drain) noexcept {
    std::array<pollfd, 1> item{{{fd, POLLOUT, 0}}};
    if (!ready_now(item)) { // on loopback the connection usually stands already
        const Waited waited = wait(item, deadline, drain, OnDrain::go_on);
        if (waited == Waited::failed) return errno;
        if (waited != Waited::ready) return ETIMEDOUT;
    }
    return (item[0].revents & (POLLERR | POLLHUP)) == 0 ? 0 : connect_outcome(fd);
}

} // namespace

// The error can be asked for once, so bytes are looked for first: after the error, the end of what has been said would look
// orderly.
int connect_outcome(int fd) noexcept {
    char first = 0;
    const ssize_t said = receive_now(fd, &first, 1, MSG_PEEK, true); // it may be urgent data
    if (said > 0) return 0;
    if (said < 0 && errno != EAGAIN && errno != ENOTCONN) return errno;
    int error = 0;
    socklen_t size = sizeof error;
    return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 ? errno : error;
}

int connect_to(const SocketAddress& address, const Keepalive& keepalive, Nanoseconds deadline, const Drain& drain,
               Descriptor& socket) noexcept {
    Descriptor fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return errno;
    if (address.storage.ss_family != AF_UNIX) {
        const int on = 1;
        ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ::setsockopt(fd.get(), SOL_SOCKET, SO_OOBINLINE, &on, sizeof on); // urgent data is data like all other
        set_keepalive(fd.get(), keepalive);
    }
    if (::connect(fd.get(), address.get(), address.size) != 0) {
        if (errno != EINPROGRESS) return errno;
        if (const int error = await_connection(fd.get(), deadline, drain); error != 0) return error;
    }
    if (is_connected_to_itself(fd.get(), address)) {
        reset_on_close(fd.get()); // the server may want to come back on this port
        return ECONNREFUSED;
    }
    socket = std::move(fd);
    return 0;
}

std::optional<Handshake> try_handshake(TlsSession& session, std::string_view& why) noexcept {
    switch (session.handshake()) {
    case TlsSession::Outcome::done:
        return Handshake::done;
    case TlsSession::Outcome::want_read:
    case TlsSession::Outcome::want_write:
        return std::nullopt;
    case TlsSession::Outcome::end:
    case TlsSession::Outcome::cut:
        why = "the server has closed the connection during the handshake";
        return Handshake::reset;
    case TlsSession::Outcome::reset:
        why = session.error() == ECONNRESET ? "the server has reset the connection during the handshake"
                                            : ::strerrordesc_np(session.error());
        return session.error() == ENOMEM || session.error() == ENOBUFS ? Handshake::no_memory : Handshake::reset;
    case TlsSession::Outcome::failed:
        break;
    }
    why = session.words();
    return Handshake::failed;
}

Handshake shake_hands(TlsSession& session, int fd, Nanoseconds deadline, const Drain& drain, std::string_view& why) noexcept {
    for (;;) {
        if (const std::optional<Handshake> outcome = try_handshake(session, why)) return *outcome;
        std::array<pollfd, 1> item{{{fd, static_cast<short>(session.wants_write() ? POLLOUT : POLLIN), 0}}};
        const Waited waited = wait(item, deadline, drain, OnDrain::go_on);
        if (waited == Waited::failed) {
            why = ::strerrordesc_np(errno);
            return Handshake::no_memory; // the only reason for which poll() may fail here
        }
        if (waited != Waited::ready) {
            why = "the handshake took too long";
            return Handshake::timeout;
        }
    }
}

} // namespace gatehouse::host
