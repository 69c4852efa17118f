// The end of a connection: its one reason, its last bytes, and the record of it.
#include "serving/ending.hpp"
#include "base/check.hpp"
#include "base/if_memory_allows.hpp"
#include "base/socket.hpp"
#include "connection/id_text.hpp"
#include "serving/access_log.hpp"
#include "serving/service.hpp"
#include "serving/watching.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace gatehouse::host {
namespace {

// Of a client that sends on: reads before the other connections of the pool have their turn.
constexpr int reads_in_a_turn = 64;

// A plugin that neither says why nor has tried to connect has no server for the client.
Cause cause_of(const ServingLife& serving, Reason reason) noexcept {
    if (reason != Reason::upstream_failed) return Cause::none;
    return serving.cause != Cause::none ? serving.cause : Cause::no_server;
}

void log_failure(Log& log, Connection& connection, const PluginInstance& plugin, Reason reason) noexcept {
    if_memory_allows([&] { // the reason is counted all the same
        const std::string why = connection.life.serving.error.take();
        const Cause cause = cause_of(connection.life.serving, reason);
        const std::string& listener = connection.listener.load(std::memory_order_relaxed)->config.name;
        // A client that got an answer in its protocol asked for an upstream that does not answer: in a proxy that is routine.
        const bool told = reason == Reason::upstream_failed && connection.bytes_out != 0;
        log.write(told ? LogLevel::info : LogLevel::warning,
                  reason == Reason::upstream_failed ? "no connection to the upstream" : "plugin failed",
                  {{"id", id_text(listener, connection.id).view()},
                   {"listener", listener},
                   {"plugin", plugin.name()},
                   {"peer", AddressText(connection.peer_address())},
                   {"reason", to_string(reason)},
                   {cause == Cause::none ? "" : "cause", to_string(cause)},
                   {"error", why.empty() ? "the plugin did not say why" : why}});
    });
}

void log_given_up(Log& log, const Connection& connection) noexcept {
    const std::string& listener = connection.listener.load(std::memory_order_relaxed)->config.name;
    log.warning("gave up a client that does not read, since all threads were taken and others waited",
                {{"id", id_text(listener, connection.id).view()},
                 {"listener", listener},
                 {"peer", AddressText(connection.peer_address())},
                 {"bytes_per_second", unsigned{connection.given_up_at}},
                 {"limit", "threads.max"}});
}

// Of the server that it was relayed to, or would have been if there had been memory for the relay.
std::optional<SocketAddress> server_address(const ServingLife& serving) noexcept {
    if (serving.server) return serving.server->address();
    if (serving.upstream) return serving.upstream->peer_address();
    return std::nullopt;
}

// Whoever sums up finds the bytes in one place or, for a moment, in none; but never in both.
void hand_over_bytes(Connection& connection, Endpoint& endpoint) noexcept {
    const std::uint64_t in = connection.bytes_in;
    const std::uint64_t out = connection.bytes_out;
    connection.bytes_in = connection.bytes_out = 0;
    endpoint.in.fetch_add(in);
    endpoint.out.fetch_add(out);
}

} // namespace

bool ends_at_once(const Connection& connection) noexcept {
    return connection.reason && connection.reason != Reason::drained && connection.reason != Reason::ended;
}

Reason reason_for(const Connection& connection, gatehouse_next next) noexcept {
    // The drain's deadline ends every wait, and so does an order's. What the plugin makes of a connect that failed so is
    // nobody's failure.
    const Nanoseconds now = monotonic_now();
    std::optional<Reason> cut;
    if (connection.own_drain.deadline() <= now) cut = Reason::ended;
    if (connection.drain().started() && connection.drain().deadline() <= now) cut = Reason::drained;
    switch (next) {
    case GATEHOUSE_NEXT_CLOSE:
    case GATEHOUSE_NEXT_PARK:
    case GATEHOUSE_NEXT_WAIT:
        if (connection.reason) return *connection.reason;
        if (connection.deadline_hit) return Reason::deadline;
        return connection.read_end ? Reason::peer_closed : Reason::done;
    case GATEHOUSE_NEXT_EXCEPTION:
        return Reason::plugin_exception;
    case GATEHOUSE_NEXT_UPSTREAM:
        return cut.value_or(connection.life.serving.no_upstream.value_or(Reason::upstream_failed));
    default:
        if (!connection.life.serving.no_upstream) return Reason::plugin_error;
        return cut.value_or(*connection.life.serving.no_upstream);
    }
}

