// The connections that a plugin serves, and the connections that it makes.
#ifndef GATEHOUSE_CONNECTION_HPP
#define GATEHOUSE_CONNECTION_HPP

#include "gatehouse.h"
#include "init.hpp"
#include "status.hpp"
#include "value.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse {

// One end of a byte stream: what a client connection and an upstream connection have in common. [conn]
class ByteStream {
  public:
    // Waits for the first byte, reads what has arrived into `buffer`, and returns the part that it has filled.
    Result<std::span<std::byte>> read(std::span<std::byte> buffer) noexcept {
        std::size_t size = 0;
        if (Status status = host_->table->read(conn_, buffer.data(), buffer.size(), &size); !status) return status;
        return buffer.first(size);
    }
    Result<std::string_view> read(std::span<char> buffer) noexcept {
        std::size_t size = 0;
        if (Status status = host_->table->read(conn_, buffer.data(), buffer.size(), &size); !status) return status;
        return std::string_view(buffer.data(), size);
    }

    // Writes everything or fails.
    Status write(std::span<const gatehouse_bytes> parts) noexcept {
        return host_->table->write(conn_, parts.data(), parts.size());
    }
    Status write(std::initializer_list<std::string_view> parts) {
        std::vector<gatehouse_bytes> list;
        list.reserve(parts.size());
        for (std::string_view part : parts) list.push_back({part.data(), part.size()});
        return write(list);
    }
    Status write(std::span<const std::byte> bytes) noexcept {
        const gatehouse_bytes part{bytes.data(), bytes.size()};
        return host_->table->write(conn_, &part, 1);
    }
    Status write(std::string_view text) noexcept { return write(std::as_bytes(std::span(text))); }

    // The same without waiting: Status::again where read() would wait, or where there is no room.
    Result<std::span<std::byte>> read_now(std::span<std::byte> buffer) noexcept {
        std::size_t size = 0;
        if (Status status = host_->table->read_now(conn_, buffer.data(), buffer.size(), &size); !status) return status;
        return buffer.first(size);
    }
    Result<std::string_view> read_now(std::span<char> buffer) noexcept {
        std::size_t size = 0;
        if (Status status = host_->table->read_now(conn_, buffer.data(), buffer.size(), &size); !status) return status;
        return std::string_view(buffer.data(), size);
    }
    // How many bytes the host has taken, which may be less than all.
    Result<std::size_t> write_now(std::span<const gatehouse_bytes> parts) noexcept {
        std::size_t written = 0;
        if (Status status = host_->table->write_now(conn_, parts.data(), parts.size(), &written); !status) return status;
        return written;
    }
    Result<std::size_t> write_now(std::string_view text) noexcept {
        const gatehouse_bytes part{text.data(), text.size()};
        return write_now(std::span(&part, 1));
    }

    // Hands output over, which the host then sends without a thread: the bytes that it has left, after which comes Event::sent.
    Result<std::uint64_t> send(std::span<const gatehouse_bytes> parts, int fd = -1, std::uint64_t offset = 0,
                               std::uint64_t length = 0) noexcept {
        std::uint64_t left = 0;
        if (Status status = host_->table->send(conn_, parts.data(), parts.size(), fd, offset, length, &left); !status)
            return status;
        return left;
    }
    Result<std::uint64_t> send(std::string_view text) noexcept {
        const gatehouse_bytes part{text.data(), text.size()};
        return send(std::span(&part, 1));
    }

    Status finish() noexcept { return host_->table->finish(conn_); }
    void set_deadline(std::chrono::milliseconds from_now) noexcept {
        // Zero means "no deadline" in the ABI, so a deadline that has already passed becomes the shortest one.
        host_->table->set_deadline(conn_, std::max<std::uint64_t>(1, detail::milliseconds(from_now)));
    }
    void clear_deadline() noexcept { host_->table->set_deadline(conn_, 0); }

    // A fact about the connection, or an empty text if the host does not know it; valid until serve() returns.
    std::string_view fact(gatehouse_fact which) const noexcept {
        gatehouse_str value{};
        return host_->table->fact(conn_, which, &value) == GATEHOUSE_OK ? detail::view(value) : std::string_view();
    }
    std::string_view peer() const noexcept { return fact(GATEHOUSE_FACT_PEER); }
    std::string_view local() const noexcept { return fact(GATEHOUSE_FACT_LOCAL); }

    gatehouse_conn* handle() const noexcept { return conn_; }

