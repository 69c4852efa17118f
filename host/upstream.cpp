#include "upstream.hpp"

#include "connection.hpp"
#include "service.hpp"

#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

namespace gatehouse::host {
namespace {

gatehouse_status status_of(int error) {
    switch (error) {
    case ECONNREFUSED:
    case EACCES:
    case EPERM:
    case ENOENT:
        return GATEHOUSE_REFUSED; // ENOENT: a unix socket that is not there
    case ETIMEDOUT:
        return GATEHOUSE_TIMEOUT;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL: // no local port left
    case EAGAIN:
        return GATEHOUSE_EXHAUSTED; // EAGAIN: the backlog of a unix socket is full
    default:
        return GATEHOUSE_FAILED;
    }
}

// Waits until the connection stands; 0 or an errno.
int await_connection(int fd, Nanoseconds deadline) {
    pollfd waiting{fd, POLLOUT, 0};
    // On loopback the answer is there already, and then nobody has to be told that this thread waits.
    if (::poll(&waiting, 1, 0) == 0) {
        const Pool::Blocked blocked;
        for (;;) {
            const Nanoseconds left = deadline - monotonic_now();
            if (left <= 0) return ETIMEDOUT;
            const timespec timeout{left / 1'000'000'000, left % 1'000'000'000};
            if (::ppoll(&waiting, 1, deadline == never ? nullptr : &timeout, nullptr) > 0) break;
        }
    }
    if ((waiting.revents & (POLLERR | POLLHUP)) == 0) return 0;
    int error = 0;
    socklen_t size = sizeof error;
    return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 ? errno : error;
}

// 0 or an errno.
int connect_to(const SocketAddress& address, Nanoseconds deadline, Descriptor& result) {
    Descriptor fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return errno;
    if (address.storage.ss_family != AF_UNIX) {
        const int on = 1;
        ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (::connect(fd.get(), address.get(), address.size) != 0) {
        if (errno != EINPROGRESS) return errno;
        if (const int error = await_connection(fd.get(), deadline); error != 0) return error;
    }
    result = std::move(fd);
    return 0;
}

gatehouse_status connect(gatehouse_conn* conn, gatehouse_str text, std::uint64_t milliseconds,
                         gatehouse_conn** upstream) noexcept {
    Connection& client = *conn->connection;
    const Commons& commons = client.service.commons();
    client.upstream_failed = true; // until it has not
    try {
        const Nanoseconds now = monotonic_now();
        Nanoseconds deadline = std::min(
            after(now, std::chrono::milliseconds(std::min<std::uint64_t>(milliseconds, 86'400'000))), commons.drain.deadline());
        deadline = std::min(deadline, client.lifetime);
        const std::string name(text.data, text.size);
        std::string error;
        const std::optional<Address> address = parse_address(name, error);
        if (!address) {
            set_error_text("upstream " + name + ": " + error);
            return GATEHOUSE_INVALID;
        }
        std::vector<SocketAddress> candidates;
        if (const gatehouse_status status = commons.resolver.resolve(*address, deadline, candidates, error);
            status != GATEHOUSE_OK) {
            set_error_text("upstream " + name + ": " + error);
            return status;
        }
        int failure = 0;
        for (const SocketAddress& candidate : candidates) {
            Descriptor fd;
            failure = connect_to(candidate, deadline, fd);
            if (failure != 0) {
                error = to_string(candidate) + ": " + std::strerror(failure);
                continue;
            }
            auto connection = std::make_unique<UpstreamConnection>(commons.drain);
            connection->fd = fd.release();
            connection->idle = client.idle;
            connection->lifetime = client.lifetime;
            client.upstream_failed = false;
            *upstream = connection.release();
            return GATEHOUSE_OK;
        }
        set_error_text("upstream " + (error.starts_with(name) ? error : name + " (" + error + ")"));
        return status_of(failure);
    } catch (const std::bad_alloc&) {
        set_error_text("no memory for an upstream connection");
        return GATEHOUSE_EXHAUSTED;
    }
}

void close(gatehouse_conn* upstream) noexcept { delete static_cast<UpstreamConnection*>(upstream); }

gatehouse_status relay(gatehouse_conn* conn, gatehouse_conn* upstream, std::uint64_t idle_milliseconds) noexcept {
    Connection& client = *conn->connection;
    delete std::exchange(client.relay_to, static_cast<UpstreamConnection*>(upstream));
    constexpr std::uint64_t most = 1000ULL * 86'400 * 365;
    client.relay_idle = after(0, std::chrono::milliseconds(std::min(idle_milliseconds, most)));
    return GATEHOUSE_OK;
}

} // namespace

const gatehouse_upstream_v1 upstream_table{connect, close, relay};

} // namespace gatehouse::host