// For the record of its end.
void Service::note_rule(Connection& connection, const Rule& rule) noexcept {
    if (rule.limit.empty()) return;
    if_memory_allows([&] { connection.life.rule = std::make_unique<const Rule>(rule); });
}

void Service::end(Connection& connection, const Refusal& refusal) noexcept {
    note_rule(connection, refusal.rule);
    end(connection, refusal.reason);
}

// The plugin is done with the connection. The host delivers the last bytes and closes it.
void Service::end(Connection& connection, Reason reason) noexcept {
    Life& life = connection.life;
    if (reason == Reason::ended && connection.order.load() == EndOrder::kill) reason = Reason::killed;
    PluginInstance* const plugin = connection.plugin.load(std::memory_order_relaxed);
    const bool unserved = life.phase == Phase::staging || life.phase == Phase::silent;
    connection.reason = reason;
    life.serving.deaf = false;
    HalfOpen::leave(connection);
    if (life.serving.carry) life.serving.carry->cut();
    cut_handshake(connection, reason);
    drop_upgrade(connection, reason);
    if (life.phase != Phase::relaying) life.serving.upstream.reset();
    connection.drop_output();
    life.serving.then = Then::nothing;
    if (reason == Reason::plugin_error || reason == Reason::plugin_exception || reason == Reason::upstream_failed)
        log_failure(shared_.log, connection, *plugin, reason);
    if (reason == Reason::plugin_error) plugin->counts().errors.fetch_add(1, std::memory_order_relaxed);
    if (reason == Reason::plugin_exception) plugin->counts().exceptions.fetch_add(1, std::memory_order_relaxed);
    if (connection.given_up_at != Stream::not_given_up) log_given_up(shared_.log, connection);
    if (!unserved) plugin->closed(connection.id, std::exchange(life.serving.state, nullptr), reason);
    while (life.serving.upstreams != nullptr) life.serving.upstreams->detach(); // those that the plugin has not closed

    // A close with unread input, or with input still on its way, makes the kernel send a reset, which can overtake the last
    // bytes that were written: a client that still sends its request would never see the answer. So the host first sends the
    // end of the stream, and reads on until the client closes by itself (RFC 9112 9.6), within the limits of the listener.
    // With TLS it sends close_notify even if the client has gone (RFC 8446 6.1); if TLS has failed, it has sent an alert.
    const bool answered = connection.bytes_out != 0 || reason == Reason::tls_failed;
    const bool quiet = connection.read_end || connection.broken || (unserved && !answered);
    if (quiet || config.linger_timeout.count() == 0) {
        const bool told = connection.say_goodbye();
        // The relay engine has waited for room by itself, and has not let go of the descriptor yet.
        if (told || config.linger_timeout.count() == 0 || life.phase == Phase::relaying) return close(connection);
    }
    if (const auto told = connection.Channel::finish(); told && *told != 0) return close(connection);
    life.phase = Phase::lingering;
    connection.plugin_deadline = after(monotonic_now(), config.linger_timeout);
    connection.idle = after(0, config.linger_idle_timeout);
    connection.emptied = false;
    linger(connection);
}

// True: it has ended, or has come to rest. False: serve() is to be called, or what is left of the output to be sent.
bool Service::obey(Connection& connection) noexcept {
    Life& life = connection.life;
    const EndOrder order = connection.order.load();
    const bool is_served = life.phase == Phase::serving;
    // A thread that waited has found the client reset: by the order.
    if (!connection.reason || connection.reason == Reason::peer_reset) connection.reason = Reason::ended;
    if (order == EndOrder::stop && is_served) {
        hear_stop(connection);
        return false;
    }
    life.obeyed = order;
    if (life.obeyed == EndOrder::close && is_served && has_output(connection)) {
        drop_upgrade(connection, *connection.reason);
        life.serving.then = Then::close;
        life.serving.deaf = true;
        connection.plugin_deadline = never;
        return rests(connection);
    }
    if (life.obeyed >= EndOrder::reset) {
        connection.broken = true;
        reset_on_close(connection.fd);
    }
    end(connection, *connection.reason);
    return true;
}

