#include "stages/tls_stage.hpp"

#include <algorithm>
#include <new>

namespace gatehouse::host {

std::optional<Milliseconds> TlsStage::limit(const Connection& connection) const noexcept {
    return server_for(connection) == nullptr ? std::nullopt : std::optional(listener_.first_byte_timeout);
}

Verdict TlsStage::look(Connection& connection, News news) const noexcept {
    if (!connection.tls) {
        if (news.expired || !connection.has_news()) return Verdict::more(); // a session costs memory and a place
        Reason refused{};
        TlsServer& server = *server_for(connection);
        connection.tls = server.session(connection.fd, refused);
        if (!connection.tls) return Verdict::refuse(refused);
        connection.stage_due = std::min(after(monotonic_now(), server.config().handshake_timeout), connection.lifetime);
    } else if (news.expired && connection.stage_due <= monotonic_now()) {
        connection.broken = true; // it is not waited for any longer
        return failed(connection, "handshake_timeout has passed");
    }
    switch (connection.tls->handshake()) {
    case TlsSession::Outcome::done:
        // The first bytes often come with the end of the handshake, and no event will tell of those that have been taken.
        connection.emptied = connection.tls->emptied() || !connection.has_news();
        return Verdict::pass();
    case TlsSession::Outcome::want_read:
        return Verdict::more();
    case TlsSession::Outcome::want_write:
        return Verdict::room();
    case TlsSession::Outcome::end:
    case TlsSession::Outcome::cut:
        connection.at_end = true;
        return Verdict::refuse(Reason::peer_closed);
    case TlsSession::Outcome::reset:
        connection.broken = true;
        return Verdict::refuse(Reason::peer_reset);
    case TlsSession::Outcome::failed:
        break;
    }
    return failed(connection, connection.tls->words());
}

Verdict TlsStage::failed(Connection& connection, std::string_view why) const noexcept {
    try {
        log_.info("TLS handshake failed",
                  {{"listener", listener_.name}, {"peer", to_string(connection.peer_address())}, {"error", why}});
    } catch (const std::bad_alloc&) { // the reason is counted all the same
    }
    return Verdict::refuse(Reason::tls_failed);
}

} // namespace gatehouse::host
