#include "relay/thread.hpp"

#include "base/atomic_min.hpp"
#include "base/check.hpp"
#include "base/socket.hpp"
#include "config/config.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr std::size_t first_size = 16 * 1024; // of what is passed on by the thread that starts a pair
constexpr int most_events = 64;
constexpr Nanoseconds sweep_interval = 50'000'000;

void cut_off(Channel& channel) noexcept {
    channel.broken = true; // nor must a close_notify make it look whole
    reset_on_close(channel.fd);
}

// There is no memory for the relay. The client's first bytes may have been passed on: neither side must take them for all.
bool give_up(Channel& client, Channel& server) noexcept {
    cut_off(client);
    cut_off(server);
    return false;
}

} // namespace

Nanoseconds RelayPair::idle_until() const noexcept {
    const Connection& client_side = connection();
    Nanoseconds idle = client_side.idle;
    if (client.eof || server.eof || ending)
        idle = std::min(idle, after(0, client_side.listener.load(std::memory_order_relaxed)->config.half_close_timeout));
    return plus(active, idle);
}

RelayThread::RelayThread(Scheduling scheduling, const RelayEngine::Ended& ended)
    : scheduling_(scheduling), ended_(ended), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    epoll_event event{EPOLLIN | EPOLLET, {.ptr = nullptr}};
    if (!epoll_ || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, bell_.descriptor(), &event) != 0)
        throw std::system_error(errno, std::generic_category(), "cannot make an epoll set for the relay engine");
    thread_.start<&RelayThread::run>(*this, "the relay engine");
}

void RelayThread::stop() noexcept {
    stopping_.store(true);
    bell_.ring();
}

bool RelayThread::watch(RelaySide& side, int operation, std::uint32_t events) noexcept {
    epoll_event event{events, {.ptr = &side}};
    return ::epoll_ctl(epoll_.get(), operation, side.channel->fd, &event) == 0;
}

bool RelayThread::start(Connection& client) noexcept {
    ServingLife& serving = client.life.serving;
    GATEHOUSE_CHECK(serving.upstream != nullptr);
    std::list<RelayPair> fresh; // not in pairs_ before it is complete: the thread looks through those
    try {
        fresh.emplace_back();
        serving.server = std::make_unique<RelayedServer>(*serving.upstream);
    } catch (const std::bad_alloc&) {
        return give_up(client, *serving.upstream);
    }
    serving.upstream.reset();
    RelayedServer& server = *serving.server;
    RelayPair* const pair = &fresh.front();
    pair->self = fresh.begin();
    pair->active = coarse_now();
    pair->client.pair = pair->server.pair = pair;
    pair->client.channel = &client;
    pair->server.channel = &server;
    const bool plain = !client.tls && !server.tls;
    pair->client.can_splice = plain;
    pair->server.can_splice = plain;
    pair->client.shut = client.finished; // the plugin may have said so already
    pair->server.shut = server.finished;
    send_first(*pair);
    // No event of its own tells of plaintext, or an end, that has been taken in already; that there is room does.
    for (RelaySide* side : {&pair->client, &pair->server})
        side->out_watched = side->out_watched || (side->channel->tls && side->channel->has_news());
    const Nanoseconds due = std::min({plus(pair->active, client.idle), client.lifetime, client.drain().deadline()});
    active_.fetch_add(1, std::memory_order_relaxed);
    // The thread may be at the pair as soon as the first entry is there. It does not close anything before it has the lock, so
    // that neither the pair nor the descriptors go while they are still needed here.
    const MutexLock lock(mutex_);
    pairs_.splice(pairs_.end(), fresh);
    const std::uint32_t for_client = input_events | (pair->client.out_watched ? std::uint32_t{EPOLLOUT} : 0U);
    if (!watch(pair->server, EPOLL_CTL_ADD, input_events | (pair->server.out_watched ? std::uint32_t{EPOLLOUT} : 0U))) {
        active_.fetch_sub(1, std::memory_order_relaxed);
        fresh.splice(fresh.end(), pairs_, pair->self);
        return give_up(client, server);
    }
    // EEXIST: the thread had to wait for the client already, and has added the entry by itself.
    if (!watch(pair->client, EPOLL_CTL_ADD, for_client) && errno != EEXIST) {
        pair->unwatchable = true;
        sweep_by(0);
    }
    sweep_by(client.owner.noted(Owner::ordered) ? 0 : due); // it may have come before
    return true;
}

// The first to ask for an earlier sweep wakes the thread. Others who ask before it has begun are served by the same sweep.
void RelayThread::sweep_by(Nanoseconds when) noexcept {
    if (lower(next_sweep_, when)) bell_.ring();
}

