// The end of a connection: its one reason, its last bytes, and what is written down of it.
#include "serving/service.hpp"

#include "plugin/error_text.hpp"

#include <array>
#include <cerrno>
#include <new>
#include <sys/socket.h>
#include <unistd.h>

namespace gatehouse::host {
namespace {

constexpr std::uint32_t most_lingered = 256 * 1024; // bytes thrown away before a connection is closed all the same

} // namespace

Reason Service::reason_for(const Connection& connection, gatehouse_next next) const noexcept {
    switch (next) {
    case GATEHOUSE_CLOSE:
    case GATEHOUSE_PARK:
    case GATEHOUSE_WAIT:
        if (connection.ended) return *connection.ended;
        if (connection.deadline_hit) return Reason::deadline;
        return connection.at_end ? Reason::peer_closed : Reason::done;
    case GATEHOUSE_NEXT_EXCEPTION:
        return Reason::plugin_exception;
    case GATEHOUSE_NEXT_UPSTREAM:
        return Reason::upstream_failed;
    default:
        return connection.upstream_failed ? Reason::upstream_failed : Reason::plugin_error;
    }
}

// The plugin is done with the connection; what is left is to deliver the last bytes and to close.
void Service::end(Connection& connection, Reason reason) noexcept {
    PluginInstance* const plugin = connection.plugin.load(std::memory_order_relaxed);
    const bool unserved = connection.phase == Connection::Phase::staging || connection.phase == Connection::Phase::silent;
    connection.ended = reason;
    connection.deaf = false;
    if (connection.phase != Connection::Phase::relaying) delete std::exchange(connection.relay_to, nullptr);
    if (reason == Reason::plugin_error || reason == Reason::plugin_exception || reason == Reason::upstream_failed) {
        const std::string why = take_error_text();
        // A client that has been answered in its protocol has asked for what is not to be had, as happens all day in a proxy.
        const bool told = reason == Reason::upstream_failed && connection.bytes_out != 0;
        commons_.log.write(told ? LogLevel::info : LogLevel::warning,
                           reason == Reason::upstream_failed ? "no connection to the upstream" : "plugin failed",
                           {{"listener", config_.name},
                            {"plugin", plugin->name()},
                            {"peer", to_string(connection.peer_address())},
                            {"reason", to_string(reason)},
                            {"error", why.empty() ? "the plugin did not say why" : why}});
    }
    if (!unserved) plugin->closed(std::exchange(connection.state, nullptr), reason);

    // A close with unread input, or with input still on its way, makes the kernel send a reset, which can overtake the last
    // bytes that were written. So the client is told that this was all, and is given a moment to close by itself.
    // Of TLS, it is told even if it has gone (RFC 8446 6.1), and an alert has been sent to it if it has failed.
    const bool answered = connection.bytes_out != 0 || reason == Reason::tls_failed;
    const bool quiet = connection.at_end || connection.broken || (unserved && !answered);
    if (quiet || config_.linger_timeout.count() == 0) {
        const bool told = connection.part();
        // The relay engine has waited for room by itself, and has not let go of the descriptor yet.
        if (told || config_.linger_timeout.count() == 0 || connection.phase == Connection::Phase::relaying)
            return close(connection);
    }
    if (const auto told = connection.try_finish(); told && *told != GATEHOUSE_OK) return close(connection);
    connection.phase = Connection::Phase::lingering;
    connection.plugin_deadline = after(monotonic_now(), config_.linger_timeout);
    connection.emptied = false;
    linger(connection);
}

// Throws away what the client still sends, until it closes, the time is over or it has been too much; and waits for room for a
// close_notify, if there was none.
void Service::linger(Connection& connection) noexcept {
    std::array<char, 16384> buffer; // NOLINT(cppcoreguidelines-pro-type-member-init): only ever written
    for (;;) {
        const std::optional<gatehouse_status> told = connection.try_finish();
        if (told && *told != GATEHOUSE_OK) return close(connection);
        const ssize_t size = connection.at_end ? 0 : ::recv(connection.fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno != EAGAIN) return close(connection);
        if (size > 0) {
            connection.lingered += static_cast<std::uint32_t>(size);
            if (connection.lingered > most_lingered) return close(connection);
            continue;
        }
        connection.at_end = size == 0;
        if (connection.at_end && told) return close(connection);
        connection.emptied = true;
        if (park(connection)) return;
    }
}

void Service::close(Connection& connection) noexcept {
    const Reason reason = *connection.ended;
    // Before it is said that it has ended: whoever reads that may come for its place.
    if (connection.admitted) access_.leave(connection.source);
    if (connection.entered) connection.plugin.load(std::memory_order_relaxed)->leave();
    if (commons_.access_log) log_access(connection.peer_address(), reason, &connection);
    ledger_.count(reason);
    delete std::exchange(connection.relay_to, nullptr);
    const int fd = connection.fd;
    connection.tls.reset();
    connection.facts.reset();
    connection.proxied.reset();
    connection.tls_facts.reset();
    connection.release(); // before the descriptor's number can be used again
    ::close(fd);
    connections_.give_back(connection);
    open_.fetch_sub(1);
    if (full_.load() && full_.exchange(false)) listen_again();
    if (commons_.drain.started()) commons_.alarm.wake_by(monotonic_now()); // the main thread waits for the last one
}

// Of a connection that was refused when it was accepted there is no more than its address.
void Service::log_access(const SocketAddress& peer, Reason reason, const Connection* connection) noexcept {
    try {
        const Nanoseconds duration = connection != nullptr ? monotonic_now() - connection->accepted : 0;
        const Nanoseconds microseconds = duration / 1000; // no more than that is told
        const PluginInstance* const plugin =
            connection != nullptr && plugins_.size() > 1 ? connection->plugin.load(std::memory_order_relaxed) : nullptr;
        const Proxied* const proxied = connection != nullptr ? connection->proxied.get() : nullptr;
        const UpstreamConnection* const upstream = connection != nullptr ? connection->relay_to : nullptr;
        const bool tls = connection != nullptr && connection->tls && connection->tls->established();
        // Fields without a key are left out.
        commons_.log.info(
            "closed", {{"listener", config_.name},
                       {plugin != nullptr ? "plugin" : "", plugin != nullptr ? std::string_view(plugin->name()) : ""},
                       {"peer", to_string(peer)},
                       {proxied != nullptr ? "transport_peer" : "", proxied != nullptr ? to_string(proxied->transport) : ""},
                       {proxied != nullptr && !proxied->unique_id.empty() ? "unique_id" : "",
                        proxied != nullptr ? std::string_view(proxied->unique_id) : ""},
                       {upstream != nullptr ? "upstream" : "", upstream != nullptr ? to_string(upstream->peer_address()) : ""},
                       {tls ? "tls" : "", tls ? connection->tls->version() : ""},
                       {"in", connection != nullptr ? connection->bytes_in : 0},
                       {"out", connection != nullptr ? connection->bytes_out : 0},
                       {"ms", static_cast<double>(microseconds) / 1000.0},
                       {"reason", to_string(reason)}});
    } catch (const std::bad_alloc&) { // the reason is counted all the same
    }
}

} // namespace gatehouse::host
