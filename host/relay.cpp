#include "relay.hpp"

#include "pool.hpp"
#include "service.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <list>
#include <mutex>
#include <sched.h>
#include <span>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>

namespace gatehouse::host {
namespace {

constexpr std::size_t buffer_size = 64 * 1024; // read at once, and the most that is kept of one direction
constexpr std::size_t first_size = 16 * 1024;  // of what is passed on by the thread that starts a pair
constexpr int reads_at_once = 16;              // then the other pairs have their turn
constexpr int events_at_once = 64;
constexpr std::uint32_t resting_events = EPOLLIN | EPOLLRDHUP | EPOLLET;
constexpr Nanoseconds sweep_interval = 50'000'000;

struct Pair;

// One connection of a pair. `kept` is what was read from the other side and has not been taken by this one yet.
struct Side {
    Pair* pair = nullptr;
    int fd = -1;
    bool ended = false;       // has sent its last byte, and we have read it
    bool shut = false;        // has been told that no more will come
    bool hangup = false;      // epoll has said that it closed: a short read is no sign that there is no end to be read
    bool out_watched = false; // EPOLLOUT is in its epoll entry
    bool broken = false;    // a send has failed before the relay thread had it; its next event, which will come, ends the pair
    bool queued = false;    // in RelayThread::again_
    std::uint64_t read = 0; // bytes
    std::unique_ptr<char[]> kept;
    std::uint32_t kept_begin = 0;
    std::uint32_t kept_end = 0;
};

struct Pair {
    Side client;
    Side server;
    Connection* connection = nullptr;
    std::unique_ptr<UpstreamConnection> upstream;
    Nanoseconds idle = never;
    Nanoseconds active = 0;   // when something moved last
    bool closed = false;      // in RelayThread::graveyard_
    bool unwatchable = false; // guarded by RelayThread::mutex_: the second epoll entry could not be had
    std::list<Pair>::iterator self;

