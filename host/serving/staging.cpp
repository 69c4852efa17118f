// The stages before serve(). What has arrived usually stays unread there, so an edge is all that ever tells of news: the socket
// is put into the epoll set once, and never armed again for what was there before. An event that comes while a thread looks is
// left in the connection's word by whoever is told of it, and makes the thread look again before the connection may rest. So
// nothing is missed, and a client that sends a byte a second costs one look a second.
#include "serving/service.hpp"

#include "stages/stage.hpp"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>

namespace gatehouse::host {
namespace {

constexpr std::uint32_t stage_events = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET; // those of a served one

bool has_ended(int fd) noexcept {
    pollfd state{fd, POLLRDHUP, 0};
    return ::poll(&state, 1, 0) > 0;
}

} // namespace

std::optional<std::span<const std::byte>> peek(Connection& connection, std::span<std::byte> buffer) noexcept {
    if (connection.tls) {
        std::size_t size = 0;
        bool ended = false;
        const TlsSession::Outcome what = connection.tls->peek(buffer.data(), buffer.size(), size, ended);
        if (ended && (what == TlsSession::Outcome::reset || what == TlsSession::Outcome::failed)) return std::nullopt;
        connection.hangup = connection.hangup || ended;
        connection.emptied = size == 0;
        return std::span<const std::byte>(buffer).first(size);
    }
    for (;;) {
        const ssize_t size = ::recv(connection.fd, buffer.data(), buffer.size(), MSG_PEEK | MSG_DONTWAIT);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno != EAGAIN) return std::nullopt;
        if (size == 0) connection.hangup = true;
        connection.emptied = size <= 0;
        return std::span<const std::byte>(buffer).first(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    }
}

// To the first stage from `number` on that is for this connection, or to what comes after the last one.
void Service::enter_stage(Connection& connection, std::size_t number, Nanoseconds now) noexcept {
    for (; number < stages_.size(); ++number) {
        const std::optional<Milliseconds> limit = stages_[number]->limit(connection);
        if (!limit) continue;
        connection.phase = Connection::Phase::staging;
        connection.stage = static_cast<std::uint8_t>(number);
        connection.stage_begun = false;
        connection.stage_due = std::min(after(now, *limit), connection.lifetime);
        return;
    }
    const bool server_first = connection.plugin.load(std::memory_order_relaxed)->server_first();
    connection.phase = server_first ? Connection::Phase::serving : Connection::Phase::silent;
    connection.stage_due = std::min(after(now, config_.first_byte_timeout), connection.lifetime);
}

// Through as many stages as what has arrived allows.
void Service::advance(Connection& connection) noexcept {
    while (connection.phase == Connection::Phase::staging) {
        const Stage::News news{connection.hangup, std::exchange(connection.stage_expired, false)};
        const Verdict verdict = stages_[connection.stage]->look(connection, news);
        switch (verdict.what) {
        case Verdict::What::refuse:
            return end(connection, verdict.reason);
        case Verdict::What::pass:
            if (!connection.admitted) { // it is known now for whom it comes
                if (const auto reason = admit(connection.peer_address(), coarse_now(), connection.source))
                    return end(connection, *reason);
                connection.admitted = true;
                connection.entered = !detects_;
            }
            enter_stage(connection, connection.stage + std::size_t{1}, coarse_now());
            break;
        case Verdict::What::more:
        case Verdict::What::room:
            if (news.ended) return end(connection, Reason::peer_closed);
            if (news.expired && connection.stage_due <= monotonic_now()) return end(connection, Reason::first_byte_timeout);
            if (connection.hangup) break; // found out by the look itself
            if (rest(connection, verdict.what == Verdict::What::room)) return;
        }
    }
    connection.stop_told = false;
    if (std::exchange(connection.for_room, false)) unwatch(connection); // plugins are not told of room
    if (connection.phase == Connection::Phase::silent) {
        if (connection.emptied && !connection.hangup) {
            if (!park(connection)) pool_.post(connection.id);
            return;
        }
        connection.phase = Connection::Phase::serving;
    }
    connection.why = GATEHOUSE_EVENT_OPEN;
    connection.emptied = false;
    serve(connection);
}

// park() for a connection in a stage. True: it rests, and may belong to another thread already. False: there is news.
bool Service::rest(Connection& connection, bool for_room) noexcept {
    for (;;) {
        const std::uint64_t word = connection.word.load();
        if ((word & Connection::stop) != 0) connection.word.fetch_and(~std::uint64_t{Connection::stop});
        if (((word & Connection::stop) != 0 || commons_.drain.started()) && !std::exchange(connection.stop_told, true)) {
            // Who has begun to speak may go on, within the stage's time and the drain's.
            if (!connection.heard && !readable(connection.fd)) {
                end(connection, Reason::drained);
                return true;
            }
        }
        if ((word & (Connection::event | Connection::woken)) != 0) {
            connection.word.fetch_and(~std::uint64_t{Connection::event | Connection::woken});
            connection.hangup = connection.hangup || has_ended(connection.fd); // what the other thread was told of
            connection.heard = true;
            return false;
        }
        if (!connection.watched || for_room != connection.for_room) {
            const std::uint32_t events = stage_events | (for_room ? std::uint32_t{EPOLLOUT} : 0U);
            const bool armed = connection.watched ? pool_.rearm(connection.fd, events, connection.id)
                                                  : pool_.watch(connection.fd, events, connection.id);
            if (!armed) {
                end(connection, Reason::host_out_of_memory);
                return true;
            }
            connection.watched = true;
            connection.for_room = for_room;
        }
        if (settle(connection, due(connection, coarse_now()), word)) return true;
    }
}

} // namespace gatehouse::host