// Most clients have said something by the time that the upstream is connected. Passing that on from here saves the relay thread
// a wake-up. The epoll set reports all else.
void RelayThread::send_first(RelayPair& pair) noexcept {
    std::array<char, first_size> buffer; // not initialised: only what was read is looked at
    const ssize_t count = receive(pair.client, buffer);
    // An error is said once only. The relay thread hears of it by the flag, and EPOLLOUT is the event.
    if (count < 0 && errno != EAGAIN) {
        pair.client.broken = true;
        pair.client.out_watched = true;
    }
    if (count <= 0) return;
    sent_first_.fetch_add(static_cast<std::uint64_t>(count), std::memory_order_relaxed);
    pair.server.broken = !deliver(pair.server, std::span(buffer).first(static_cast<std::size_t>(count)));
    // A send without memory fails though the socket is well, and so does TLS: EPOLLOUT is then the event that ends the pair.
    pair.server.out_watched = pair.server.held_up() || pair.server.broken;
}

void RelayThread::run() noexcept {
    ::pthread_setname_np(::pthread_self(), "relay");
    set_scheduling(scheduling_);
    std::array<epoll_event, most_events> events{};
    while (!stopping_.load()) {
        const int count = ::epoll_wait(epoll_.get(), events.data(), most_events, again_ == nullptr ? timeout() : 0);
        now_ = coarse_now();
        for (RelaySide* next = std::exchange(again_, nullptr); next != nullptr;) {
            RelaySide& side = *std::exchange(next, next->next_again);
            side.queued = false;
            if (!side.pair->closed) pump(side);
        }
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            auto* side = static_cast<RelaySide*>(event.data.ptr);
            if (side != nullptr && !side->pair->closed) handle(*side, event.events); // null: the bell
        }
        if (next_sweep_.load() <= now_) sweep();
        bury();
    }
    while (RelayPair* pair = first()) cut(*pair, Reason::drained);
    bury();
}

// Events of this turn may have named pairs that were closed in it; from here on nothing does.
void RelayThread::bury() noexcept {
    if (graveyard_.empty()) return;
    for (RelaySide** link = &again_; *link != nullptr;) {
        if ((*link)->pair->closed)
            *link = (*link)->next_again;
        else
            link = &(*link)->next_again;
    }
    graveyard_.clear();
}

// --- moving bytes --------------------------------------------------------------------------------------------------------

void RelayThread::handle(RelaySide& side, std::uint32_t events) noexcept {
    RelayPair& pair = *side.pair;
    if (side.broken) return broke(side);
    side.channel->heard(events);
    if (side.held_up() && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
        const std::uint64_t before = side.channel->bytes_out;
        const RelayMover::Flow flow = mover_.flush(side);
        if (side.channel->bytes_out != before) pair.active = now_;
        if (flow == RelayMover::Flow::to_broken) return broke(side);
        if (flow == RelayMover::Flow::emptied) pump(pair.other(side)); // it had to wait, and may have more
    }
    if (!pair.closed && side.shut_later) shut(side);
    if (!pair.closed && ((events & ~std::uint32_t{EPOLLOUT}) != 0 || side.channel->tls)) pump(side);
    // A reset after the side's last byte: no read will tell.
    if (!pair.closed && side.eof && (events & EPOLLERR) != 0) return broke(side);
    if (!pair.closed && pair.ending) part(pair);
}

// Moves what one side has to the other.
void RelayThread::pump(RelaySide& from) noexcept {
    RelayPair& pair = *from.pair;
    RelaySide& to = pair.other(from);
    if (from.eof || to.broken || to.held_up()) return;
    const std::uint64_t before = from.channel->bytes_in;
    const RelayMover::Flow flow = mover_.move(from, to);
    if (from.channel->bytes_in != before) pair.active = now_;
    switch (flow) {
    case RelayMover::Flow::emptied:
        if (from.broken) {
            from.eof = true; // nothing can come any more
            return;
        }
        // TLS may have to answer before it goes on (RFC 8446 4.6.3).
        if (from.channel->wants_write() && !watch_out(from)) broke(from);
        return;
    case RelayMover::Flow::more:
        if (from.queued) return;
        from.queued = true;
        from.next_again = std::exchange(again_, &from);
        return;
    case RelayMover::Flow::held_up:
        if (!watch_out(to)) broke(to);
        return;
    case RelayMover::Flow::ended:
        from.eof = true;
        if (from.broken) return; // that was no end
        pair.active = now_;
        lower(next_sweep_, pair.idle_until());
        if (!to.eof) return shut(to);
        return close(pair, &to == &pair.client ? Reason::peer_closed : Reason::upstream_closed); // who ended first
    case RelayMover::Flow::from_broken:
        from.eof = true;
        return broke(from);
    case RelayMover::Flow::to_broken:
        return broke(to);
    }
}

