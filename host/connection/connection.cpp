#include "connection/connection.hpp"

#include <algorithm>
#include <utility>

namespace gatehouse::host {

namespace {

// An idle client that does not close its side must not hold up a drain for longer.
constexpr Nanoseconds longest_silence_in_a_drain = 2'000'000'000;

Stream::Due lingering_due(const Connection& connection, Nanoseconds now) noexcept {
    Nanoseconds silence = connection.idle;
    if (connection.drain().started()) silence = std::min(silence, longest_silence_in_a_drain);
    return {std::min(connection.plugin_deadline, plus(now, silence)), Reason::done};
}

bool is_pending(const Upstream& server) noexcept { return server.attempt && !server.attempt->told; }

} // namespace

void Connection::open(int socket, const ListenerShare& share) noexcept {
    static_cast<Stream&>(*this) = Stream(share.drain);
    is_client = true;
    fd = socket;
    wanted = GATEHOUSE_READABLE;
    watch.begin(share.pool);
    life = {};
    order.store(EndOrder::none);
    own_drain.forget();
    relayed.store(false);
    listener.store(&share, std::memory_order_relaxed);
}

Stream::Due Connection::due(Nanoseconds now) const noexcept {
    const Nanoseconds timer = life.phase == Phase::serving && carries() ? never : plugin_deadline; // told when that is over
    Due due = life.phase == Phase::lingering                                ? lingering_due(*this, now)
              : life.phase == Phase::staging || life.phase == Phase::silent ? Due{life.staging.due, Reason::first_byte_timeout}
                                                                            : Stream::due(now, timer);
    if (life.phase == Phase::serving && life.serving.then == Then::nothing && attempts() &&
        !carries()) { // it owes the host nothing
        due = {std::min(lifetime, plugin_deadline), lifetime < plugin_deadline ? Reason::lifetime : Reason::deadline};
        for (const Upstream* server = life.serving.upstreams; server != nullptr; server = server->next())
            if (is_pending(*server) && server->attempt->deadline() < due.when)
                due = {server->attempt->deadline(), Reason::upstream_failed};
        if (upgrades() && life.staging.due < due.when) due = {life.staging.due, Reason::tls_failed};
    }
    if (drain().deadline() < due.when) due = {drain().deadline(), Reason::drained};
    return due;
}

SocketAddress Connection::peer_address() const noexcept {
    if (life.proxied && life.proxied->source.storage.ss_family == AF_UNIX) return life.proxied->source;
    return life.peer.address();
}

bool Connection::rests_for_more() const noexcept {
    if (life.phase != Phase::serving) return false;
    if (holds_output() || sent_due || wanted != GATEHOUSE_READABLE || carries() || upgrades()) return true;
    if (life.serving.woken_later || life.serving.stops_later) return true;
    for (const Upstream* server = life.serving.upstreams; server != nullptr; server = server->next())
        if (server->wanted != 0 || server->holds_output() || server->sent_due || is_pending(*server)) return true;
    return false;
}

bool Connection::has(const Stream* stream) const noexcept {
    const Upstream* server = life.serving.upstreams;
    while (server != nullptr && server != stream) server = server->next();
    return server != nullptr || stream == this;
}

bool Connection::may_carry() const noexcept { return has(life.serving.carry->from()) && has(life.serving.carry->to()); }

bool Connection::attempts() const noexcept {
    const Upstream* server = life.serving.upstreams;
    while (server != nullptr && !is_pending(*server)) server = server->next();
    return server != nullptr || upgrades();
}

bool Connection::reads_upstreams() const noexcept {
    const Upstream* server = life.serving.upstreams;
    while (server != nullptr && (server->wanted & GATEHOUSE_READABLE) == 0) server = server->next();
    return server != nullptr;
}

} // namespace gatehouse::host
