#include "serving/watching.hpp"

#include "serving/ending.hpp"
#include "serving/service.hpp"

#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/epoll.h>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr std::uint32_t client_words = EPOLLIN | EPOLLOUT;

// What brings the connection back, of a stream of its own. While bytes are carried that is news that end it.
std::uint32_t wanted_now(const Connection& connection, const Stream& stream) noexcept {
    const ServingLife& serving = connection.life.serving;
    if (connection.carries()) return serving.carry->listens_to(stream) ? GATEHOUSE_READABLE : 0;
    return stream.pending || (&stream == &connection && serving.deaf) ? 0 : stream.wanted;
}

// Whether its bytes are waited for.
bool hears(const Connection& connection, const Stream& stream) noexcept {
    if (connection.carries()) return connection.life.serving.carry->reads(stream);
    if (&stream == &connection && connection.upgrades()) return true;
    return (wanted_now(connection, stream) & GATEHOUSE_READABLE) != 0;
}

bool wants_room(const Connection& connection, const Stream& stream) noexcept {
    return (wanted_now(connection, stream) & GATEHOUSE_WRITABLE) != 0 || stream.holds_output() || stream.wants_write();
}

// Calls visit(stream, wanted) for each that is watched now.
template <class Visit>
void for_each_watched(Connection& connection, Visit visit) noexcept {
    if (const std::uint32_t wanted = wanted_now(connection, connection); wanted != 0)
        visit(static_cast<Stream&>(connection), wanted);
    for (Upstream* server = connection.life.serving.upstreams; server != nullptr; server = server->next())
        if (const std::uint32_t wanted = wanted_now(connection, *server); wanted != 0)
            visit(static_cast<Stream&>(*server), wanted);
}

// The end that a read has returned is no news.
bool may_be_read(const Stream& stream, std::uint32_t wanted) noexcept {
    return (wanted & GATEHOUSE_READABLE) != 0 && !stream.read_end;
}

// The socket has bytes, or an end; or it had, if somebody else may have read them. With TLS they may be less than a record.
void found_input(Stream& stream, bool may_be_late) noexcept {
    if ((stream.tls || may_be_late) && !stream.has_news()) {
        stream.emptied = true;
        return;
    }
    stream.emptied = false;
    stream.found |= GATEHOUSE_READABLE;
}

void found_room(Stream& stream) noexcept {
    stream.full = false;
    if (!stream.holds_output()) stream.found |= GATEHOUSE_WRITABLE;
}

void found(Stream& stream, bool input, bool room, bool may_be_late) noexcept {
    if (input && !stream.read_end) found_input(stream, may_be_late);
    if (room) found_room(stream);
}

// Asks the kernel about all that is watched.
void poll_all(Connection& connection) noexcept {
    std::array<pollfd, most_watched + 1> items; // not initialised: filled as far as it is looked at
    std::array<Stream*, most_watched + 1> streams;
    std::size_t count = 0;
    for_each_watched(connection, [&](Stream& stream, std::uint32_t wanted) {
        const bool room = (wanted & GATEHOUSE_WRITABLE) != 0 || stream.wants_write();
        streams[count] = &stream;
        items[count++] = {
            stream.fd,
            static_cast<short>((may_be_read(stream, wanted) ? POLLIN | POLLPRI | POLLRDHUP : 0) | (room ? POLLOUT : 0)), 0};
    });
    int ready = 0;
    do {
        ready = ::poll(items.data(), count, 0);
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) return;
    for (std::size_t i = 0; i < count; ++i) {
        const auto events = static_cast<std::uint16_t>(items[i].revents);
        if (events == 0) continue;
        Stream& stream = *streams[i];
        stream.hangup = stream.stops_short = false; // what is there now says so again
        stream.heard(events);
        const bool gone = (events & (POLLHUP | POLLERR)) != 0;
        found(stream, gone || (events & (POLLIN | POLLPRI | POLLRDHUP)) != 0, gone || (events & POLLOUT) != 0, false);
    }
}

} // namespace

