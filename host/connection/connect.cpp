#include "connection/connect.hpp"

#include "base/socket.hpp"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace gatehouse::host {
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

} // namespace gatehouse::host