    Side& other(const Side& side) noexcept { return &side == &client ? server : client; }
};

// Makes close() send a reset instead of an orderly end.
void reset_on_close(int fd) noexcept {
    const linger hard{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

} // namespace

class RelayThread {
  public:
    RelayThread(Scheduling scheduling, const Drain& drain);
    ~RelayThread() = default;

    bool start(Connection& client, std::unique_ptr<UpstreamConnection>& upstream, Nanoseconds idle) noexcept;
    void ring() noexcept { ::eventfd_write(bell_.get(), 1); }
    void stop() noexcept;
    std::uint32_t active() const noexcept { return active_.load(std::memory_order_relaxed); }

  private:
    enum class Flow { moved, blocked, broken };

    void run() noexcept;
    void bury() noexcept;
    void close_unwatchable() noexcept;
    bool watch(Side& side, int operation, std::uint32_t events) noexcept;
    bool watch_out(Side& side) noexcept;
    void handle(Side& side, std::uint32_t events) noexcept;
    void pump(Side& from) noexcept;
    void send_first(Pair& pair) noexcept;
    Flow forward(Side& to, std::span<const char> bytes) noexcept;
    Flow flush(Side& to) noexcept;
    void shut(Side& side) noexcept;
    void broke(Side& side) noexcept;
    void close(Pair& pair, Reason reason) noexcept;
    void sweep() noexcept;
    int timeout() const noexcept;

    const Scheduling scheduling_; // constant after construction
    const Drain& drain_;
    const Descriptor epoll_;
    const Descriptor bell_;
    std::atomic<std::uint32_t> active_{0};
    std::atomic<bool> stopping_{false};
    std::atomic<Nanoseconds> next_sweep_{never};

    std::mutex mutex_;
    std::list<Pair> pairs_;         // the list is guarded by mutex_, a pair in it belongs to the thread
    bool some_unwatchable_ = false; // guarded by mutex_

    // Of the thread alone.
    std::vector<Side*> again_; // had more to read than one turn allows
    std::vector<Pair*> graveyard_;
    Nanoseconds now_ = 0;
    std::array<char, buffer_size> buffer_;

    std::thread thread_; // last: everything above is ready when it starts
};

RelayThread::RelayThread(Scheduling scheduling, const Drain& drain)
    : scheduling_(scheduling), drain_(drain), epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      bell_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    epoll_event event{EPOLLIN | EPOLLET, {.ptr = nullptr}};
    if (!epoll_ || !bell_ || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, bell_.get(), &event) != 0)
        throw std::system_error(errno, std::generic_category(), "relay engine");
    thread_ = std::thread([this] { run(); });
}

void RelayThread::stop() noexcept {
    stopping_.store(true);
    ring();
    if (thread_.joinable()) thread_.join();
}

bool RelayThread::watch(Side& side, int operation, std::uint32_t events) noexcept {
    epoll_event event{events, {.ptr = &side}};
    return ::epoll_ctl(epoll_.get(), operation, side.fd, &event) == 0;
}

bool RelayThread::start(Connection& client, std::unique_ptr<UpstreamConnection>& upstream, Nanoseconds idle) noexcept {
    std::list<Pair> fresh; // not in pairs_ before it is complete: the thread looks through those
    try {
        fresh.emplace_back();
    } catch (const std::bad_alloc&) {
        return false;
    }
    Pair* const pair = &fresh.front();
    pair->self = fresh.begin();
    pair->connection = &client;
    pair->idle = idle;
    pair->active = coarse_now();
    pair->client.pair = pair->server.pair = pair;
    pair->client.fd = client.fd;
    pair->server.fd = upstream->fd;
    pair->client.shut = client.finished; // the plugin may have said so already
    pair->server.shut = upstream->finished;
    pair->upstream.reset(upstream.get());
    send_first(*pair);
    const Nanoseconds due = idle == never ? never : pair->active + idle;
    const Nanoseconds lifetime = client.lifetime;
    active_.fetch_add(1, std::memory_order_relaxed);
    // The thread may be at the pair as soon as the first entry is there. It does not close anything before it has the lock, so
    // that neither the pair nor the descriptors go while they are still needed here.
    const std::lock_guard lock(mutex_);
    pairs_.splice(pairs_.end(), fresh);
    if (!watch(pair->server, EPOLL_CTL_ADD, resting_events | (pair->server.out_watched ? std::uint32_t{EPOLLOUT} : 0U))) {
        active_.fetch_sub(1, std::memory_order_relaxed);
        static_cast<void>(pair->upstream.release());
        pairs_.erase(pair->self);
        return false;
    }
    static_cast<void>(upstream.release()); // pair->upstream has it
    // EEXIST: the thread had to wait for the client already, and has added the entry by itself.
    if (!watch(pair->client, EPOLL_CTL_ADD, resting_events) && errno != EEXIST) {
        pair->unwatchable = some_unwatchable_ = true;
        ring();
    }
    const Nanoseconds first = std::min(due, lifetime);
    Nanoseconds next = next_sweep_.load();
    while (first < next)
        if (next_sweep_.compare_exchange_weak(next, first)) ring();
    return true;
}

// Most clients have said something by the time that the upstream is connected. Passing that on from here saves the relay thread
// a wake-up. Whatever else there is, the epoll set will tell.
void RelayThread::send_first(Pair& pair) noexcept {
    std::array<char, first_size> buffer; // NOLINT(*-member-init): only what was read is looked at
    const ssize_t count = ::recv(pair.client.fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count <= 0) return;
    const auto size = static_cast<std::size_t>(count);
    pair.client.read = size;
    const Flow flow = forward(pair.server, std::span(buffer).first(size));
    pair.server.out_watched = flow == Flow::blocked;
    pair.server.broken = flow == Flow::broken;
}

void RelayThread::run() noexcept {
    ::pthread_setname_np(::pthread_self(), "relay");
    if (scheduling_ == Scheduling::batch) {
        const sched_param none{};
        ::sched_setscheduler(0, SCHED_BATCH, &none);
    }
    std::array<epoll_event, events_at_once> events{};
    std::vector<Side*> turn;
    while (!stopping_.load()) {
        const int count = ::epoll_wait(epoll_.get(), events.data(), events_at_once, again_.empty() ? timeout() : 0);
        now_ = coarse_now();
        turn.swap(again_);
        for (Side* side : turn) {
            side->queued = false;
            if (!side->pair->closed) pump(*side);
        }
        turn.clear();
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            auto* side = static_cast<Side*>(event.data.ptr);
            if (side == nullptr)
                close_unwatchable();
            else if (!side->pair->closed)
                handle(*side, event.events);
        }
        if (next_sweep_.load() <= now_ || (active() > 0 && drain_.deadline() <= now_)) sweep();
        bury();
    }
    for (Pair& pair : pairs_) close(pair, Reason::drained);
    bury();
}

