// From the accept queue to a connection: who may come.
#include "base/time_text.hpp"
#include "serving/access_log.hpp"
#include "serving/service.hpp"

#include <unistd.h>

namespace gatehouse::host {

bool Service::has_room() noexcept {
    if (endpoint_.open.load() < max_connections() || config.when_full == WhenFull::refuse) return true;
    return newcomer_waits() && make_room();
}

// Why a connection must not come, if so. Otherwise it counts for its source and, unless routes are to find out which that is,
// for its plugin.
std::optional<Refusal> Service::admit(const SocketAddress& address, Behalf behalf, Nanoseconds now,
                                      std::uint32_t& source) noexcept {
    if (shared_.denials.any())
        if (const auto order = shared_.denials.deny(config.name, ip_address(address)))
            return Refusal{Reason::denied_acl, Rule(of_an_order, 0, "deny", *order)};
    if (const auto refusal = access_.admit(address, now, source, behalf)) return refusal;
    if (detects_ || plugin_->enter()) return std::nullopt;
    plugin_met_.met(shared_.alarm);
    access_.leave(source);
    return Refusal{Reason::plugin_full, plugin_->connections_rule()};
}

// Makes a connection of an accepted descriptor, or refuses it.
void Service::welcome(int fd, const SocketAddress& peer) noexcept {
    const Nanoseconds now = monotonic_now();
    std::uint32_t source = 0;
    const bool for_another = proxies_ != nullptr && proxies_->lists(peer); // its header will name the client
    if (!for_another) {
        if (const std::optional<Refusal> refusal = admit(peer, Behalf::client, now, source)) return refuse(fd, peer, *refusal);
    }
    Connection* found = nullptr;
    make_room();
    const std::uint32_t most = max_connections();
    if (endpoint_.open.fetch_add(1) < most) found = endpoint_.slots.take();
    if (found == nullptr) {
        const bool is_full = endpoint_.open.fetch_sub(1) > most;
        room(); // another thread may have counted this one
        if (!for_another) access_.leave(source);
        if (!for_another && !detects_) plugin_->leave();
        return refuse(fd, peer,
                      is_full ? Refusal{Reason::listener_full, connections_rule()} : Refusal{Reason::host_out_of_memory});
    }
    if (shared_.log.enabled(LogLevel::debug))
        shared_.log.debug("accept", {{"listener", config.name}, {"peer", AddressText(peer)}, {"fd", fd}});
    Connection& connection = *found;
    open_.fetch_add(1);
    connection.open(fd, *this);
    connection.plugin.store(plugin_, std::memory_order_release);
    connection.idle = after(0, config.idle_timeout);
    connection.lifetime = after(now, config.lifetime);
    connection.life.peer = Peer(peer);
    connection.life.accepted = now;
    connection.life.source = source;
    connection.life.admitted = !for_another;
    connection.life.entered = !for_another && !detects_;
    if (!connection.set_rate(config.min_rate, config.min_rate_window)) return end(connection, Reason::host_out_of_memory);
    enter_stage(connection, 0, now);
    if (connection.life.phase != Phase::serving) half_open_.enter(connection, now);
    if (acceptors_.front().serves_at_once())
        serve(connection);
    else
        place(connection);
}

// Lets a newcomer rest until it says something, unless it is to be served at once.
void Service::place(Connection& connection) noexcept {
    const Life& life = connection.life;
    const bool at_once =
        life.phase == Phase::serving || (life.phase == Phase::staging && stages_[life.staging.number]->at_once());
    if (at_once || !rests(connection)) pool.post(connection.posted, connection.id);
}

void Service::refuse(int fd, const SocketAddress& peer, const Refusal& refusal) noexcept {
    endpoint_.ledger.count(refusal.reason); // before the client can know
    ::close(fd);
    if (shared_.access_log && has_record(refusal.reason, peer))
        log_closed(shared_.log, {.listener = config.name, .peer = peer, .reason = refusal.reason, .rule = &refusal.rule});
}

// Whether one that is refused has a record of its own.
bool Service::has_record(Reason reason, const SocketAddress& peer) noexcept {
    const Nanoseconds now = monotonic_now();
    bool first = false;
    if (refusals_.has_record(reason, peer, now, first)) return true;
    if (first) shared_.alarm.wake_by(now); // the main thread asks when their second is over
    return false;
}

// Those that have had no record of their own.
Nanoseconds Service::tell_of_refusals(Nanoseconds now, bool all) noexcept {
    Nanoseconds again = never;
    while (const std::optional<Refusals::Many> many = refusals_.take(now, all, again))
        shared_.log.info("refused", {{"listener", config.name},
                                     {"peer", AddressText(many->peer)},
                                     {"reason", to_string(many->reason)},
                                     {"count", many->count},
                                     {"first", time_text(many->first).view()},
                                     {"last", time_text(many->last).view()}});
    return again;
}

} // namespace gatehouse::host