// serve() is to be called once more, and has its time from then on.
void Service::hear_stop(Connection& connection) noexcept {
    connection.life.obeyed = EndOrder::stop;
    if (!connection.reason) connection.reason = Reason::ended;
    connection.lifetime = std::min(connection.lifetime, connection.own_drain.deadline());
    connection.life.serving.why = GATEHOUSE_EVENT_STOPPING;
}

gatehouse_status Service::end_by_order(const PluginInstance& plugin, std::uint64_t id, EndOrder how,
                                       Nanoseconds stop_until) noexcept {
    const MutexLock lock(endpoint_.ordering);
    Connection* const connection = find(plugin, id);
    if (connection == nullptr || !connection->owner.hold(id)) return GATEHOUSE_NOT_FOUND;
    if (connection->plugin.load(std::memory_order_acquire) != &plugin) { // it has just come, and is not open yet
        connection->owner.let_go();
        return GATEHOUSE_NOT_FOUND;
    }
    order(*connection, id, how, stop_until);
    return GATEHOUSE_OK;
}

bool Service::kill(Endpoint& endpoint, std::uint64_t id) noexcept {
    const MutexLock lock(endpoint.ordering);
    Connection* const connection = endpoint.slots.find(id);
    if (connection == nullptr || !connection->owner.hold(id)) return false;
    const bool is_open = connection->life.accepted != 0; // else it has just come
    if (!is_open || connection->order.load() == EndOrder::kill) {
        connection->owner.let_go();
        return false;
    }
    of(*connection).order(*connection, id, EndOrder::kill, 0);
    return true;
}

// Of a connection that is held, which this lets go.
void Service::order(Connection& connection, std::uint64_t id, EndOrder how, Nanoseconds stop_until) noexcept {
    if (how > connection.order.load()) connection.order.store(how);
    connection.owner.leave(id, Owner::ordered);
    const bool rested = connection.owner.claim(id, Owner::event) == Owner::Claim::owned;
    // A thread that waits for the client goes on. It may be in the plugin's code: then the rest follows when it returns. A
    // relay is its thread's affair.
    if (!rested && !connection.relayed.load() && how == EndOrder::close) ::shutdown(connection.fd, SHUT_RD);
    if (!rested && !connection.relayed.load() && how >= EndOrder::reset) reset_now(connection.fd);
    connection.own_drain.start(how == EndOrder::stop ? stop_until : 0);
    connection.owner.let_go();
    shared_.relays.look_at_orders();
    if (!rested) return;
    connection.life.rests_again = true;
    pool.post(connection.posted, id);
}

void Service::look(Endpoint& endpoint, const std::function<void(const ConnectionView&)>& visit) {
    endpoint.slots.for_each([&](Connection& connection, std::uint64_t id) {
        ConnectionView view;
        {
            const MutexLock lock(endpoint.ordering);
            if (!connection.owner.hold(id)) return;
            const Life& life = connection.life;
            view.id = id;
            view.accepted = life.accepted;
            if (view.accepted != 0) { // otherwise it is not open yet
                view.service = &of(connection);
                view.plugin = connection.plugin.load(std::memory_order_acquire);
                view.peer = life.peer.address();
                view.server = life.server.address();
                view.phase = life.phase;
                view.rests = connection.owner.resting();
                view.moved = std::max<Nanoseconds>(connection.moved, view.accepted);
                view.in = connection.bytes_in;
                view.out = connection.bytes_out;
            }
            connection.owner.let_go();
        }
        if (view.service != nullptr) visit(view);
    });
}

void Service::list(const PluginInstance& plugin, std::vector<std::uint64_t>& ids) {
    endpoint_.slots.for_each([&](const Connection& connection, std::uint64_t id) {
        if (connection.owner.is_of(id) && connection.plugin.load(std::memory_order_relaxed) == &plugin) ids.push_back(id);
    });
}

