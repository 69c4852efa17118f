#include "stages/tls_stage.hpp"

#include "connection/id_text.hpp"

#include <algorithm>
#include <array>

namespace gatehouse::host {

using Failure = HandshakeCounts::Failure;

std::optional<Milliseconds> TlsStage::limit(const Visitor& visitor) const noexcept {
    return server_for(visitor) == nullptr ? std::nullopt : std::optional(listener_.first_byte_timeout);
}

Verdict TlsStage::look(const Visitor& visitor) const noexcept {
    Channel& channel = visitor.channel;
    Verdict verdict = Verdict::pass();
    TlsServer& server = *server_for(visitor);
    HandshakeCounts& counts = server.counts();
    if (!channel.tls) {
        std::array<std::byte, 1> first{};
        const auto seen = channel.peek(first); // which tells an end from a reset, unlike a handshake
        if (!seen) {
            channel.broken = true;
            return Verdict::refuse(Reason::peer_reset);
        }
        if (seen->empty() && channel.hangup) {
            channel.read_end = true;
            return Verdict::refuse(Reason::peer_closed);
        }
        if (visitor.expired || seen->empty()) return Verdict::more(); // a session costs memory and a place
        Reason refused{};
        channel.tls = server.session(channel.fd, refused);
        if (!channel.tls && refused == Reason::handshakes_full) return Verdict::full(refused);
        if (!channel.tls) {
            counts.cut(refused);
            return Verdict::refuse(refused);
        }
        if (channel.stops_short) channel.tls->expect_short_reads();
        verdict.limit = server.config().handshake_timeout;
    } else if (visitor.expired) {
        channel.broken = true; // it is not waited for any longer
        channel.tls->give_up();
        counts.failed(Failure::timeout);
        return failed(visitor, "handshake_timeout has passed");
    }
    switch (channel.tls->handshake()) {
    case TlsSession::Outcome::done:
        // The first bytes often come with the end of the handshake, and no event will tell of those that have been taken.
        channel.emptied = channel.tls->emptied() || !channel.has_news();
        counts.done(channel.tls->version(), channel.tls->resumed(), monotonic_now() - channel.tls->begun());
        return verdict;
    case TlsSession::Outcome::want_read:
    case TlsSession::Outcome::want_write:
        verdict.what = Verdict::What::more;
        return verdict;
    case TlsSession::Outcome::end:
    case TlsSession::Outcome::cut:
        channel.read_end = true;
        counts.failed(Failure::gone);
        return Verdict::refuse(Reason::peer_closed);
    case TlsSession::Outcome::reset:
        channel.broken = true;
        counts.failed(Failure::gone);
        return Verdict::refuse(Reason::peer_reset);
    case TlsSession::Outcome::failed:
        break;
    }
    counts.failed(HandshakeCounts::failure_of(channel.tls->words()));
    return failed(visitor, channel.tls->words());
}

// Full or not, one that is silent gives way.
Verdict TlsStage::explain(const Visitor& visitor, const Asked& asked, Explanation& explanation) const {
    const TlsServer& server = *server_for(visitor);
    const std::string rule = where_text(Rule(server.config().where, "tls"));
    if (!asked.tls) {
        explanation.add("tls", rule, Explanation::Verdict::unknown, "TLS with [tls." + server.config().name + "] is required");
        return Verdict::more();
    }
    explanation.add("tls", rule, Explanation::Verdict::passes,
                    "TLS ends here, with [tls." + server.config().name + "]: " + std::to_string(server.handshakes()) + " of " +
                        std::to_string(server.config().max_handshakes) + " handshakes");
    return Verdict::pass();
}

Verdict TlsStage::failed(const Visitor& visitor, std::string_view why) const noexcept {
    log_.info("TLS handshake failed", {{"id", id_text(listener_.name, visitor.id).view()},
                                       {"listener", listener_.name},
                                       {"peer", AddressText(visitor.peer)},
                                       {"error", why}});
    return Verdict::refuse(Reason::tls_failed);
}

} // namespace gatehouse::host
