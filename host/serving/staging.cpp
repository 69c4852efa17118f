// The stages before serve(). What has arrived usually stays unread there, so the kernel reports each arrival only once: the
// host puts the socket into the epoll set once, and never sets it again for what was there before. The thread that gets an
// event while another looks leaves a note in the connection's word, and the owner looks again before the connection may rest.
// So nothing is missed, and a client that sends a byte a second costs one look a second.
#include "base/check.hpp"
#include "base/if_memory_allows.hpp"
#include "serving/service.hpp"

#include <algorithm>
#include <utility>

namespace gatehouse::host {

Visitor Service::visitor_of(Connection& connection, bool expired) noexcept {
    const Life& life = connection.life;
    return {.channel = connection,
            .id = connection.id,
            .peer = connection.peer_address(),
            .behalf = life.is_proxys ? Behalf::proxy : Behalf::client,
            .proxied = life.proxied.get(),
            .tls = life.staging.tls,
            .plugin = life.entered ? connection.plugin.load(std::memory_order_relaxed) : nullptr,
            .has_begun = life.staging.has_begun,
            .expired = expired};
}

// The section that ends TLS for the connection; null: none, as far as is known.
const TlsServer* Service::tls_of(const Connection& connection) const noexcept {
    return config.tls.empty() ? connection.life.staging.tls : tls_servers_.front();
}

// Its handshake, if one goes on, is not waited for: the connection ends for this reason.
void Service::cut_handshake(Connection& connection, Reason reason) const noexcept {
    if (!connection.tls || !connection.tls->shakes_hands()) return;
    connection.tls->give_up();
    tls_of(connection)->counts().cut(reason);
}

// It has said something, and is not served yet.
void Service::note_half_open(Connection& connection, Nanoseconds now) noexcept {
    const bool shakes_hands = connection.tls && !connection.tls->established();
    HalfOpen& in = shakes_hands ? shared_.handshakes.at(tls_of(connection)) : half_open_;
    if (connection.half_open && &connection.half_open->in == &in)
        HalfOpen::heard(connection, now);
    else
        in.enter(connection, now);
}

// Enters the first stage from `number` on that applies to this connection, or serve() if there is none.
void Service::enter_stage(Connection& connection, std::size_t number, Nanoseconds now) noexcept {
    Life& life = connection.life;
    for (; number < stages_.size(); ++number) {
        const std::optional<Milliseconds> limit = stages_[number]->limit(visitor_of(connection, false));
        if (!limit) continue;
        life.phase = Phase::staging;
        life.staging.number = static_cast<std::uint8_t>(number);
        life.staging.has_begun = false;
        life.staging.due = std::min(after(now, *limit), connection.lifetime);
        return;
    }
    const PluginInstance* const plugin = connection.plugin.load(std::memory_order_relaxed);
    GATEHOUSE_CHECK(plugin != nullptr, config.name, connection.id); // the last stage has found one
    life.phase = plugin->server_first() ? Phase::serving : Phase::silent;
    life.staging.due = std::min(after(now, config.first_byte_timeout), connection.lifetime);
}

// Passes as many stages as the bytes that have arrived allow.
void Service::advance(Connection& connection) noexcept {
    Life& life = connection.life;
    while (life.phase == Phase::staging) {
        GATEHOUSE_CHECK(life.staging.number < stages_.size(), config.name, connection.id);
        const bool hung_up = connection.hangup;
        const bool expired = std::exchange(life.staging.expired, false);
        Verdict verdict = stages_[life.staging.number]->look(visitor_of(connection, expired));
        if (verdict.what == Verdict::What::full && make_room_for_handshake(*tls_of(connection))) continue;
        if (verdict.what == Verdict::What::full) return end(connection, {verdict.reason, handshakes_rule(*tls_of(connection))});
        if (verdict.what == Verdict::What::refuse) return end(connection, {verdict.reason, verdict.rule});
        if (verdict.limit) {
            life.staging.has_begun = true;
            life.staging.due = std::min(after(monotonic_now(), *verdict.limit), connection.lifetime);
        }
        if (verdict.what == Verdict::What::more) {
            if (hung_up) return end(connection, Reason::peer_closed);
            if (expired && !verdict.limit) return end(connection, Reason::first_byte_timeout);
            if (connection.hangup) continue; // the look itself has found it out
            if (!expired) note_half_open(connection, coarse_now());
            if (rests(connection)) return;
            continue;
        }
        if (verdict.proxied) {
            life.peer = Peer(verdict.proxied->source);
            life.proxied = std::move(verdict.proxied);
        }
        if (verdict.tls != nullptr) life.staging.tls = verdict.tls;
        if (verdict.routed) life.routed = std::move(verdict.routed);
        if (verdict.plugin != nullptr) {
            if (!verdict.plugin->enter()) {
                plugin_met_.met(shared_.alarm);
                return end(connection, {Reason::plugin_full, verdict.plugin->connections_rule()});
            }
            connection.plugin.store(verdict.plugin, std::memory_order_release);
            life.entered = true;
        }
        if (!life.admitted) { // the header has said on whose behalf the proxy comes
            const Behalf behalf = life.proxied ? Behalf::client : Behalf::proxy;
            if (const auto refusal = admit(connection.peer_address(), behalf, coarse_now(), life.source))
                return end(connection, *refusal);
            life.admitted = true;
            life.is_proxys = behalf == Behalf::proxy;
            life.entered = !detects_;
        }
        const Nanoseconds now = coarse_now();
        enter_stage(connection, life.staging.number + std::size_t{1}, now);
        half_open_.enter(connection, now); // once more: a PROXY header has named another source, or a handshake is over
    }
    life.stop_told = false;
    if (connection.watch.interest() == Interest::bytes_or_room) connection.watch.remove(connection.fd);
    if (life.phase == Phase::silent) {
        if (connection.emptied && connection.short_read_is_all()) {
            if (!rests(connection)) pool.post(connection.posted, connection.id);
            return;
        }
        life.phase = Phase::serving;
    }
    life.serving.why = GATEHOUSE_EVENT_OPEN;
    connection.emptied = false;
    serve(connection);
}

} // namespace gatehouse::host
