#include "serving/service.hpp"

#include "base/check.hpp"
#include "base/if_memory_allows.hpp"
#include "base/socket.hpp"
#include "serving/ending.hpp"
#include "serving/watching.hpp"

#include <algorithm>
#include <iterator>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

namespace gatehouse::host {

static_assert(max_listeners == 1U << ConnectionSlots::listener_bits);

namespace {

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

// The listener's own first, those of its routes, and those that its plugins begin TLS with by themselves.
std::vector<const TlsServer*> all_tls_servers(const ListenerConfig& config, const std::vector<PluginInstance*>& plugins,
                                              const TlsServers& tls) {
    std::vector<const TlsServer*> servers;
    const auto add = [&](const TlsServer* server) {
        if (std::find(servers.begin(), servers.end(), server) == servers.end()) servers.push_back(server);
    };
    if (!config.tls.empty()) add(&tls.find(config.tls));
    for (const RouteConfig& route : config.routes)
        if (!route.tls.empty()) add(&tls.find(route.tls));
    for (const PluginInstance* plugin : plugins)
        for (const TlsServer* server : plugin->tls_servers()) add(server);
    return servers;
}

// Whether nothing comes before serve(), and the plugin speaks first: then the thread that accepts a connection serves it.
bool speaks_at_once(const ListenerConfig& config, const PluginInstance* plugin) {
    if (config.proxy_protocol || !config.tls.empty() || !config.routes.empty() || config.on_silence) return false;
    GATEHOUSE_CHECK(plugin != nullptr, config.name);
    return plugin->server_first();
}

// What brings a resting connection back.
Interest interest_of(const Connection& connection) noexcept {
    const ServingLife& serving = connection.life.serving;
    if (connection.life.phase == Phase::staging) return connection.wants_write() ? Interest::bytes_or_room : Interest::bytes;
    if (serving.deaf) return Interest::reset;
    if (connection.wants_write()) return Interest::room_once; // OpenSSL reads on when it has written; input would only spin
    return serving.sends_early ? Interest::bytes_once : Interest::bytes;
}

// Whether a read may find nothing, though there was an event. A thread may get to one so late that another one has served the
// connection meanwhile, and has read those bytes. If the plugin then waits for more, it does not hear the next wake-up: so one
// that wakes connections is spared that, and others do not pay for it. Urgent data is reported until a read has passed it.
bool may_bring_nothing(const Connection& connection, std::uint32_t events) noexcept {
    if (connection.tls) return true;
    const bool urgent = (events & EPOLLPRI) != 0;
    return !urgent && connection.plugin.load(std::memory_order_relaxed)->wakes();
}

} // namespace

Service::Service(const ListenerConfig& listener_config, Endpoint& endpoint, std::shared_ptr<Sockets> sockets, Pool& threads,
                 const FindPlugin& find, const Shared& shared)
    : ListenerShare{listener_config, threads, drain_}, plugin_(config.plugin.empty() ? nullptr : &find(config.plugin)),
      plugins_(all_plugins(config, find)), tls_servers_(all_tls_servers(config, plugins_, shared.tls)), shared_(shared),
      endpoint_(endpoint), sockets_(std::move(sockets)), upgrades_(nullptr, config, shared.log),
      access_(config.access, &endpoint.limits, config.sources, config.proxies()), parking_(shared.alarm) {
    endpoint.make_sources_if_limited(config);
    threads.keep(endpoint.threads);
    const AcceptHooks hooks{.has_room = [this] { return has_room(); },
                            .welcome = [this](int fd, const SocketAddress& peer) { welcome(fd, peer); },
                            .refuse = [this](int fd, const SocketAddress& peer, Reason reason) { refuse(fd, peer, {reason}); }};
    const bool one_at_a_time = speaks_at_once(config, plugin_);
    for (const Listener& socket : *sockets_)
        acceptors_.emplace_back(socket, threads, endpoint.slots.listen_token(acceptors_.size()), one_at_a_time,
                                endpoint.accepts, endpoint.spare, hooks, config.name, shared.alarm, shared.log);
    if (config.proxy_protocol) {
        auto stage = std::make_unique<const ProxyStage>(*config.proxy_protocol, config.name, shared.log);
        proxies_ = stage.get();
        stages_.push_back(std::move(stage));
    }
    const auto end_tls = [&](TlsServer* server) {
        stages_.push_back(std::make_unique<const TlsStage>(server, config, shared.log));
    };
    const auto detect = [&](Layer layer) {
        stages_.push_back(
            std::make_unique<const Detection>(config, layer, find, shared.tls, shared.maps, endpoint.routes, shared.log));
    };
    if (!config.tls.empty()) end_tls(&shared.tls.find(config.tls));
    detects_ = !config.routes.empty() || config.on_silence;
    if (detects_) detect(Layer::outer);
    const auto ends_tls = [](const RouteConfig& route) { return !route.tls.empty(); };
    if (config.tls.empty() && std::any_of(config.routes.begin(), config.routes.end(), ends_tls)) {
        end_tls(nullptr);
        detect(Layer::inner);
    }
}

void Service::prepare() {
    for (Acceptor& acceptor : acceptors_) acceptor.prepare();
}

void Service::listen() {
    if (is_drained()) return; // a listener that comes back while an order holds
    for (Listener& socket : *sockets_)
        if (!socket.listens()) socket.listen(); // else another generation has made it listen
}

void Service::change_sockets(const ListenerConfig& before) noexcept {
    if (before == config) return;
    for (Listener& socket : *sockets_) {
        socket.change(config);
        if (!socket.listens()) continue; // it has the backlog as soon as it does
        if_memory_allows([&] {
            try {
                socket.listen();
            } catch (const ListenError& error) { // it listens on with the backlog that it has
                shared_.log.warning("the backlog stays as it is", {{"listener", config.name}, {"problem", error.what()}});
            }
        });
    }
}

// In this order: a thread that takes a connection counts it before it is at rest.
bool Service::is_quiet() const noexcept {
    return std::all_of(acceptors_.begin(), acceptors_.end(), [](const Acceptor& acceptor) { return acceptor.at_rest(); }) &&
           open_.load() == 0;
}

void Service::start() noexcept {
    is_current_ = true;
    shared_.alarm.wake_by(follow_orders(monotonic_now()));
}

// A connection has ended, or was counted for a moment alone: a listener that was full may accept.
void Service::room() noexcept {
    for (Acceptor& acceptor : acceptors_) acceptor.room();
}

std::string Service::addresses() const {
    std::string addresses;
    for (const Listener& socket : *sockets_) addresses += (addresses.empty() ? "" : " ") + socket.address();
    return addresses;
}

std::string Service::plugin_names() const {
    std::string names;
    for (const PluginInstance* plugin : plugins_) names += (names.empty() ? "" : ", ") + plugin->name();
    return names;
}

// Null: the plugin has no such connection.
Connection* Service::find(const PluginInstance& plugin, std::uint64_t id) noexcept {
    Connection* connection = endpoint_.slots.find(id);
    return connection != nullptr && connection->plugin.load(std::memory_order_relaxed) == &plugin ? connection : nullptr;
}

// A note has been left for its owner, which may wait with its thread.
void Service::ring(Connection& connection, std::uint64_t id) noexcept {
    if (!connection.own_drain.is_waited_for()) return;
    const MutexLock lock(endpoint_.ordering);
    if (!connection.owner.hold(id)) return;
    connection.own_drain.ring();
    connection.owner.let_go();
}

gatehouse_status Service::wake(const PluginInstance& plugin, std::uint64_t id) noexcept {
    Connection* connection = find(plugin, id);
    if (connection == nullptr) return GATEHOUSE_NOT_FOUND;
    plugin.note_wake(); // before anybody serves it because of that
    switch (connection->owner.claim(id, Owner::woken)) {
    case Owner::Claim::gone:
        return GATEHOUSE_NOT_FOUND;
    case Owner::Claim::noted:
        ring(*connection, id);
        return GATEHOUSE_OK;
    case Owner::Claim::owned:
        break;
    }
    connection->life.serving.why = GATEHOUSE_EVENT_WAKE;
    pool.post(connection->posted, id);
    return GATEHOUSE_OK;
}

gatehouse_status Service::look_again(const PluginInstance& plugin, std::uint64_t id) noexcept {
    Connection* connection = find(plugin, id);
    if (connection == nullptr) return GATEHOUSE_NOT_FOUND;
    const Owner::Claim claim = connection->owner.claim(id, Owner::event);
    if (claim == Owner::Claim::gone) return GATEHOUSE_NOT_FOUND;
    if (claim == Owner::Claim::noted) {
        ring(*connection, id);
        return GATEHOUSE_OK;
    }
    connection->life.rests_again = true;
    pool.post(connection->posted, id);
    return GATEHOUSE_OK;
}

// Counts what each connection does. Those that are on their way in or out at that moment may be missed, or seen twice.
void Service::look_at_connections(ListenerStatus& status) const {
    for (const PluginInstance* plugin : plugins_) status.plugins.emplace_back(plugin->name(), 0);
    endpoint_.slots.for_each([&](const Connection& connection, std::uint64_t id) {
        if (!connection.owner.is_of(id)) return;
        const bool rests = connection.owner.resting();
        if (rests) ++status.parked;
        ++status.phases[phase_number(connection.life.phase, rests)];
        status.in += connection.bytes_in;
        status.out += connection.bytes_out;
        const PluginInstance* const plugin = connection.plugin.load(std::memory_order_relaxed);
        const auto of = std::find(plugins_.begin(), plugins_.end(), plugin); // an old generation's is not looked into
        if (of != plugins_.end()) ++status.plugins[static_cast<std::size_t>(of - plugins_.begin())].second;
    });
}

Acceptor::State Service::state() const noexcept {
    Acceptor::State state = Acceptor::State::idle;
    for (const Acceptor& acceptor : acceptors_)
        if (state == Acceptor::State::idle || state == Acceptor::State::accepting) state = acceptor.state();
    return state;
}

ListenerStatus Service::status() const {
    ListenerStatus status;
    status.listener = config.name;
    status.state = state();
    // Read before the reasons, since a connection's reason is counted before it is no longer open: none is in neither.
    status.open = endpoint_.open.load();
    status.in = endpoint_.in.load(); // before the connections that are open: see hand_over_bytes()
    status.out = endpoint_.out.load();
    look_at_connections(status);
    status.in = endpoint_.total_in.raise(status.in);
    status.out = endpoint_.total_out.raise(status.out);
    std::uint64_t ended = 0;
    for (std::size_t i = 0; i < reason_names.size(); ++i) ended += status.reasons[i] = endpoint_.ledger[static_cast<Reason>(i)];
    status.accepted = std::max(endpoint_.accepts.accepted(), ended); // read after them: who has ended was accepted before
    balance(status.phases, status.accepted - ended);
    endpoint_.accepts.for_each_error([&](int error, std::uint64_t count) { status.accept_errors.emplace_back(error, count); });
    for (const TlsServer* server : tls_servers_) status.handshakes += server->handshakes();
    const MutexLock lock(endpoint_.counting); // so that nobody's older number comes after a newer one
    for (const Listener& socket : *sockets_) {
        const auto [depth, limit, drops] = socket.queue().value_or(AcceptQueue{0, static_cast<unsigned>(config.backlog), 0});
        status.queue.depth += depth;
        status.queue.limit += limit;
        status.queue.drops += drops;
    }
    // The kernel counts for a socket, and the listener may have got another one.
    if (status.queue.drops < endpoint_.last_drops) endpoint_.earlier_drops += endpoint_.last_drops;
    endpoint_.last_drops = status.queue.drops;
    status.queue.drops += endpoint_.earlier_drops;
    status.waits = endpoint_.waits.counts();
    status.wait_times = endpoint_.wait_times.counts();
    status.durations = endpoint_.durations.counts();
    status.of_generation = open();
    if (sources() != nullptr) status.sources = sources()->counts(monotonic_now());
    status.pool = pool.counts();
    status.thread_failures = endpoint_.threads.failures.load(std::memory_order_relaxed);
    return status;
}

// --- serving -------------------------------------------------------------------------------------------------------------

void Service::ready(std::uint64_t token, std::uint32_t events) noexcept {
    Connection* connection = endpoint_.slots.find(token);
    if (connection == nullptr) {
        const auto socket = static_cast<std::ptrdiff_t>(ConnectionSlots::socket_of(token)); // one or two, as a rule
        return std::next(acceptors_.begin(), socket)->ready();
    }
    Life& life = connection->life;
    if (events != 0) {
        if (connection->owner.claim(token, Owner::event) != Owner::Claim::owned) return;
        if (connection->rests_for_more()) return ready_for_more(*connection, events);
        if (tells_of_upstream(events) && rests(*connection)) return; // which is not watched any more
        life.serving.why = GATEHOUSE_EVENT_DATA;
        connection->emptied = false; // of TLS, it may be less than a record
        connection->heard(events);
    }
    GATEHOUSE_CHECK(life.phase != Phase::relaying, config.name, token); // the relay engine owns such a one
    if (life.over) return end(*connection, *life.over);
    if (std::exchange(life.rests_again, false)) {
        connection->emptied = false; // so that its entry is set again: an event may have been noted in vain since
        if (rests(*connection)) return;
    }
    const bool deaf = life.serving.deaf && life.phase == Phase::serving;
    if (events != 0 && deaf) {
        if (connection->is_gone()) return end(*connection, Reason::peer_reset);
        if (rests(*connection)) return;
    }
    // With TLS an event may bring no data yet: only a part of a record, or a record without data. No thread waits for the rest,
    // and such bytes do not put off the deadline. Nor do those that another thread has read meanwhile.
    const bool waits_for_bytes = !deaf && (life.phase == Phase::silent || life.phase == Phase::serving);
    if (events != 0 && waits_for_bytes && may_bring_nothing(*connection, events) && !connection->has_news()) {
        connection->emptied = true;
        if (rests(*connection, Stream::Due{connection->parked_until.load(), life.parked_reason})) return;
    }
    switch (life.phase) {
    case Phase::staging:
        life.staging.heard = life.staging.heard || events != 0;
        return advance(*connection);
    case Phase::silent:
        life.phase = Phase::serving;
        life.serving.why = GATEHOUSE_EVENT_OPEN;
        return serve(*connection);
    case Phase::serving:
        return serve(*connection);
    case Phase::lingering:
        return linger(*connection);
    case Phase::relaying: // cannot be: see above
        return;
    }
}

void Service::serve(Connection& connection) noexcept {
    ServingLife& serving = connection.life.serving;
    if (serving.why == GATEHOUSE_EVENT_OPEN) {
        const Nanoseconds waited = monotonic_now() - connection.life.accepted;
        endpoint_.waits.count(waited);
        endpoint_.wait_times.count(waited);
        HalfOpen::leave(connection);
    }
    PluginInstance* const instance = connection.plugin.load(std::memory_order_relaxed);
    GATEHOUSE_CHECK(instance != nullptr, config.name, connection.id); // the stages have found one
    PluginInstance& plugin = *instance;
    if (serving.then != Then::nothing && !goes_on(connection, next_of(serving.then))) return;
    if (puts_off(connection) && rests(connection)) return;
    const OwnDrain::Serving serving_it(connection.own_drain);
    do {
        serving.error.clear(); // what an earlier call has explained is not this one's
        const bool has_spoken = serving.why == GATEHOUSE_EVENT_OPEN && !plugin.server_first();
        if (has_spoken || (serving.why == GATEHOUSE_EVENT_DATA && connection.found == 0)) connection.found = GATEHOUSE_READABLE;
    } while (goes_on(connection, plugin.serve(connection)));
}

// Does what serve() has returned. True: it is to be called again.
bool Service::goes_on(Connection& connection, gatehouse_next next) noexcept {
    ServingLife& serving = connection.life.serving;
    if (serving.carry && !serving.carry->over() && !connection.may_carry()) serving.carry.reset();
    if (connection.is_ordered() && connection.order.load() != EndOrder::stop) return !obey(connection);
    if (connection.is_ordered() && !connection.reason) connection.reason = Reason::ended;
    if (next == GATEHOUSE_NEXT_PARK || next == GATEHOUSE_NEXT_WAIT) {
        if (connection.broken || connection.upgrade_failed() || ends_at_once(connection)) {
            end(connection, reason_for(connection, next));
            return false;
        }
        serving.deaf = next == GATEHOUSE_NEXT_WAIT;
        connection.deadline_hit = connection.deadline_passed = false;
        if (serving.deaf) connection.request_complete();
        forget_news(connection);
        return !rests(connection);
    }
    serving.carry.reset(); // it was for a connection that parks
    if (next == GATEHOUSE_NEXT_RELAY && (!serving.upstream || connection.pending)) {
        serving.error.set(connection.pending ? "serve() returned GATEHOUSE_NEXT_RELAY before its client had TLS"
                                             : "serve() returned GATEHOUSE_NEXT_RELAY without a relay()");
        next = GATEHOUSE_NEXT_ERROR;
    }
    if (connection.pending) drop_upgrade(connection, reason_for(connection, next));
    const bool is_cut = connection.broken || connection.deadline_hit || ends_at_once(connection);
    if ((next == GATEHOUSE_NEXT_CLOSE || next == GATEHOUSE_NEXT_RELAY) && !is_cut && has_output(connection)) {
        serving.then = next == GATEHOUSE_NEXT_CLOSE ? Then::close : Then::relay;
        serving.deaf = true;
        connection.plugin_deadline = never; // it was the plugin's, whose turns are over
        return !rests(connection);
    }
    if (next == GATEHOUSE_NEXT_RELAY)
        start_relay(connection);
    else
        end(connection, reason_for(connection, next));
    return false;
}

// Lets the connection rest, as its phase wants to. True: it rests or has ended, and may belong to another thread already.
// False: it is still the caller's, and has to go on.
bool Service::rests(Connection& connection, std::optional<Stream::Due> until) noexcept {
    Life& life = connection.life;
    if (connection.rests_for_more()) return rests_for_more(connection, false, until);
    const bool waits_for_bytes = (life.phase == Phase::silent || life.phase == Phase::serving) && !life.serving.deaf;
    if (waits_for_bytes && connection.holds_bytes()) {
        if (connection.has_news()) { // no event of the socket will tell
            life.serving.why = GATEHOUSE_EVENT_DATA;
            connection.emptied = false;
            return false;
        }
        connection.emptied = true;
    }
    const Unread unread = life.phase == Phase::staging ? Unread::left : Unread::taken;
    for (;;) {
        switch (parking_.rest(connection, interest_of(connection), unread, until ? *until : connection.due(coarse_now()))) {
        case Rest::resting:
            return true;
        case Rest::reset:
            end(connection, Reason::peer_reset);
            return true;
        case Rest::no_memory:
            if (life.phase == Phase::lingering)
                close(connection);
            else
                end(connection, Reason::host_out_of_memory);
            return true;
        case Rest::stopping:
            // A client that has begun to speak may go on, within the deadline of its stage and the drain's.
            if (life.phase == Phase::silent ||
                (life.phase == Phase::staging && !life.staging.heard && !connection.has_input())) {
                end(connection, Reason::drained);
                return true;
            }
            if (life.phase != Phase::serving) continue;
            life.serving.why = GATEHOUSE_EVENT_STOPPING;
            if (!connection.reason) connection.reason = Reason::drained;
            return false;
        case Rest::ordered:
            if (life.phase == Phase::lingering) {
                life.obeyed = connection.order.load(); // it ends anyway
                continue;
            }
            return obey(connection);
        case Rest::data:
            life.serving.why = GATEHOUSE_EVENT_DATA;
            break;
        case Rest::woken:
            life.serving.why = GATEHOUSE_EVENT_WAKE;
            break;
        }
        if (life.phase == Phase::staging) {
            connection.hear_again();
            life.staging.heard = true;
        }
        return false;
    }
}

void Service::start_relay(Connection& connection) noexcept {
    // In this order: whoever gives an order leaves the sockets alone from here on, or has given it before.
    connection.relayed.store(true);
    if (connection.is_ordered() && connection.order.load() != EndOrder::stop) {
        obey(connection);
        return;
    }
    Upstream& server = *connection.life.serving.upstream;
    connection.watch.remove(connection.fd);
    server.watch.remove(server.fd);
    connection.life.server = Peer(server.peer_address());
    connection.life.phase = Phase::relaying;
    connection.idle = server.idle;
    GATEHOUSE_CHECK(connection.watch.interest() == Interest::none, config.name, connection.id); // the relay's alone
    if (!shared_.relays.start(connection)) end(connection, Reason::host_out_of_memory);
}

void Service::relay_ended(Connection& connection, Reason reason) noexcept {
    GATEHOUSE_CHECK(connection.life.phase == Phase::relaying, config.name, connection.id);
    connection.read_end = true; // nothing is left to linger for
    end(connection, reason);
}

// --- deadlines -----------------------------------------------------------------------------------------------------------

// The caller has claimed the connection, whose time had come when it was looked at.
void Service::expire(Connection& connection, Nanoseconds now) noexcept {
    Life& life = connection.life;
    // It may have been served since then; the deadline of its last parking counts. And a drain may have been taken back.
    if (connection.parked_until.load(std::memory_order_relaxed) > now ||
        (life.parked_reason == Reason::drained && connection.drain().deadline() > now)) {
        life.rests_again = true;
        return pool.post(connection.posted, connection.id);
    }
    const Reason reason = life.parked_reason;
    if (life.phase == Phase::lingering) return close(connection);
    if (life.phase == Phase::silent || (life.phase == Phase::staging && reason == Reason::drained))
        return end(connection, reason);
    if (life.phase == Phase::staging) {
        life.staging.expired = true;
        return pool.post(connection.posted, connection.id);
    }
    switch (pass_deadline(connection, reason, now)) {
    case Passed::goes_on:
        life.rests_again = true;
        break;
    case Passed::ends:
        life.over = reason;
        break;
    case Passed::told:
        break;
    }
    pool.post(connection.posted, connection.id);
}

// What the passing of a deadline means to a connection that is served.
Service::Passed Service::pass_deadline(Connection& connection, Reason reason, Nanoseconds now) noexcept {
    ServingLife& serving = connection.life.serving;
    serving.why = reason == Reason::deadline ? GATEHOUSE_EVENT_TIMER : GATEHOUSE_EVENT_TIMEOUT;
    if (reason == Reason::upstream_failed || reason == Reason::tls_failed) return Passed::goes_on; // its attempt finds that out
    if (connection.holds_output() && (reason == Reason::idle_timeout || reason == Reason::too_slow))
        return connection.output_is_late(now) ? Passed::ends : Passed::goes_on;
    if (reason == Reason::drained || serving.then != Then::nothing) return Passed::ends;
    if (serving.carry) serving.carry->give_up(GATEHOUSE_TIMEOUT);
    connection.expire(reason);
    return Passed::told;
}

Nanoseconds Service::supervise(Nanoseconds now) noexcept {
    Nanoseconds again = std::min(supervise_limits(now), follow_orders(now));
    for (Acceptor& acceptor : acceptors_) again = std::min(again, acceptor.supervise(now));
    again = std::min(again, tell_of_refusals(now, false));
    return std::min(again,
                    parking_.sweep(endpoint_.slots, *this, now, [&](Connection& connection) { expire(connection, now); }));
}

// --- drain ---------------------------------------------------------------------------------------------------------------

void Service::stop_accepting(bool take_waiting) noexcept {
    is_current_ = false;
    doors_ = Doors::closed;
    for (Acceptor& acceptor : acceptors_) {
        acceptor.stop();
        if (take_waiting) acceptor.take_waiting(config.backlog);
    }
    tell_of_refusals(monotonic_now(), true);
}

void Service::begin_drain() noexcept {
    endpoint_.slots.for_each([&](Connection& connection, std::uint64_t id) {
        if (connection.listener.load(std::memory_order_relaxed) != this) return;
        if (connection.owner.claim(id, Owner::stop) != Owner::Claim::owned) return ring(connection, id);
        Life& life = connection.life;
        char first = 0; // a first byte may have arrived without an event yet
        switch (life.phase) {
        case Phase::silent:
            if (receive_now(connection.fd, &first, 1, MSG_PEEK, connection.stops_short) <= 0)
                return end(connection, Reason::drained);
            break;
        case Phase::serving:
            if (std::exchange(life.stop_told, true)) { // by an earlier drain, whose deadline is another
                life.rests_again = true;
                break;
            }
            life.serving.why = GATEHOUSE_EVENT_STOPPING;
            if (!connection.reason) connection.reason = Reason::drained;
            break;
        case Phase::staging:
        case Phase::relaying:
        case Phase::lingering:
            break;
        }
        pool.post(connection.posted, id);
    });
}

} // namespace gatehouse::host