void note_event(Connection& connection, std::uint32_t events, bool may_be_late) noexcept {
    Stream* stream = nullptr;
    if ((events & client_words) != 0) {
        stream = &connection;
    } else if (tells_of_upstream(events)) {
        Upstream* const first = connection.life.serving.upstreams;
        if (first != nullptr && first->next() == nullptr) stream = first;
    }
    if (stream != nullptr && stream->pending) { // its attempt will look by itself
        if (stream->is_client) stream->heard(events);
        return;
    }
    if (stream == nullptr) return poll_all(connection); // one of several; or a reset, which has no word of its own
    stream->heard(events);
    const bool gone = (events & (EPOLLHUP | EPOLLERR)) != 0;
    found(*stream, gone || (events & (EPOLLIN | EPOLLRDNORM | EPOLLPRI | EPOLLRDHUP)) != 0,
          gone || (events & (EPOLLOUT | EPOLLWRNORM)) != 0, may_be_late);
}

std::optional<gatehouse_event> find_news(Connection& connection, bool all) noexcept {
    bool ask = all;
    for_each_watched(connection, [&](Stream& stream, std::uint32_t wanted) {
        if (may_be_read(stream, wanted) && (stream.found & GATEHOUSE_READABLE) == 0) {
            if (stream.holds_bytes() && stream.has_news())
                stream.found |= GATEHOUSE_READABLE; // no event of the socket will tell
            else
                ask = ask || !stream.emptied || !stream.short_read_is_all();
        }
        if ((wanted & GATEHOUSE_WRITABLE) != 0 && !stream.full && !stream.holds_output()) stream.found |= GATEHOUSE_WRITABLE;
    });
    if (ask) poll_all(connection);
    std::optional<gatehouse_event> why;
    for_each_watched(connection, [&](Stream& stream, std::uint32_t wanted) {
        if ((stream.found & wanted) == 0) {
            stream.emptied = true;
            return;
        }
        if (stream.is_client) why = GATEHOUSE_EVENT_DATA;
        if (!why) why = GATEHOUSE_EVENT_UPSTREAM;
    });
    return why;
}

void forget_news(Connection& connection) noexcept {
    connection.found = 0;
    for (Upstream* server = connection.life.serving.upstreams; server != nullptr; server = server->next()) server->found = 0;
}

bool watch_upstreams(Connection& connection) noexcept {
    for (Upstream* server = connection.life.serving.upstreams; server != nullptr; server = server->next()) {
        const short attempt = server->attempt && server->fd >= 0 ? server->attempt->waits_for(*server) : short{0};
        const bool input = server->pending ? attempt == POLLIN : hears(connection, *server);
        const bool room = server->pending ? attempt == POLLOUT : wants_room(connection, *server);
        const Interest interest = input && room ? Interest::upstream_bytes_or_room
                                  : input       ? Interest::upstream_bytes
                                  : room        ? Interest::upstream_room
                                                : Interest::none;
        if (interest == server->watch.interest()) continue;
        if (interest == Interest::none)
            server->watch.remove(server->fd);
        else if (!server->watch.set(server->fd, connection.id, interest))
            return false;
    }
    return true;
}

Interest client_interest(const Connection& connection) noexcept {
    const bool room = wants_room(connection, connection);
    if (hears(connection, connection)) return room ? Interest::bytes_or_room : Interest::bytes;
    return room ? Interest::room : Interest::reset;
}

