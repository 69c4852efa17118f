// What happens when a listener is at one of its limits: connections that cost their client nothing give way to newcomers, and
// the log says which limit it is, and what has taken the room.
#include "base/if_memory_allows.hpp"
#include "serving/service.hpp"
#include "threads/wait.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace gatehouse::host {
namespace {

// A connection that has said nothing for so long gives way at max_connections: by then a client has sent its first bytes.
constexpr Nanoseconds silence = 1'000'000'000;

} // namespace

Rule Service::connections_rule() const noexcept {
    constexpr std::string_view key = LiveLimits::name(LiveLimits::Key::max_connections);
    if (const auto ordered = endpoint_.limits.find(LiveLimits::Key::max_connections))
        return {of_an_order, 0, key, std::uint64_t{*ordered}};
    return {config.max_connections_where, key, std::uint64_t{config.max_connections}};
}

Rule Service::handshakes_rule(const TlsServer& server) noexcept {
    return {server.config().max_handshakes_where, "max_handshakes", server.config().max_handshakes};
}

bool Service::give_way(HalfOpen& among, Nanoseconds silent_since, const ListenerShare* listener, const Refusal& why) noexcept {
    Connection* const connection = among.give_way(silent_since, listener);
    if (connection == nullptr) return false;
    Life& life = connection->life;
    if (life.phase == Phase::serving) { // its plugin has begun TLS; a thread of its pool ends it, since closed() is called
        of(*connection).drop_upgrade(*connection, why.reason);
        connection->broken = true; // it does not linger
        life.over = why.reason;
        note_rule(*connection, why.rule);
        of(*connection).pool.post(connection->posted, connection->id);
        return true;
    }
    of(*connection).end(*connection, why);
    return true;
}

// There is room for one more connection; a connection of this listener gives way if there is not. If its plugin has begun TLS,
// it has ended a little later, and room() tells the newcomers that wait.
bool Service::make_room() noexcept {
    const auto has_room = [this] { return endpoint_.open.load() < max_connections(); };
    if (has_room()) return true;
    connections_met_.met(shared_.alarm);
    const Nanoseconds latest = monotonic_now() - silence;
    const Refusal why{Reason::listener_full, connections_rule()};
    if (!give_way(half_open_, latest, this, why))
        (void)std::any_of(tls_servers_.begin(), tls_servers_.end(),
                          [&](const TlsServer* server) { return give_way(shared_.handshakes.at(server), latest, this, why); });
    return has_room();
}

// There is no room for another handshake: one that has begun gives way.
bool Service::make_room_for_handshake(const TlsServer& server) noexcept {
    handshakes_met_.met(shared_.alarm);
    const Refusal why{Reason::handshakes_full, handshakes_rule(server)};
    if (give_way(shared_.handshakes.at(&server), never, nullptr, why)) return true;
    server.counts().cut(why.reason);
    return false;
}

bool Service::newcomer_waits() const noexcept {
    return std::any_of(sockets_->begin(), sockets_->end(), [](const Listener& listener) {
        std::array<pollfd, 1> socket{{{listener.descriptor(), POLLIN, 0}}};
        return ready_now(socket);
    });
}

void Service::tell_limit(std::string_view limit, std::uint64_t value, const std::string& why) const {
    shared_.log.warning("at a limit", {{"listener", config.name}, {"limit", limit}, {"value", value}, {"why", why}});
}

// Returns when it wants to be asked again.
Nanoseconds Service::supervise_limits(Nanoseconds now) noexcept {
    Nanoseconds again = never;
    const auto is_full = [](const Acceptor& acceptor) { return acceptor.state() == Acceptor::State::full; };
    if (std::any_of(acceptors_.begin(), acceptors_.end(), is_full)) { // newcomers wait: make_room() may find room for them now
        if (newcomer_waits() && make_room()) room();                  // connections of other generations may have ended
        again = now + silence;
    }
    const auto text = [](std::uint64_t number, const char* what) { return std::to_string(number) + what; };
    if_memory_allows([&] {
        if (connections_met_.is_due([&] { return endpoint_.open.load() >= max_connections(); }, now, again)) {
            std::uint32_t resting = 0;
            endpoint_.slots.for_each([&](const Connection& connection, std::uint64_t /*id*/) {
                if (connection.owner.resting()) ++resting;
            });
            std::uint32_t silent = half_open_.size();
            for (const TlsServer* server : tls_servers_) silent += server->handshakes();
            tell_limit("max_connections", max_connections(),
                       text(silent, " have not said enough to be served, ") + text(resting,
                                                                                   " rest, those included; the others are "
                                                                                   "being served or relayed"));
        }
        if (pool.crowded_since() != never) threads_met_.met(shared_.alarm);
        if (threads_met_.is_due([&] { return pool.crowded_since() != never; }, now, again)) {
            const Pool::Counts counts = pool.counts();
            tell_limit("threads.max", config.threads.max,
                       text(pool.writing(), " wait for clients that do not read, ") +
                           text(counts.blocked, " wait in the plugin, those included; the others compute"));
        }
        const auto most = [](const TlsServer* server) { return server->handshakes() >= server->config().max_handshakes; };
        const auto tls = std::find_if(tls_servers_.begin(), tls_servers_.end(), most);
        if (handshakes_met_.is_due([&] { return tls != tls_servers_.end(); }, now, again))
            tell_limit("max_handshakes", (*tls)->config().max_handshakes,
                       text((*tls)->handshakes(), " handshakes with [tls.") + (*tls)->config().name +
                           "] have not ended; newcomers take the place of those that have been silent for longest");
        const auto plugin =
            std::find_if(plugins_.begin(), plugins_.end(), [](const PluginInstance* one) { return one->is_full(); });
        if (plugin_met_.is_due([&] { return plugin != plugins_.end(); }, now, again))
            tell_limit("plugins." + (*plugin)->name() + ".max_connections", (*plugin)->max_connections(),
                       "this plugin has so many connections, over all listeners; newcomers are refused");
    });
    return again;
}

} // namespace gatehouse::host