  protected:
    ByteStream(const detail::Host* host, gatehouse_conn* conn) noexcept : host_(host), conn_(conn) {}

    const detail::Host* host_;
    gatehouse_conn* conn_;
};

// An outbound connection. The destructor closes it, unless the plugin has handed it to relay().
class Upstream : public ByteStream {
  public:
    Upstream(const detail::Host* host, gatehouse_conn* conn) noexcept : ByteStream(host, conn) {}
    Upstream(Upstream&& other) noexcept : ByteStream(other.host_, other.release()) {}
    Upstream& operator=(Upstream&& other) noexcept {
        std::swap(host_, other.host_);
        std::swap(conn_, other.conn_);
        return *this;
    }
    ~Upstream() {
        if (conn_ != nullptr) host_->upstream->close(conn_);
    }
    gatehouse_conn* release() noexcept { return std::exchange(conn_, nullptr); }
};

// The client's connection.
class Connection : public ByteStream {
  public:
    Connection(const detail::Host* host, gatehouse_conn* conn) noexcept : ByteStream(host, conn) {}

    // True once the host drains: for a dialogue that only writes, and so does not learn it from read().
    bool stopping() const noexcept { return host_->table->stopping(host_->instance) != 0; }

    Event event() const noexcept { return static_cast<Event>(host_->table->event(conn_)); }
    std::uint64_t id() const noexcept { return host_->table->id(conn_); }
    std::string_view listener() const noexcept { return fact(GATEHOUSE_FACT_LISTENER); }

    // The name that the client asked for with TLS, in small letters if a route has looked at it; and what the route's map says
    // of it. Empty: there is none.
    std::string_view server_name() const noexcept { return fact(GATEHOUSE_FACT_SERVER_NAME); }
    std::string_view route_value() const noexcept { return fact(GATEHOUSE_FACT_ROUTE_VALUE); }

    // The addresses as a struct sockaddr with its size; empty if the host does not know them.
    std::span<const std::byte> peer_sockaddr() const noexcept { return bytes(GATEHOUSE_FACT_PEER_SOCKADDR); }
    std::span<const std::byte> local_sockaddr() const noexcept { return bytes(GATEHOUSE_FACT_LOCAL_SOCKADDR); }
    // Who has connected to a unix socket; null for another one. Valid until serve() returns.
    const gatehouse_credentials* credentials() const noexcept {
        return reinterpret_cast<const gatehouse_credentials*>(bytes(GATEHOUSE_FACT_CREDENTIALS).data());
    }

    // Whom the plugin has authenticated: for the access log, as `user`. At most 255 bytes; empty: nobody.
    Status set_user(std::string_view name) noexcept {
        return host_->table->set_fact(conn_, GATEHOUSE_FACT_USER, detail::str(name));
    }
    std::string_view user() const noexcept { return fact(GATEHOUSE_FACT_USER); }
    // Why there is no upstream, before Next::no_upstream; see GATEHOUSE_FACT_CAUSE.
    Status set_cause(std::string_view cause) noexcept {
        return host_->table->set_fact(conn_, GATEHOUSE_FACT_CAUSE, detail::str(cause));
    }

    // One line of the log, with the connection's id.
    void log(gatehouse_level level, std::string_view text, std::initializer_list<Field> fields = {}) noexcept {
        host_->log(conn_, level, text, fields);
    }

    // Explains a failure, before serve() returns Next::error or Next::no_upstream.
    void set_error(std::string_view text) noexcept { host_->table->set_error(host_->instance, conn_, detail::str(text)); }

    // Writes the parts and then `length` bytes of the file from `offset`; see ext/sendfile.h.
    Status send_file(std::span<const gatehouse_bytes> parts, int fd, std::uint64_t offset, std::uint64_t length) noexcept {
        if (host_->sendfile == nullptr) return GATEHOUSE_UNSUPPORTED;
        return host_->sendfile->send(conn_, parts.data(), parts.size(), fd, offset, length);
    }

    // Connects to a server; see gatehouse_connect_request in ext/upstream.h.
    struct Server {
        std::string_view address; // "host:port", "[v6]:port" or "unix:/path"
        std::chrono::milliseconds within{0};
        // NOLINTBEGIN(readability-redundant-member-init): without {}, g++ warns of callers that leave it out
        std::string_view source{};
        std::string_view preface{};
        const gatehouse_tls_client* tls = nullptr;
        std::string_view server_name{};
        gatehouse_pool* pool = nullptr; // see Init::pool()
        std::string_view key{};
        // NOLINTEND(readability-redundant-member-init)
    };
    Result<Upstream> connect(const Server& server) noexcept {
        if (host_->upstream == nullptr) return Status(GATEHOUSE_UNSUPPORTED);
        const gatehouse_connect_request request = request_for(server);
        gatehouse_conn* upstream = nullptr;
        if (Status status = host_->upstream->connect(conn_, &request, &upstream); !status) return status;
        return Upstream(host_, upstream);
    }
    Result<Upstream> connect(std::string_view address, std::chrono::milliseconds within) noexcept {
        return connect({.address = address, .within = within});
    }