std::optional<std::size_t> poll_items(Connection& connection, std::span<pollfd, most_polled> items) noexcept {
    std::size_t count = 0;
    const auto add = [&](Stream& stream, bool input, bool room) {
        stream.watch.remove(stream.fd); // or its events would wake threads for nothing
        items[count++] = {stream.fd, static_cast<short>((input ? POLLIN : 0) | (room ? POLLOUT : 0)), 0};
    };
    // Poll repeats what it has said, so it is not asked about what nobody would take.
    const Carry* const carry = connection.carries() ? connection.life.serving.carry.get() : nullptr;
    const auto takes = [&](const Stream& stream) {
        const bool held_up = carry != nullptr && carry->from() == &stream && carry->to()->holds_output();
        return hears(connection, stream) && !stream.read_end && !held_up;
    };
    const bool is_over = connection.read_end && connection.finished;
    if (const bool room = wants_room(connection, connection); room || !is_over) add(connection, takes(connection), room);
    for (Upstream* server = connection.life.serving.upstreams; server != nullptr; server = server->next()) {
        const short attempt = server->attempt && server->fd >= 0 ? server->attempt->waits_for(*server) : short{0};
        const bool input = server->pending ? attempt == POLLIN : takes(*server);
        const bool room = server->pending ? attempt == POLLOUT : wants_room(connection, *server);
        if ((!input && !room) || server->broken) continue;
        if (count == items.size()) return std::nullopt;
        add(*server, input, room);
    }
    return count;
}

bool step_attempts(Connection& connection) noexcept {
    bool any = false;
    for (Upstream* server = connection.life.serving.upstreams; server != nullptr; server = server->next())
        if (server->attempt && !server->attempt->told && server->step(monotonic_now())) any = server->attempt->told = true;
    return any;
}

Stream::Flushed flush_all(Connection& connection) noexcept {
    using Flushed = Stream::Flushed;
    Flushed all = connection.flush();
    for (Upstream* server = connection.life.serving.upstreams; server != nullptr && all != Flushed::broken;
         server = server->next()) {
        const Flushed flushed = server->flush();
        const bool is_relays = server == connection.life.serving.upstream.get();
        if (flushed == Flushed::broken && !is_relays) continue; // the plugin finds out when it reads or writes
        if (flushed == Flushed::broken || flushed == Flushed::more || all == Flushed::all) all = flushed;
    }
    return all;
}

bool take_sent(Connection& connection) noexcept {
    bool any = connection.sent_due;
    connection.sent_due = false;
    for (Upstream* server = connection.life.serving.upstreams; server != nullptr; server = server->next()) {
        any = any || server->sent_due;
        server->sent_due = false;
    }
    return any;
}

bool has_output(const Connection& connection) noexcept {
    bool any = connection.holds_output();
    for (const Upstream* server = connection.life.serving.upstreams; server != nullptr; server = server->next())
        any = any || server->holds_output();
    return any;
}

// While bytes are carried serve() is not called: what it is to hear is noted for later.
bool puts_off(Connection& connection) noexcept {
    if (!connection.carries()) return false;
    ServingLife& serving = connection.life.serving;
    if (serving.why == GATEHOUSE_EVENT_STOPPING) serving.stops_later = true;
    if (serving.why == GATEHOUSE_EVENT_WAKE) serving.woken_later = true;
    return true;
}

// What the plugin hears next, if there is something: the first of all that there is. `sent`: see take_sent(), which tells once.
std::optional<gatehouse_event> Service::next_event(Connection& connection, bool look, bool sent) noexcept {
    ServingLife& serving = connection.life.serving;
    const std::optional<gatehouse_event> news = find_news(connection, look);
    if (std::exchange(serving.stops_later, false)) {
        connection.sent_due = sent;
        return GATEHOUSE_EVENT_STOPPING;
    }
    if (std::exchange(serving.woken_later, false)) {
        connection.sent_due = sent;
        return GATEHOUSE_EVENT_WAKE;
    }
    if (sent) return GATEHOUSE_EVENT_SENT;
    if (step_attempts(connection)) return GATEHOUSE_EVENT_READY;
    if (connection.upgrades() && step_upgrade(connection)) {
        serving.upgrade->told = true;
        return GATEHOUSE_EVENT_READY;
    }
    return news;
}