void RelayThread::bury() noexcept {
    if (graveyard_.empty()) return;
    std::erase_if(again_, [](const Side* side) { return side->pair->closed; });
    const std::lock_guard lock(mutex_);
    for (const Pair* pair : graveyard_) pairs_.erase(pair->self);
    graveyard_.clear();
}

void RelayThread::close_unwatchable() noexcept {
    std::vector<Pair*> pairs;
    {
        const std::lock_guard lock(mutex_);
        if (!std::exchange(some_unwatchable_, false)) return;
        for (Pair& pair : pairs_)
            if (pair.unwatchable && !pair.closed) pairs.push_back(&pair);
    }
    for (Pair* pair : pairs) close(*pair, Reason::host_out_of_memory);
}

// --- moving bytes --------------------------------------------------------------------------------------------------------

void RelayThread::handle(Side& side, std::uint32_t events) noexcept {
    Pair& pair = *side.pair;
    if (side.broken) return broke(side);
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) side.hangup = true;
    if (side.kept && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
        const Flow flow = flush(side);
        if (flow == Flow::broken) return broke(side);
        if (flow == Flow::moved) pump(pair.other(side)); // it had to wait, and may have more
    }
    if (!pair.closed && (events & ~std::uint32_t{EPOLLOUT}) != 0) pump(side);
    // A reset after the side's last byte: no read will tell.
    if (!pair.closed && side.ended && (events & EPOLLERR) != 0) broke(side);
}