    // The same without waiting. Status::again: it has been begun, and outcome() tells what has come of it; Event::ready, that
    // it is over. `upstream` is set then, and if the connection stands already.
    Status connect_now(const Server& server, std::optional<Upstream>& upstream) noexcept {
        if (host_->upstream == nullptr) return GATEHOUSE_UNSUPPORTED;
        const gatehouse_connect_request request = request_for(server);
        gatehouse_conn* made = nullptr;
        const Status status = host_->upstream->connect_now(conn_, &request, &made);
        if (made != nullptr) upstream.emplace(host_, made);
        return status;
    }
    // What has come of it, or of start_tls_now(); `why` in words, as long as `upstream` lives.
    Status outcome(const Upstream& upstream, std::string_view& why) noexcept {
        gatehouse_str text{};
        const Status status = host_->upstream->outcome(conn_, upstream.handle(), &text);
        why = detail::view(text);
        return status;
    }

    // A connection that an earlier client has left in server.pool; Status::not_found: none. And leaves one there for the next,
    // or closes it. See ext/pool.h.
    Result<Upstream> take(const Server& server) noexcept {
        if (host_->pool == nullptr) return Status(GATEHOUSE_UNSUPPORTED);
        const gatehouse_connect_request request = request_for(server);
        gatehouse_conn* upstream = nullptr;
        if (Status status = host_->pool->take(conn_, &request, &upstream); !status) return status;
        return Upstream(host_, upstream);
    }
    Status keep(Upstream upstream) noexcept {
        if (host_->pool == nullptr) return GATEHOUSE_UNSUPPORTED;
        return host_->pool->keep(conn_, upstream.release());
    }

    // Begins TLS on a connection that connect() has made. The server's certificate has to be for `server_name`; see
    // ext/upstream.h. `why` says what failed, as long as `upstream` lives.
    Status start_tls(Upstream& upstream, const gatehouse_tls_client& client, std::string_view server_name,
                     std::chrono::milliseconds within, std::string_view& why) noexcept {
        gatehouse_str text{};
        const Status status = host_->upstream->start_tls(conn_, upstream.handle(), &client, detail::str(server_name),
                                                         detail::milliseconds(within), &text);
        why = detail::view(text);
        return status;
    }

    // The same without waiting.
    Status start_tls_now(Upstream& upstream, const gatehouse_tls_client& client, std::string_view server_name,
                         std::chrono::milliseconds within) noexcept {
        return host_->upstream->start_tls_now(conn_, upstream.handle(), &client, detail::str(server_name),
                                              detail::milliseconds(within));
    }

    // Shakes hands with a client that has asked for TLS in its protocol (STARTTLS). `unused`: how many bytes the plugin has
    // read and not used, which has to be none; see ext/tls.h. If it fails, serve() can only end.
    Status accept_tls(const gatehouse_tls_server& server, std::size_t unused) noexcept {
        return host_->tls->accept_tls(conn_, &server, unused);
    }
    // The same without waiting. Status::again: it has been begun, and outcome() tells what has come of it; Event::ready, that
    // it is over. `why` in words, until serve() returns.
    Status accept_tls_now(const gatehouse_tls_server& server, std::size_t unused) noexcept {
        return host_->tls->accept_tls_now(conn_, &server, unused);
    }
    Status outcome(std::string_view& why) noexcept {
        gatehouse_str text{};
        const Status status = host_->tls->outcome(conn_, &text);
        why = detail::view(text);
        return status;
    }

    // The addresses of "host:port" as connect() takes them, in the order in which it would try them; see ext/upstream.h.
    Result<std::vector<std::string>> resolve(std::string_view address, std::chrono::milliseconds within) {
        if (host_->upstream == nullptr) return Status(GATEHOUSE_UNSUPPORTED);
        std::vector<std::string> addresses;
        Status status = host_->upstream->resolve(conn_, detail::str(address), detail::milliseconds(within), append, &addresses);
        if (!status) return status;
        return addresses;
    }

