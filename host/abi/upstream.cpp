#include "abi/upstream.hpp"

#include "abi/handles.hpp"
#include "abi/status.hpp"
#include "abi/upstream_tls.hpp"
#include "connection/connection.hpp"
#include "dns/resolver.hpp"
#include "plugin/error_text.hpp"
#include "threads/drain.hpp"
#include "threads/pool.hpp"

#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

namespace gatehouse::host {

Nanoseconds deadline_of(const Connection& client, std::uint64_t milliseconds) noexcept {
    constexpr std::uint64_t most = 86'400'000;
    const Nanoseconds asked = after(monotonic_now(), std::chrono::milliseconds(std::min(milliseconds, most)));
    return std::min({asked, facilities_of(client).drain.deadline(), client.lifetime});
}

namespace {

// Waits until the connection stands; 0 or an errno.
int await_connection(int fd, Nanoseconds deadline) {
    pollfd waiting{fd, POLLOUT, 0};
    // On loopback the connection usually stands already; then the pool need not know that this thread waits.
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
        ::setsockopt(fd.get(), SOL_SOCKET, SO_OOBINLINE, &on, sizeof on); // urgent data is data like all other
    }
    if (::connect(fd.get(), address.get(), address.size) != 0) {
        if (errno != EINPROGRESS) return errno;
        if (const int error = await_connection(fd.get(), deadline); error != 0) return error;
    }
    if (is_connected_to_itself(fd.get(), address)) {
        const linger none{1, 0}; // no TIME_WAIT: the server may want to come back on this port
        ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &none, sizeof none);
        return ECONNREFUSED;
    }
    result = std::move(fd);
    return 0;
}

// The addresses behind a name. A failure is recorded as the error text.
gatehouse_status find(const Connection& client, const std::string& name, Nanoseconds deadline,
                      std::vector<SocketAddress>& candidates) {
    std::string error;
    gatehouse_status status = GATEHOUSE_INVALID;
    if (const std::optional<Address> address = parse_address(name, error))
        status = status_of(facilities_of(client).resolver.resolve(*address, deadline, candidates, error));
    if (status != GATEHOUSE_OK) set_error_text("upstream " + name + ": " + error);
    return status;
}

gatehouse_status no_memory() noexcept {
    set_error_text("no memory for an upstream connection");
    return GATEHOUSE_EXHAUSTED;
}

gatehouse_status no_client() noexcept {
    set_error_text("connect() and resolve() take a client's connection, not an upstream's");
    return GATEHOUSE_UNSUPPORTED;
}

gatehouse_status connect(gatehouse_conn* conn, gatehouse_str text, std::uint64_t milliseconds,
                         gatehouse_conn** upstream) noexcept {
    if (conn->connection == nullptr) return no_client();
    Connection& client = *conn->connection;
    client.upstream_failed = true; // until one stands
    try {
        const Nanoseconds deadline = deadline_of(client, milliseconds);
        const std::string name(text.data, text.size);
        std::string error;
        std::vector<SocketAddress> candidates;
        if (const gatehouse_status status = find(client, name, deadline, candidates); status != GATEHOUSE_OK) return status;
        int failure = 0;
        for (const SocketAddress& candidate : candidates) {
            Descriptor fd;
            failure = connect_to(candidate, deadline, fd);
            if (failure != 0) {
                error = to_string(candidate) + ": " + std::strerror(failure);
                continue;
            }
            auto connection = std::make_unique<UpstreamConnection>(facilities_of(client).drain);
            connection->remember(candidate);
            connection->fd = fd.release();
            connection->idle = client.idle;
            connection->lifetime = client.lifetime;
            client.upstream_failed = false;
            *upstream = connection.release();
            return GATEHOUSE_OK;
        }
        set_error_text("upstream " + (error.starts_with(name) ? error : name + " (" + error + ")"));
        return status_of_errno(failure);
    } catch (const std::bad_alloc&) {
        return no_memory();
    }
}

gatehouse_status resolve(gatehouse_conn* conn, gatehouse_str text, std::uint64_t milliseconds,
                         void (*found)(void* data, gatehouse_str address) noexcept, void* data) noexcept {
    if (conn->connection == nullptr) return no_client();
    const Connection& client = *conn->connection;
    try {
        std::vector<SocketAddress> candidates;
        const gatehouse_status status =
            find(client, std::string(text.data, text.size), deadline_of(client, milliseconds), candidates);
        for (const SocketAddress& candidate : candidates) {
            const std::string address = to_string(candidate);
            found(data, {address.data(), address.size()});
        }
        return status;
    } catch (const std::bad_alloc&) {
        return no_memory();
    }
}

bool is_upstream(const gatehouse_conn* conn) noexcept { return conn != nullptr && conn->connection == nullptr; }

void close(gatehouse_conn* upstream) noexcept {
    if (is_upstream(upstream)) delete static_cast<UpstreamConnection*>(upstream);
}

gatehouse_status relay(gatehouse_conn* conn, gatehouse_conn* upstream, std::uint64_t idle_milliseconds) noexcept {
    if (is_upstream(conn) || !is_upstream(upstream)) return GATEHOUSE_INVALID;
    Connection& client = *conn->connection;
    UpstreamConnection* const before = std::exchange(client.relay_to, static_cast<UpstreamConnection*>(upstream));
    if (before != upstream) delete before;
    constexpr std::uint64_t most = 1000ULL * 86'400 * 365;
    client.relay_idle = after(0, std::chrono::milliseconds(std::min(idle_milliseconds, most)));
    return GATEHOUSE_OK;
}

gatehouse_status cut(gatehouse_instance* instance, std::uint64_t id) noexcept {
    return instance->facilities.cut(*instance->plugin, id);
}

} // namespace

const gatehouse_upstream_v1 upstream_table{connect, close, relay, resolve, cut, tls_client, start_tls};

} // namespace gatehouse::host