// Moves what one side has to the other.
void RelayThread::pump(Side& from) noexcept {
    Pair& pair = *from.pair;
    Side& to = pair.other(from);
    if (from.ended || to.kept) return;
    for (int i = 0; i < reads_at_once; ++i) {
        const ssize_t count = ::recv(from.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return;
        if (count < 0) return broke(from);
        if (count == 0) {
            from.ended = true;
            return to.ended ? close(pair, Reason::done) : shut(to);
        }
        const auto size = static_cast<std::size_t>(count);
        pair.active = now_;
        from.read += size;
        const Flow flow = forward(to, std::span(buffer_).first(size));
        if (flow == Flow::broken || (flow == Flow::blocked && !watch_out(to))) return broke(to);
        if (flow == Flow::blocked) return;
        if (size < buffer_.size() && !from.hangup) return;
    }
    if (from.queued) return;
    from.queued = true;
    again_.push_back(&from);
}

// Sends the bytes, and keeps what is not taken.
RelayThread::Flow RelayThread::forward(Side& to, std::span<const char> bytes) noexcept {
    ssize_t sent = 0;
    do {
        sent = ::send(to.fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN) return Flow::broken;
    bytes = bytes.subspan(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
    if (bytes.empty()) return Flow::moved;
    to.kept.reset(new (std::nothrow) char[buffer_size]);
    if (!to.kept) return Flow::broken;
    to.kept_begin = 0;
    to.kept_end = static_cast<std::uint32_t>(bytes.size());
    std::memcpy(to.kept.get(), bytes.data(), bytes.size());
    return Flow::blocked;
}

// Once asked for, EPOLLOUT stays: edge-triggered, it is only said after a send that had to stop.
bool RelayThread::watch_out(Side& side) noexcept {
    if (side.out_watched) return true;
    side.out_watched = watch(side, EPOLL_CTL_MOD, resting_events | EPOLLOUT) ||
                       (errno == ENOENT && watch(side, EPOLL_CTL_ADD, resting_events | EPOLLOUT));
    return side.out_watched;
}

RelayThread::Flow RelayThread::flush(Side& to) noexcept {
    while (to.kept_begin < to.kept_end) {
        const ssize_t sent =
            ::send(to.fd, to.kept.get() + to.kept_begin, to.kept_end - to.kept_begin, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return errno == EAGAIN ? Flow::blocked : Flow::broken;
        to.kept_begin += static_cast<std::uint32_t>(sent);
        to.pair->active = now_;
    }
    to.kept.reset();
    return Flow::moved;
}

// Passes a half-close on.
void RelayThread::shut(Side& side) noexcept {
    if (!std::exchange(side.shut, true) && ::shutdown(side.fd, SHUT_WR) != 0) broke(side); // it would wait for the end for ever
}

void RelayThread::broke(Side& side) noexcept {
    Pair& pair = *side.pair;
    reset_on_close(pair.other(side).fd);
    close(pair, &side == &pair.client ? Reason::peer_reset : Reason::upstream_reset);
}

void RelayThread::close(Pair& pair, Reason reason) noexcept {
    if (pair.closed) return;
    {
        const std::lock_guard lock(mutex_);
    } // start() may not be through with it
    pair.closed = true;
    graveyard_.push_back(&pair);
    active_.fetch_sub(1, std::memory_order_relaxed);
    pair.upstream.reset();
    const std::uint64_t kept = pair.client.kept ? pair.client.kept_end - pair.client.kept_begin : 0;
    pair.connection->service.relay_ended(*pair.connection, reason, pair.client.read, pair.server.read - kept);
}

// --- deadlines -----------------------------------------------------------------------------------------------------------

int RelayThread::timeout() const noexcept {
    const Nanoseconds when = std::min(next_sweep_.load(), active() > 0 ? drain_.deadline() : never);
    if (when == never) return -1;
    const Nanoseconds left = std::clamp<Nanoseconds>(when - coarse_now(), 0, 3'600'000'000'000);
    return static_cast<int>((left + 999'999) / 1'000'000);
}

void RelayThread::sweep() noexcept {
    const bool drained = drain_.deadline() <= now_;
    std::vector<std::pair<Pair*, Reason>> expired;
    next_sweep_.store(never); // whoever starts from here on lowers it again
    Nanoseconds earliest = never;
    {
        const std::lock_guard lock(mutex_);
        for (Pair& pair : pairs_) {
            const Nanoseconds lifetime = pair.connection->lifetime;
            const Nanoseconds idle = pair.idle == never ? never : pair.active + pair.idle;
            if (pair.closed) continue;
            if (drained || lifetime <= now_ || idle <= now_)
                expired.emplace_back(&pair, drained            ? Reason::drained
                                            : lifetime <= now_ ? Reason::lifetime
                                                               : Reason::idle_timeout);
            else
                earliest = std::min({earliest, lifetime, idle});
        }
    }
    for (const auto& [pair, reason] : expired) close(*pair, reason);
    if (earliest == never) return;
    earliest = std::max(earliest, now_ + sweep_interval);
    Nanoseconds next = next_sweep_.load();
    while (earliest < next && !next_sweep_.compare_exchange_weak(next, earliest)) {
    }
}

// --- the engine ----------------------------------------------------------------------------------------------------------

RelayEngine::RelayEngine(unsigned threads, Scheduling scheduling, const Drain& drain) {
    for (unsigned i = 0; i < threads; ++i) threads_.push_back(std::make_unique<RelayThread>(scheduling, drain));
}

RelayEngine::~RelayEngine() { stop(); }

bool RelayEngine::start(Connection& client, std::unique_ptr<UpstreamConnection>& upstream, Nanoseconds idle) noexcept {
    const auto least = std::min_element(threads_.begin(), threads_.end(),
                                        [](const auto& a, const auto& b) { return a->active() < b->active(); });
    return (*least)->start(client, upstream, idle);
}

void RelayEngine::begin_drain() noexcept {
    for (const auto& thread : threads_) thread->ring();
}

void RelayEngine::stop() noexcept {
    for (const auto& thread : threads_) thread->stop();
}

std::uint32_t RelayEngine::active() const noexcept {
    std::uint32_t sum = 0;
    for (const auto& thread : threads_) sum += thread->active();
    return sum;
}

} // namespace gatehouse::host
