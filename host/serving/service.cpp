#include "serving/service.hpp"

#include "stages/tls_stage.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

namespace gatehouse::host {

static_assert(max_listeners == 1U << ConnectionTable::service_bits);

namespace {

// EPOLLPRI: a read stops short at urgent data, although there is more behind it.
constexpr std::uint32_t watched_events = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET;
constexpr std::uint32_t deaf_events = EPOLLET;     // a reset is always reported
constexpr Nanoseconds sweep_interval = 50'000'000; // deadlines of parked connections are kept this precisely

bool wants_write(const Connection& connection) noexcept { return connection.tls && connection.tls->wants_write(); }

std::vector<PluginInstance*> all_plugins(const ListenerConfig& config, const FindPlugin& find) {
    std::vector<PluginInstance*> plugins;
    const auto add = [&](const std::string& name) {
        if (PluginInstance* plugin = &find(name); std::find(plugins.begin(), plugins.end(), plugin) == plugins.end())
            plugins.push_back(plugin);
    };
    if (!config.plugin.empty()) add(config.plugin);
    for (const RouteConfig& route : config.routes)
        if (!route.plugin.empty()) add(route.plugin);
    if (config.on_silence) add(config.on_silence->plugin);
    return plugins;
}

std::vector<const TlsServer*> all_tls_servers(const ListenerConfig& config, const TlsServers& tls) {
    std::vector<const TlsServer*> servers;
    const auto add = [&](const std::string& name) {
        if (name.empty()) return;
        if (const TlsServer* server = &tls.find(name); std::find(servers.begin(), servers.end(), server) == servers.end())
            servers.push_back(server);
    };
    add(config.tls);
    for (const RouteConfig& route : config.routes) add(route.tls);
    return servers;
}

// Reset, or closed on both sides.
bool gone(int fd) noexcept {
    pollfd now{fd, 0, 0};
    return ::poll(&now, 1, 0) > 0;
}

} // namespace

bool readable(int fd) noexcept {
    char byte = 0;
    return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

Service::Service(const ListenerConfig& config, std::uint32_t number, const FindPlugin& find, Pool& pool, Commons& commons)
    : config_(config), listen_token_(ConnectionTable::listen_token(number)),
      plugin_(config.plugin.empty() ? nullptr : &find(config.plugin)), plugins_(all_plugins(config, find)),
      tls_servers_(all_tls_servers(config, commons.tls)), commons_(commons), listener_(config, commons.log),
      connections_(*this, number, commons.drain, config.max_connections), pool_(pool),
      access_(config.access, config.sources, config.max_connections), spare_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {
    if (config.proxy_protocol) {
        auto stage = std::make_unique<const ProxyStage>(*config.proxy_protocol, config.name, commons.log);
        proxies_ = stage.get();
        stages_.push_back(std::move(stage));
    }
    const auto end_tls = [&](TlsServer* server) {
        stages_.push_back(std::make_unique<const TlsStage>(server, config, commons.log));
    };
    const auto detect = [&](Layer layer) {
        stages_.push_back(std::make_unique<const Detection>(config, layer, find, commons.tls));
    };
    if (!config.tls.empty()) end_tls(&commons.tls.find(config.tls));
    detects_ = !config.routes.empty() || config.on_silence;
    if (detects_) detect(Layer::outer);
    if (config.tls.empty() && !tls_servers_.empty()) { // some routes do
        end_tls(nullptr);
        detect(Layer::inner);
    }
}

Service::~Service() = default;

std::string Service::plugin_names() const {
    std::string names;
    for (const PluginInstance* plugin : plugins_) names += (names.empty() ? "" : ", ") + plugin->name();
    return names;
}

// Null: the plugin has no such connection.
Connection* Service::find(const PluginInstance& plugin, std::uint64_t id) noexcept {
    Connection* connection = connections_.find(id);
    return connection != nullptr && connection->plugin.load(std::memory_order_relaxed) == &plugin ? connection : nullptr;
}

gatehouse_status Service::wake(const PluginInstance& plugin, std::uint64_t id) noexcept {
    Connection* connection = find(plugin, id);
    if (connection == nullptr) return GATEHOUSE_NOT_FOUND;
    switch (connection->claim(id, Connection::woken)) {
    case Connection::Claim::gone:
        return GATEHOUSE_NOT_FOUND;
    case Connection::Claim::noted:
        return GATEHOUSE_OK;
    case Connection::Claim::owned:
        break;
    }
    connection->why = GATEHOUSE_EVENT_WAKE;
    pool_.post(id);
    return GATEHOUSE_OK;
}

gatehouse_status Service::cut(const PluginInstance& plugin, std::uint64_t id) noexcept {
    Connection* connection = find(plugin, id);
    if (connection == nullptr || !connection->note_cut(id)) return GATEHOUSE_NOT_FOUND;
    commons_.relays.cut();
    return GATEHOUSE_OK;
}

// --- serving -------------------------------------------------------------------------------------------------------------

// A token is an id. With events it is one of epoll's, to be claimed; without, it was posted by somebody who has claimed it.
void Service::ready(std::uint64_t token, std::uint32_t events) noexcept {
    Connection* connection = connections_.find(token);
    if (connection == nullptr) return accept_ready(); // listen_token_ is no slot's id
    if (events != 0) {
        if (connection->claim(token, Connection::event) != Connection::Claim::owned) return;
        connection->why = GATEHOUSE_EVENT_DATA;
        connection->emptied = false; // of TLS, it may be less than a record
        if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)) != 0) connection->hangup = true;
        if (connection->deaf && gone(connection->fd)) return end(*connection, Reason::peer_reset);
        if (connection->deaf && park(*connection)) return;
        if (connection->deaf) events = 0; // park() has found a wake-up, or the drain
    }
    switch (connection->phase) {
    case Connection::Phase::staging:
        connection->heard = connection->heard || events != 0;
        return advance(*connection);
    case Connection::Phase::silent:
        if (events != 0 && rests_again(*connection)) return;
        connection->phase = Connection::Phase::serving;
        connection->why = GATEHOUSE_EVENT_OPEN;
        return serve(*connection);
    case Connection::Phase::serving:
        if (events != 0 && rests_again(*connection)) return;
        return serve(*connection);
    case Connection::Phase::lingering:
        return linger(*connection);
    case Connection::Phase::relaying:
        return; // the relay engine owns it: cannot be claimed
    }
}

