// The accepting half of a service. The listening socket is watched one event at a time, so one thread accepts at a time and
// connections are taken in order of their arrival.
#include "serving/service.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace gatehouse::host {
namespace {

constexpr std::uint32_t listen_events = EPOLLIN | EPOLLONESHOT;
constexpr int accept_batch = 64;
constexpr Nanoseconds shortage_pause = 100'000'000;
constexpr Nanoseconds shortage_patience = 1'000'000'000; // then newcomers are refused instead of kept waiting
constexpr Nanoseconds broken_pause = 1'000'000'000;

} // namespace

void Service::start() {
    if (!pool_.watch(listener_.descriptor(), listen_events, listen_token_))
        throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

void Service::listen_again() noexcept {
    listen_again_at_.store(never);
    if (listening_.load() && !pool_.rearm(listener_.descriptor(), listen_events, listen_token_))
        listen_later(monotonic_now() + shortage_pause); // no memory: a listener that nobody watches would be deaf for ever
}

void Service::listen_later(Nanoseconds when) noexcept {
    listen_again_at_.store(when);
    commons_.alarm.wake_by(when);
}

// At max_connections the listening socket is left alone: newcomers stay in the accept queue until somebody leaves.
bool Service::full() noexcept {
    if (open_.load() < config_.max_connections || config_.when_full == WhenFull::refuse) return false;
    full_.store(true);
    // Somebody may have left in between, without having seen the mark: then it is taken back, by one of the two.
    return open_.load() >= config_.max_connections || !full_.exchange(false);
}

void Service::accept_ready() noexcept {
    // A plugin that waits for the client's first bytes costs nothing yet, so several connections are taken at once. One that
    // speaks first needs this thread, so the next connection is left for the next thread.
    const bool one = stages_.empty() && plugin_->server_first();
    for (int i = 0; i < accept_batch; ++i) {
        if (full()) return;
        SocketAddress peer;
        const int fd = listener_.accept(peer);
        if (fd < 0) {
            if (errno == EAGAIN) break;
            if (accept_failed(errno)) continue;
            return;
        }
        accepted_.fetch_add(1, std::memory_order_relaxed);
        if (shortage_.load(std::memory_order_relaxed) && shortage_.exchange(false)) {
            const std::lock_guard lock(shortage_mutex_);
            shortage_since_ = 0;
            commons_.log.info("accepting again", {{"listener", config_.name}});
        }
        if (one) listen_again();
        if (Connection* connection = welcome(fd, peer)) {
            if (one)
                serve(*connection);
            else
                receive(*connection);
        }
        if (one) return;
    }
    listen_again();
}

// Lets a newcomer rest until it says something, unless it is to be served at once.
void Service::receive(Connection& connection) noexcept {
    const bool staging = connection.phase == Connection::Phase::staging;
    const bool at_once = connection.phase == Connection::Phase::serving || (staging && stages_[connection.stage]->at_once());
    if (at_once || (staging ? !rest(connection, false) : !park(connection))) pool_.post(connection.id);
}

// Why a connection must not come, if so. Otherwise it counts for its source and, unless routes are to find out which that is,
// for its plugin.
std::optional<Reason> Service::admit(const SocketAddress& address, Nanoseconds now, std::uint32_t& source) noexcept {
    if (const std::optional<Reason> reason = access_.admit(address, now, source)) return reason;
    if (detects_ || plugin_->enter()) return std::nullopt;
    access_.leave(source);
    return Reason::over_limit;
}

// Makes a connection of an accepted descriptor; null if it had to be refused.
Connection* Service::welcome(int fd, const SocketAddress& peer) noexcept {
    const Nanoseconds now = monotonic_now();
    std::uint32_t source = 0;
    const bool for_another = proxies_ != nullptr && proxies_->lists(peer); // for whom, its header will say
    if (!for_another) {
        if (const std::optional<Reason> reason = admit(peer, now, source)) {
            refuse(fd, peer, *reason);
            return nullptr;
        }
    }
    Connection* connection = nullptr;
    if (open_.fetch_add(1) < config_.max_connections) connection = connections_.take();
    if (connection == nullptr) {
        const bool over_limit = open_.fetch_sub(1) > config_.max_connections;
        if (full_.load() && full_.exchange(false)) listen_again(); // another thread may have counted this one
        if (!for_another) access_.leave(source);
        if (!for_another && !detects_) plugin_->leave();
        refuse(fd, peer, over_limit ? Reason::over_limit : Reason::host_out_of_memory);
        return nullptr;
    }
    if (commons_.log.enabled(LogLevel::debug))
        commons_.log.debug("accept", {{"listener", config_.name}, {"peer", to_string(peer)}, {"fd", fd}});
    connection->open(fd);
    connection->accepted = now;
    connection->source = source;
    connection->admitted = !for_another;
    connection->entered = !for_another && !detects_;
    connection->idle = after(0, config_.idle_timeout);
    connection->set_rate(config_.min_rate, config_.min_rate_window);
    connection->lifetime = after(connection->accepted, config_.lifetime);
    connection->set_peer(peer);
    connection->state = nullptr;
    connection->why = GATEHOUSE_EVENT_OPEN;
    connection->watched = connection->one_shot = connection->deaf = connection->watched_deaf = connection->hangup = false;
    connection->stop_told = connection->upstream_failed = connection->heard = connection->stage_expired = false;
    connection->for_room = false;
    connection->tls_server = nullptr;
    connection->plugin.store(plugin_, std::memory_order_relaxed);
    connection->lingered = 0;
    connection->relay_idle = never;
    enter_stage(*connection, 0, connection->accepted);
    return connection;
}

// Whoever is in the accept queue has been promised a connection by the kernel.
void Service::stop_listening() noexcept {
    listening_.store(false);
    pool_.forget(listener_.descriptor());
    SocketAddress peer;
    for (int i = 0; i < config_.backlog; ++i) {
        const int fd = listener_.accept(peer);
        if (fd < 0) break;
        accepted_.fetch_add(1, std::memory_order_relaxed);
        if (Connection* connection = welcome(fd, peer)) receive(*connection);
    }
    listener_.close();
}

void Service::refuse(int fd, const SocketAddress& peer, Reason reason) noexcept {
    ::close(fd);
    ledger_.count(reason);
    if (commons_.access_log) log_access(peer, reason, nullptr);
}

// True: go on with the next connection. False: the listening socket is watched again later, or never.
bool Service::accept_failed(int error) noexcept {
    if (static_cast<std::size_t>(error) < accept_errors_.size())
        accept_errors_[static_cast<std::size_t>(error)].fetch_add(1, std::memory_order_relaxed);
    switch (error) {
    case EMFILE:  // this process has too many descriptors
    case ENFILE:  // the machine has
    case ENOBUFS: // no memory for sockets
    case ENOMEM:
        out_of_resources(error);
        return false;
    case EINTR:
    case ECONNABORTED: // the client has gone already
    // Linux passes errors of the new connection on, and asks to treat them like EAGAIN (accept(2)).
    case EPROTO:
    case EPERM: // a firewall rule forbids it
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
        return true;
    default:
        if (!listening_.load()) return false; // the socket has been shut down
        commons_.log.error("accept failed; trying again in a second",
                           {{"listener", config_.name}, {"error", std::strerror(error)}});
        listen_later(monotonic_now() + broken_pause);
        return false;
    }
}

// The newcomers wait for what may become free soon. After a second the first in the queue is refused each time, for which one
// descriptor was kept: being told beats waiting for nothing.
void Service::out_of_resources(int error) noexcept {
    const Nanoseconds now = monotonic_now();
    {
        const std::lock_guard lock(shortage_mutex_);
        if (shortage_since_ == 0) {
            shortage_since_ = now;
            shortage_.store(true);
            commons_.log.error("cannot accept; newcomers wait",
                               {{"listener", config_.name},
                                {"error", std::strerror(error)},
                                {"advice", error == EMFILE ? "raise the limit on open files (ulimit -n, LimitNOFILE=)"
                                                           : "the machine is short of memory or descriptors"}});
        } else if (now - shortage_since_ >= shortage_patience) {
            spare_.reset();
            SocketAddress peer;
            if (const int fd = listener_.accept(peer); fd >= 0) {
                accepted_.fetch_add(1, std::memory_order_relaxed);
                refuse(fd, peer, error == EMFILE || error == ENFILE ? Reason::host_out_of_fds : Reason::host_out_of_memory);
            }
            spare_ = Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        }
    }
    listen_later(now + shortage_pause);
}

} // namespace gatehouse::host