// An event of one of the streams; the caller has claimed the connection.
void Service::ready_for_more(Connection& connection, std::uint32_t events) noexcept {
    const Stream::Due until{connection.parked_until.load(), connection.life.parked_reason};
    const bool moves_deadline = has_output(connection) || connection.attempts();
    note_event(connection, events, connection.plugin.load(std::memory_order_relaxed)->wakes());
    // With TLS an event may bring no data yet: that does not put off the deadline.
    const bool look = (events & (EPOLLHUP | EPOLLERR)) != 0; // it may be the client's, who is not watched
    if (!rests_for_more(connection, look, moves_deadline ? std::nullopt : std::optional(until))) serve(connection);
}

// As rests(). `look`: an event of another thread's may have told of anything.
bool Service::rests_for_more(Connection& connection, bool look, std::optional<Stream::Due> until) noexcept {
    Life& life = connection.life;
    ServingLife& serving = life.serving;
    const auto because = [&](gatehouse_event why) {
        serving.why = why;
        until.reset();
        return false;
    };
    const auto goes_on_later = [&] { // at the end of the pool's queue
        life.rests_again = true;
        pool.post(connection.posted, connection.id);
        return true;
    };
    for (;;) {
        const Stream::Flushed flushed = flush_all(connection);
        if (flushed == Stream::Flushed::broken) {
            const bool servers = !connection.broken;
            if (connection.reason == Reason::plugin_error) serving.error.set("a file became shorter while it was sent");
            end(connection, servers ? Reason::upstream_reset : reason_for(connection, GATEHOUSE_NEXT_PARK));
            return true;
        }
        const bool sent = take_sent(connection);
        if (flushed == Stream::Flushed::more && !sent) return goes_on_later();
        if (serving.then != Then::nothing) {
            if (!has_output(connection)) {
                const gatehouse_next next = next_of(std::exchange(serving.then, Then::nothing));
                goes_on(connection, next); // neither PARK nor WAIT: it does not go on
                return true;
            }
        } else if (connection.carries()) {
            Carry& carry = *serving.carry;
            if (sent) connection.sent_due = true; // told when that is over
            const std::uint64_t moved = carry.moved();
            find_news(connection, look);
            const Carry::Flow flow = carry.step();
            if (flow == Carry::Flow::over) return because(GATEHOUSE_EVENT_RELAYED);
            if (flow == Carry::Flow::more) return goes_on_later();
            if (carry.moved() != moved) until.reset();
        } else {
            if (const std::optional<gatehouse_event> why = next_event(connection, look, sent)) return because(*why);
        }
        if (look && !hears(connection, connection) && connection.is_gone()) {
            end(connection, Reason::peer_reset);
            return true;
        }
        forget_news(connection);
        if (connection.reads_upstreams()) connection.request_complete();
        const Rest rest = watch_upstreams(connection) ? parking_.rest(connection, client_interest(connection), Unread::left,
                                                                      until ? *until : connection.due(coarse_now()))
                                                      : Rest::no_memory;
        look = false;
        switch (rest) {
        case Rest::resting:
            return true;
        case Rest::no_memory:
            end(connection, Reason::host_out_of_memory);
            return true;
        case Rest::stopping:
            if (serving.then != Then::nothing) continue;
            if (!connection.reason) connection.reason = Reason::drained;
            serving.why = GATEHOUSE_EVENT_STOPPING;
            if (puts_off(connection)) continue;
            return because(GATEHOUSE_EVENT_STOPPING);
        case Rest::ordered:
            if (obey(connection)) return true;
            if (serving.then == Then::nothing && !puts_off(connection)) return false; // it stops
            continue;
        case Rest::woken:
            serving.why = GATEHOUSE_EVENT_WAKE;
            if (serving.then != Then::nothing || puts_off(connection)) continue;
            if (connection.owner.take(Owner::event))
                find_news(connection, true); // or one that is woken all the time hears of nothing else
            return because(GATEHOUSE_EVENT_WAKE);
        case Rest::data:
        case Rest::reset:
            look = true;
        }
    }
}

} // namespace gatehouse::host