// Once asked for, EPOLLOUT stays: edge-triggered, it is only said after a send that had to stop.
bool RelayThread::watch_out(RelaySide& side) noexcept {
    if (side.out_watched) return true;
    side.out_watched = watch(side, EPOLL_CTL_MOD, input_events | EPOLLOUT) ||
                       (errno == ENOENT && watch(side, EPOLL_CTL_ADD, input_events | EPOLLOUT));
    return side.out_watched;
}

// --- ending --------------------------------------------------------------------------------------------------------------

// Passes a half-close on.
void RelayThread::shut(RelaySide& side) noexcept {
    if (side.shut) return;
    const std::optional<int> told = side.channel->finish();
    side.shut = told.has_value();
    side.shut_later = !told;
    if (told ? *told != 0 : !watch_out(side)) broke(side); // it would wait for the end for ever
}

// A side is reset or cut short, or does not take what it is sent. What has arrived from it is still the other side's.
void RelayThread::broke(RelaySide& side) noexcept {
    RelayPair& pair = *side.pair;
    side.broken = true;
    mover_.discard(side);
    if (!pair.ending) pair.ending = &side == &pair.client ? Reason::peer_reset : Reason::upstream_reset;
    pump(side);
    if (!pair.closed) part(pair);
}

// A side has broken. As soon as the other one's kernel has acknowledged all that had arrived, both are reset: a reset eats what
// is on its way. No event tells of that, so the sweep asks.
void RelayThread::part(RelayPair& pair) noexcept {
    const RelaySide& lost = pair.client.broken ? pair.client : pair.server;
    const RelaySide& left = pair.other(lost);
    const std::uint32_t on_the_way =
        unacknowledged(lost.channel->fd) + unacknowledged(left.channel->fd); // an alert of TLS is for the lost one
    if (left.broken || (lost.eof && !left.held_up() && !left.shut_later && on_the_way == 0)) return cut(pair, *pair.ending);
    if (std::exchange(pair.on_the_way, on_the_way) != on_the_way) pair.active = now_;
    lower(next_sweep_, now_ + sweep_interval);
}

void RelayThread::cut(RelayPair& pair, Reason reason) noexcept {
    if (pair.closed) return;
    cut_off(*pair.client.channel);
    cut_off(*pair.server.channel);
    close(pair, reason);
}

// Null: there is no pair left.
RelayPair* RelayThread::first() noexcept {
    const MutexLock lock(mutex_);
    return pairs_.empty() ? nullptr : &pairs_.front();
}

void RelayThread::close(RelayPair& pair, Reason reason) noexcept {
    if (pair.closed) return;
    {
        const MutexLock lock(mutex_); // start() may not be through with it
        graveyard_.splice(graveyard_.end(), pairs_, pair.self);
    }
    pair.closed = true;
    active_.fetch_sub(1, std::memory_order_relaxed);
    mover_.discard(pair.client);
    mover_.discard(pair.server);
    ended_(pair.connection(), reason);
}

// --- deadlines -----------------------------------------------------------------------------------------------------------

int RelayThread::timeout() const noexcept {
    const Nanoseconds when = next_sweep_.load();
    if (when == never) return -1;
    const Nanoseconds left = std::clamp<Nanoseconds>(when - coarse_now(), 0, 3'600'000'000'000);
    return static_cast<int>((left + 999'999) / 1'000'000);
}

void RelayThread::sweep() noexcept {
    next_sweep_.store(never); // a start or a cut from here on lowers it again
    Nanoseconds earliest = never;
    MutexLock lock(mutex_);
    for (auto next = pairs_.begin(); next != pairs_.end();) {
        RelayPair& pair = *next++;
        const Nanoseconds lifetime = pair.connection().lifetime;
        const Nanoseconds idle = pair.idle_until();
        const Nanoseconds drain = pair.connection().drain().deadline();
        const Nanoseconds stop = pair.connection().own_drain.deadline();
        std::optional<Reason> reason;
        if (pair.unwatchable)
            reason = Reason::host_out_of_memory;
        else if (pair.connection().owner.noted(Owner::ordered) && pair.connection().order.load() != EndOrder::stop)
            reason = Reason::ended;
        else if (drain <= now_)
            reason = Reason::drained;
        else if (stop <= now_)
            reason = Reason::ended;
        else if (lifetime <= now_ || idle <= now_)
            reason = lifetime <= now_ ? Reason::lifetime : Reason::idle_timeout;
        if (!reason) earliest = std::min({earliest, lifetime, idle, drain, stop});
        if (!reason && !pair.ending) continue;
        lock.unlock();
        if (reason)
            cut(pair, *reason); // takes this pair off the list and no other
        else
            part(pair); // the same
        lock.lock();
    }
    lock.unlock();
    if (earliest == never) return;
    lower(next_sweep_, std::max(earliest, now_ + sweep_interval));
}

} // namespace gatehouse::host
