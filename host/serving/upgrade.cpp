// TLS that a plugin begins with its client (STARTTLS). The stage that shakes hands before serve() does it here, too, under the
// same limits. Meanwhile the connection rests, as with an attempt to reach a server; or its plugin's thread waits.
#include "base/if_memory_allows.hpp"
#include "serving/service.hpp"

#include <string>

namespace gatehouse::host {
namespace {

gatehouse_status status_of(Reason reason) noexcept {
    switch (reason) {
    case Reason::peer_closed:
    case Reason::peer_reset:
        return GATEHOUSE_RESET;
    case Reason::listener_full:
    case Reason::handshakes_full:
    case Reason::host_out_of_memory:
        return GATEHOUSE_EXHAUSTED;
    default:
        return GATEHOUSE_FAILED;
    }
}

std::string why_of(const Connection& connection, gatehouse_status status, std::optional<Reason> reason) {
    const Upgrade& upgrade = *connection.life.serving.upgrade;
    if (upgrade.unused > 0) return std::to_string(upgrade.unused) + " bytes in plain came behind the command";
    if (status == GATEHOUSE_TIMEOUT) return "the handshake took too long";
    if (status == GATEHOUSE_RESET) return "the client has gone";
    if (status == GATEHOUSE_EXHAUSTED) return std::string(to_string(*reason));
    return std::string(connection.tls->words());
}

} // namespace

bool Service::step_upgrade(Connection& connection) noexcept {
    const Upgrade& upgrade = *connection.life.serving.upgrade;
    StagingLife& staging = connection.life.staging;
    if (upgrade.status) return true;
    const Visitor visitor = visitor_of(connection, monotonic_now() >= staging.due);
    if (upgrade.unused > 0) return end_upgrade(connection, GATEHOUSE_FAILED, Reason::tls_failed);
    const Stream::Flushed flushed = connection.flush(); // what the plugin has written before goes first, in plain
    if (flushed == Stream::Flushed::broken) return end_upgrade(connection, GATEHOUSE_RESET, std::nullopt);
    if (flushed != Stream::Flushed::all && !visitor.expired) return false;
    for (;;) {
        const Verdict verdict = upgrades_.look(visitor);
        if (verdict.limit) staging.due = after(monotonic_now(), *verdict.limit);
        switch (verdict.what) {
        case Verdict::What::pass:
            return end_upgrade(connection, GATEHOUSE_OK, std::nullopt);
        case Verdict::What::full:
            if (make_room_for_handshake(*staging.tls)) continue;
            note_rule(connection, handshakes_rule(*staging.tls));
            [[fallthrough]];
        case Verdict::What::refuse:
            if (verdict.reason == Reason::peer_closed) { // or by an order, which then is the reason
                connection.broken = true;
                return end_upgrade(connection, GATEHOUSE_RESET, std::nullopt);
            }
            return end_upgrade(connection, visitor.expired ? GATEHOUSE_TIMEOUT : status_of(verdict.reason), verdict.reason);
        case Verdict::What::more:
            if (visitor.expired) return end_upgrade(connection, GATEHOUSE_TIMEOUT, Reason::first_byte_timeout);
            if (connection.tls) note_half_open(connection, coarse_now());
            return false;
        }
    }
}

// It is over. Always true.
bool Service::end_upgrade(Connection& connection, gatehouse_status status, std::optional<Reason> reason) noexcept {
    Upgrade& upgrade = *connection.life.serving.upgrade;
    HalfOpen::leave(connection);
    upgrade.status = status;
    if (status == GATEHOUSE_OK) return true;
    if (!connection.reason) connection.reason = reason;
    if_memory_allows([&] { upgrade.why = why_of(connection, status, reason); });
    if (upgrade.unused > 0) upgrades_.failed(visitor_of(connection, false), upgrade.why);
    return true;
}

// The plugin has no more use for it, or the connection ends.
void Service::drop_upgrade(Connection& connection, Reason reason) noexcept {
    if (!connection.pending) return;
    cut_handshake(connection, reason);
    HalfOpen::leave(connection);
    if (connection.tls && !connection.tls->established()) connection.tls.reset();
    connection.life.serving.upgrade.reset();
    connection.pending = false;
}

} // namespace gatehouse::host