// Throws away what the client still sends, until it closes, the time is over or it has been too much; and waits for room for a
// close_notify, if there was none.
void Service::linger(Connection& connection) noexcept {
    std::array<char, 16384> buffer; // not initialised: only ever written
    for (int reads = 1;; ++reads) {
        const std::optional<int> told = connection.Channel::finish();
        if (told && *told != 0) return close(connection);
        const ssize_t size =
            connection.read_end ? 0 : receive_now(connection.fd, buffer.data(), buffer.size(), 0, connection.stops_short);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno != EAGAIN) return close(connection);
        if (size > 0) {
            connection.moved = coarse_now();
            connection.life.lingered += static_cast<std::uint32_t>(size);
            if (connection.life.lingered > config.linger_bytes) return close(connection);
            if (reads % reads_in_a_turn != 0) continue;
        }
        connection.read_end = size == 0;
        if (connection.read_end && told) return close(connection);
        connection.emptied = size <= 0;
        if (rests(connection)) return;
    }
}

// A trusted proxy's own connections may be left out, and so may those that it closes before any header: it only looks whether
// the port is open. One that was not admitted is always said.
bool Service::is_logged(const Life& life, Reason reason) const noexcept {
    if (!shared_.access_log) return false;
    if (!config.proxy_protocol || config.proxy_protocol->log_local) return true;
    const bool closed = reason == Reason::peer_closed || reason == Reason::peer_reset;
    return !life.is_proxys && (life.admitted || !closed);
}

void Service::close(Connection& connection) noexcept {
    Life& life = connection.life;
    GATEHOUSE_CHECK(connection.reason.has_value(), config.name, connection.id);
    GATEHOUSE_CHECK(life.phase != Phase::relaying || life.serving.upstream || life.serving.server, config.name, connection.id);
    GATEHOUSE_CHECK(connection.half_open == nullptr, config.name, connection.id);
    const Reason reason = *connection.reason;
    const PluginInstance* const plugin = connection.plugin.load(std::memory_order_relaxed);
    const Nanoseconds duration = monotonic_now() - life.accepted;
    // Before it is said that it has ended: a client that reads that may come for its place.
    if (life.admitted) access_.leave(life.source);
    if (life.entered) connection.plugin.load(std::memory_order_relaxed)->leave();
    const SocketAddress peer = connection.peer_address();
    if (is_logged(life, reason) && (!life.rule || has_record(reason, peer))) {
        const std::optional<SocketAddress> upstream = server_address(life.serving);
        const bool tls = connection.tls && connection.tls->established();
        log_closed(shared_.log, {.listener = config.name,
                                 .peer = peer,
                                 .reason = reason,
                                 .rule = life.rule.get(),
                                 .cause = cause_of(life.serving, reason),
                                 .id = connection.id,
                                 .plugin = plugin != nullptr && plugins_.size() > 1 ? std::string_view(plugin->name()) : "",
                                 .proxied = life.proxied.get(),
                                 .upstream = upstream ? &*upstream : nullptr,
                                 .tls = tls ? connection.tls->version() : "",
                                 .user = life.serving.facts ? std::string_view(life.serving.facts->user) : "",
                                 .map_line = life.routed ? std::string_view(life.routed->rule) : "",
                                 .tls_truncated = tls && connection.tls->truncated(),
                                 .in = connection.bytes_in,
                                 .out = connection.bytes_out,
                                 .duration = duration});
    }
    endpoint_.ledger.count(reason);
    endpoint_.durations.count(duration);
    hand_over_bytes(connection, endpoint_);
    connection.tls.reset();
    life = {};
    endpoint_.slots.give_back(connection);
    const std::uint32_t were_open = endpoint_.open.fetch_sub(1);
    GATEHOUSE_CHECK(were_open > 0, config.name);
    room();
    // The main thread waits for the last one, and may then forget this generation; and a newcomer of the next one for its room.
    Alarm& alarm = shared_.alarm;
    const bool awaited = shared_.drain.started() || acceptors_.front().state() == Acceptor::State::closed;
    open_.fetch_sub(1);
    if (awaited) alarm.wake_by(monotonic_now());
}

} // namespace gatehouse::host