void Service::serve(Connection& connection) noexcept {
    if (connection.why == GATEHOUSE_EVENT_OPEN) waits_.count(monotonic_now() - connection.accepted);
    PluginInstance& plugin = *connection.plugin.load(std::memory_order_relaxed);
    for (;;) {
        set_error_text(""); // what another connection's plugin left here is not this one's error
        const gatehouse_next next = plugin.serve(connection);
        switch (next) {
        case GATEHOUSE_PARK:
        case GATEHOUSE_WAIT:
            if (connection.broken || (connection.ended && connection.ended != Reason::drained))
                return end(connection, reason_for(connection, next));
            connection.deaf = next == GATEHOUSE_WAIT;
            if (connection.deaf) connection.request_complete();
            if (park(connection)) return;
            continue;
        case GATEHOUSE_RELAY:
            if (connection.relay_to != nullptr) return start_relay(connection);
            set_error_text("serve() returned GATEHOUSE_RELAY without a relay()");
            return end(connection, reason_for(connection, GATEHOUSE_NEXT_ERROR));
        default:
            return end(connection, reason_for(connection, next));
        }
    }
}

// The connection is edge-triggered: as long as the plugin reads all that is there, going back to rest costs no system call.
bool Service::arm(Connection& connection) noexcept {
    std::uint32_t events =
        connection.deaf ? deaf_events : watched_events | (connection.one_shot ? std::uint32_t{EPOLLONESHOT} : 0U);
    if (!connection.deaf && wants_write(connection)) {
        events = EPOLLOUT | EPOLLET | EPOLLONESHOT; // OpenSSL reads on when it has written; input would only spin
        connection.one_shot = true;                 // so that it is armed again
    }
    const bool armed = connection.watched ? pool_.rearm(connection.fd, events, connection.id)
                                          : pool_.watch(connection.fd, events, connection.id);
    connection.watched = connection.watched || armed;
    if (armed) connection.watched_deaf = connection.deaf;
    return armed;
}