    // The same without waiting: Status::again, and outcome() tells when the addresses are known.
    Status resolve_now(std::string_view address, std::chrono::milliseconds within, std::optional<Upstream>& lookup) noexcept {
        if (host_->upstream == nullptr) return GATEHOUSE_UNSUPPORTED;
        gatehouse_conn* made = nullptr;
        const Status status = host_->upstream->resolve_now(conn_, detail::str(address), detail::milliseconds(within), &made);
        if (made != nullptr) lookup.emplace(host_, made);
        return status;
    }
    std::vector<std::string> addresses(const Upstream& lookup) {
        std::vector<std::string> addresses;
        host_->upstream->addresses(conn_, lookup.handle(), append, &addresses);
        return addresses;
    }

    // Hands both connections to the host's relay engine; serve() returns the result. An idle time of zero is the listener's.
    Next relay(Upstream upstream, std::chrono::milliseconds idle = {}) noexcept {
        const Status status = host_->upstream->relay(conn_, upstream.release(), detail::milliseconds(idle));
        return status ? Next::relay : Next::error;
    }

    // Makes the host carry so many bytes from one stream of this client to another while it is parked; Event::relayed tells
    // that it is over, and relayed() how. `until_news`: something from `to` ends it. See ext/upstream.h.
    Status relay_some(const ByteStream& from, const ByteStream& to, std::uint64_t bytes, bool until_news = false) noexcept {
        if (host_->upstream == nullptr) return GATEHOUSE_UNSUPPORTED;
        return host_->upstream->relay_some(conn_, from.handle(), to.handle(), bytes,
                                           until_news ? std::uint32_t{GATEHOUSE_RELAY_UNTIL_NEWS} : 0U);
    }
    struct Relayed {
        Status status;
        std::uint64_t bytes;    // that were read from `from`
        gatehouse_conn* failed; // the side that is broken, or null
    };
    Relayed relayed() noexcept {
        Relayed relayed{GATEHOUSE_UNSUPPORTED, 0, nullptr};
        if (host_->upstream != nullptr) relayed.status = host_->upstream->relayed(conn_, &relayed.bytes, &relayed.failed);
        return relayed;
    }

    // What brings this connection back once it is parked: bytes of, or room for, itself or an upstream that it has made.
    Status watch(const ByteStream& stream, Ready wanted) noexcept {
        return host_->table->watch(conn_, stream.handle(), static_cast<std::uint32_t>(wanted));
    }
    // Keeps the thread until something would bring a parked connection back; then event() and news() say what. Status::again:
    // the time is over. Status::reset: the connection ends, and serve() should return.
    Status wait() noexcept { return host_->table->wait(conn_, std::numeric_limits<std::uint64_t>::max()); }
    Status wait(std::chrono::milliseconds at_most) noexcept {
        return host_->table->wait(conn_, static_cast<std::uint64_t>(std::max<std::int64_t>(at_most.count(), 0)));
    }
    // Which of the watched streams have it: the first of them, as many as there is room for.
    std::span<gatehouse_news> news(std::span<gatehouse_news> room) noexcept {
        const std::size_t count = host_->table->news(conn_, room.data(), room.size(), sizeof(gatehouse_news));
        return room.first(std::min(count, room.size()));
    }

    gatehouse_instance* instance() const noexcept { return host_->instance; }
    void* state() const noexcept { return host_->table->state(conn_); }
    void set_state(void* state) noexcept { host_->table->set_state(conn_, state); }

  private:
    std::span<const std::byte> bytes(gatehouse_fact which) const noexcept {
        return std::as_bytes(std::span<const char>(fact(which)));
    }

    static void append(void* list, gatehouse_str text) noexcept {
        static_cast<std::vector<std::string>*>(list)->emplace_back(detail::view(text));
    }

    static gatehouse_connect_request request_for(const Server& server) noexcept {
        gatehouse_connect_request request{};
        request.size = sizeof request;
        request.address = detail::str(server.address);
        request.milliseconds = detail::milliseconds(server.within);
        request.source = detail::str(server.source);
        request.preface = detail::str(server.preface);
        request.tls = server.tls;
        request.server_name = detail::str(server.server_name);
        request.pool = server.pool;
        request.key = detail::str(server.key);
        return request;
    }
};

// Of <gatehouse/task.hpp>, for plugins whose serve() is a coroutine.
class Stream;
template <class T = void>
class Task;
namespace detail {
template <class T>
class TaskRun;
}

} // namespace gatehouse

#endif