// True: the connection rests, and may belong to another thread already. False: it is to be served again, for `why`.
bool Service::park(Connection& connection, bool keep_deadline) noexcept {
    if (connection.holds_bytes() && !connection.deaf && connection.phase != Connection::Phase::lingering) {
        if (connection.has_news()) { // no event of the socket will tell
            connection.why = GATEHOUSE_EVENT_DATA;
            connection.emptied = false;
            return false;
        }
        connection.emptied = true;
    }
    bool needs_arming = !connection.watched || !connection.emptied || connection.hangup || connection.one_shot ||
                        connection.deaf != connection.watched_deaf || wants_write(connection);
    bool armed = false;
    for (;;) {
        const std::uint64_t word = connection.word.load();
        // The flag may come after the drain has been seen by itself: it must go all the same, or this would never end.
        if ((word & Connection::stop) != 0) connection.word.fetch_and(~std::uint64_t{Connection::stop});
        if (((word & Connection::stop) != 0 || commons_.drain.started()) && !connection.stop_told &&
            !connection.stopping_said) {
            connection.stop_told = true;
            connection.why = GATEHOUSE_EVENT_STOPPING;
            if (!connection.ended) connection.ended = Reason::drained;
            if (connection.phase == Connection::Phase::serving) return false;
            if (connection.phase == Connection::Phase::silent) {
                end(connection, Reason::drained);
                return true;
            }
        }
        if ((word & Connection::woken) != 0) {
            if (connection.why == GATEHOUSE_EVENT_WAKE && !connection.deaf &&
                connection.has_news()) { // woken all the time, it must hear of it
                connection.why = GATEHOUSE_EVENT_DATA;
                connection.emptied = false;
                return false;
            }
            connection.word.fetch_and(~std::uint64_t{Connection::woken});
            connection.why = GATEHOUSE_EVENT_WAKE;
            return false;
        }
        if ((word & Connection::event) != 0) {
            connection.word.fetch_and(~std::uint64_t{Connection::event});
            if (connection.deaf && gone(connection.fd)) {
                end(connection, Reason::peer_reset);
                return true;
            }
            if (armed && !connection.deaf) { // so there is something, and another thread was told of it in vain
                connection.why = GATEHOUSE_EVENT_DATA;
                connection.emptied = false;
                connection.hangup = true; // that it has closed may have been what the other was told
                return false;
            }
            // The client sends while it is being served: without one-shot, every segment would wake a thread in vain.
            needs_arming = true;
            connection.one_shot = !connection.deaf;
        }
        if (needs_arming && !armed) {
            if (!arm(connection)) {
                end(connection, Reason::host_out_of_memory);
                return true;
            }
            armed = true;
            connection.hangup = false;
        }
        const Stream::Due until = keep_deadline ? Stream::Due{connection.parked_until.load(), connection.parked_reason}
                                                : due(connection, coarse_now());
        if (settle(connection, until, word)) return true;
    }
}

// The last step to rest. False: something has been left in the word meanwhile, and the connection still is its thread's.
bool Service::settle(Connection& connection, Stream::Due until, std::uint64_t word) noexcept {
    connection.parked_until.store(until.when, std::memory_order_relaxed);
    connection.parked_reason = until.reason;
    const std::uint64_t kept = (connection.id & ~std::uint64_t{Connection::all_flags}) | (word & Connection::cut);
    std::uint64_t owned = kept | Connection::running;
    if (!connection.word.compare_exchange_strong(owned, kept | Connection::parked)) return false;
    note_due(until.when);
    return true;
}

// Of TLS, what has arrived may be nothing yet: less than a record, or one without data. No thread waits for the rest of it, and
// it does not count as something that has moved. True: it rests.
bool Service::rests_again(Connection& connection) noexcept {
    if (!connection.tls || connection.has_news()) return false;
    connection.emptied = true;
    return park(connection, true);
}

void Service::unwatch(Connection& connection) noexcept {
    if (!connection.watched) return;
    pool_.forget(connection.fd);
    connection.watched = false;
}

void Service::start_relay(Connection& connection) noexcept {
    unwatch(connection);
    connection.phase = Connection::Phase::relaying;
    const Nanoseconds idle = connection.relay_idle == never ? connection.idle : connection.relay_idle;
    if (!commons_.relays.start(connection, idle)) end(connection, Reason::host_out_of_memory);
}

void Service::relay_ended(Connection& connection, Reason reason, std::uint64_t in, std::uint64_t out) noexcept {
    connection.bytes_in += in;
    connection.bytes_out += out;
    connection.at_end = true; // nothing is left to linger for
    end(connection, reason);
}

// --- deadlines -----------------------------------------------------------------------------------------------------------

Stream::Due Service::due(const Connection& connection, Nanoseconds now) const noexcept {
    Stream::Due due = connection.due(now);
    if (connection.phase == Connection::Phase::staging || connection.phase == Connection::Phase::silent)
        due = {connection.stage_due, Reason::first_byte_timeout};
    if (connection.phase == Connection::Phase::lingering) due = {connection.plugin_deadline, Reason::done};
    if (commons_.drain.deadline() < due.when) due = {commons_.drain.deadline(), Reason::drained};
    return due;
}

void Service::note_due(Nanoseconds when) noexcept {
    Nanoseconds next = next_sweep_.load();
    while (when < next)
        if (next_sweep_.compare_exchange_weak(next, when)) return commons_.alarm.wake_by(when);
}

// The caller has claimed the connection, whose time had come when it was looked at.
void Service::expire(Connection& connection, Nanoseconds now) noexcept {
    // It may have been served since then; what it was parked with last counts.
    if (connection.parked_until.load(std::memory_order_relaxed) > now) {
        connection.emptied = false; // so that it is armed again: an event may have been noted in vain meanwhile
        const bool staging = connection.phase == Connection::Phase::staging;
        if (staging ? !rest(connection, connection.for_room) : !park(connection)) pool_.post(connection.id);
        return;
    }
    const Reason reason = connection.parked_reason;
    if (connection.phase == Connection::Phase::lingering) return close(connection);
    if (connection.phase == Connection::Phase::silent || reason == Reason::drained) return end(connection, reason);
    if (connection.phase == Connection::Phase::staging) {
        connection.stage_expired = true;
        return pool_.post(connection.id);
    }
    connection.expire(reason);
    connection.why = GATEHOUSE_EVENT_TIMEOUT;
    pool_.post(connection.id);
}

Nanoseconds Service::supervise(Nanoseconds now) noexcept {
    if (listen_again_at_.load() <= now) listen_again();
    if (next_sweep_.load() <= now) {
        next_sweep_.store(never); // whoever parks from here on lowers it again
        Nanoseconds earliest = never;
        connections_.for_each([&](Connection& connection) {
            const std::uint64_t word = connection.word.load();
            if ((word & Connection::parked) == 0) return;
            const Nanoseconds until = connection.parked_until.load(std::memory_order_relaxed);
            const std::uint64_t id = (word & ~std::uint64_t{Connection::all_flags}) | connection.index;
            if (until > now)
                earliest = std::min(earliest, until);
            else if (connection.claim(id, Connection::running) == Connection::Claim::owned) // nothing to note if it is running
                expire(connection, now);
        });
        if (earliest != never) note_due(std::max(earliest, now + sweep_interval));
    }
    return std::min(listen_again_at_.load(), next_sweep_.load());
}

// --- drain ---------------------------------------------------------------------------------------------------------------

void Service::begin_drain() noexcept {
    connections_.for_each([&](Connection& connection) {
        const std::uint64_t word = connection.word.load();
        const std::uint64_t id = (word & ~std::uint64_t{Connection::all_flags}) | connection.index;
        if (connection.claim(id, Connection::stop) != Connection::Claim::owned) return;
        if (connection.phase == Connection::Phase::staging) return pool_.post(id);
        char first = 0; // it may have spoken without having been heard yet
        if (connection.phase == Connection::Phase::silent && ::recv(connection.fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
            return end(connection, Reason::drained);
        if (connection.phase == Connection::Phase::silent) return pool_.post(id);
        if (connection.phase == Connection::Phase::lingering) {
            connection.stop_told = true;
            if (!park(connection)) pool_.post(id);
            return;
        }
        connection.stop_told = true;
        connection.why = GATEHOUSE_EVENT_STOPPING;
        if (!connection.ended) connection.ended = Reason::drained;
        pool_.post(id);
    });
}

bool Service::stop(Nanoseconds deadline) noexcept {
    pool_.stop();
    return pool_.join(deadline);
}

} // namespace gatehouse::host
