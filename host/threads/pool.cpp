#include "threads/pool.hpp"

#include "base/check.hpp"
#include "base/socket.hpp"
#include "threads/crash_report.hpp"
#include "threads/wait.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <sys/socket.h>
#include <system_error>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds supervision_interval = 20'000'000; // also how long a handler may take before it counts as stuck
constexpr Nanoseconds spawn_pause = 1'000'000'000;       // after a thread could not be started
constexpr std::uint64_t bell_token = 0;                  // handlers' tokens are never 0
// Saves most calls of epoll_wait() under load. No event waits behind a slow one: see relieve().
constexpr std::size_t batch_size = 16;
constexpr Nanoseconds crowd_interval = 1'000'000'000; // how often a full pool is looked at
constexpr Nanoseconds write_patience = 5'000'000'000; // how long a thread may wait in a write though the pool is crowded
constexpr std::uint64_t lowest_rate = 1024;           // at which its peer has to take bytes then, a second

// Of Pool::load_.
constexpr std::uint64_t one_running = std::uint64_t{1} << 32U;
constexpr std::uint64_t one_waiting = 1;
unsigned running(std::uint64_t load) noexcept { return static_cast<unsigned>(load >> 32U); }
unsigned waiting(std::uint64_t load) noexcept { return static_cast<unsigned>(load); }

Descriptor checked(int fd, const char* what) {
    if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
    return Descriptor(fd);
}

} // namespace

// One thread. `away` says whether it counts as running: supervise() may move it from here to stuck, everything else is done by
// the thread itself.
//
// In the queue it stands for what is left of its batch: see relieve().
struct Worker : Posted {
    enum Away : int { here, blocked, stuck };

    Pool* pool = nullptr;
    pthread_t thread{};
    std::list<Worker>::iterator self;
    std::atomic<std::uint64_t> serial{0}; // odd while in the handler; written by the thread only
    std::atomic<int> away{here};
    std::array<epoll_event, batch_size> batch;
    std::atomic<std::uint32_t> cursor{0}; // of the batch: how many there are << 16 | how many are taken
    std::atomic<bool> relieved{false};    // others may still be reading the batch, with mutex_ held
    bool queued = false;                  // guarded by mutex_: it is in the queue
    std::uint64_t seen = 0;               // the serial at the last supervise(); [main]
    std::uint64_t seen_idle = ~0ULL;      // and at the last dismiss_idle(), if there was one; [main]

    static thread_local Worker* current;

    bool has_more() const noexcept { return (cursor.load() & 0xffffU) < cursor.load() >> 16U; }

    // The next event of the batch that is not taken yet, or null. Called by the thread itself and by one that relieves it.
    epoll_event* take() noexcept {
        std::uint32_t at = cursor.load();
        while ((at & 0xffffU) < at >> 16U)
            if (cursor.compare_exchange_weak(at, at + 1)) return &batch[at & 0xffffU];
        return nullptr;
    }
};

thread_local Worker* Worker::current = nullptr;

Pool::Pool(PoolOptions options, Alarm& alarm, Standby& standby, Handler handler)
    : options_(std::move(options)), handler_(std::move(handler)),
      epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "cannot make an epoll set")), alarm_(alarm), standby_(standby) {
    if (!watch(bell_.descriptor(), EPOLLIN | EPOLLET, bell_token))
        throw std::system_error(errno, std::generic_category(), "cannot watch the pool of " + options_.name);
}

Pool::~Pool() {
    stop();
    join(never);
}

void Pool::start() {
    if (options_.ready == 0) {
        cold_.store(true);
        if (!standby_.add(*this))
            throw std::system_error(errno, std::generic_category(), "cannot watch the pool of " + options_.name);
        return;
    }
    add_threads();
    if (threads_.load() == 0)
        throw std::system_error(EAGAIN, std::generic_category(), "cannot start a thread of pool " + options_.name);
}

void Pool::warm_up() noexcept {
    standby_.remove(*this);
    {
        const MutexLock lock(mutex_); // the thread that has left may still be about to say so
        cold_.store(false);
    }
    supervised_.store(true); // so that its thread is found idle in the end, also if there is nothing to do any more
    add_threads();
}

void Pool::stop() noexcept {
    stopping_.store(true);
    bell_.ring();
}

void Pool::retire() noexcept {
    {
        const MutexLock lock(mutex_); // no thread is in leave(), and none begins it that would make the pool cold
        stopping_.store(true);
    }
    standby_.remove(*this);
    bell_.ring();
}

bool Pool::join(Nanoseconds deadline) noexcept {
    for (;;) {
        bool alone = false;
        {
            const MutexLock lock(mutex_);
            alone = workers_.empty();
        }
        if (join_departed() && alone) return true;
        if (monotonic_now() >= deadline) return false;
        // Only at the very end of the host's life, so a nap is as good as a condition variable here.
        const timespec nap{0, 2'000'000};
        ::nanosleep(&nap, nullptr);
    }
}

bool Pool::watch(int fd, std::uint32_t events, std::uint64_t token) noexcept {
    epoll_event event{events, {.u64 = token}};
    return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

bool Pool::rearm(int fd, std::uint32_t events, std::uint64_t token) noexcept {
    epoll_event event{events, {.u64 = token}};
    return ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0;
}

void Pool::forget(int fd) noexcept { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

void Pool::post(Posted& place, std::uint64_t token) noexcept {
    GATEHOUSE_CHECK(token != bell_token);
    const MutexLock lock(mutex_);
    place.token = token;
    push(place);
}

void Pool::push(Posted& place) noexcept {
    place.next = nullptr;
    (last_posted_ != nullptr ? last_posted_->next : first_posted_) = &place;
    last_posted_ = &place;
    bell_.ring();
}

Posted* Pool::pop() noexcept {
    Posted* const place = first_posted_;
    if (place == nullptr) return nullptr;
    first_posted_ = place->next;
    if (first_posted_ == nullptr) last_posted_ = nullptr;
    return place;
}

// What a thread has taken from the epoll set and will not get to soon is left to the others: they find the thread in the queue,
// and take one event of its batch each time.
void Pool::relieve(Worker& worker) noexcept {
    if (!worker.queued && worker.has_more()) {
        worker.queued = true;
        push(worker);
    }
}

// False: nothing is in the queue.
bool Pool::next_posted(epoll_event& event) noexcept {
    while (Posted* const place = pop()) {
        if (place->token != bell_token) {
            event = {0, {.u64 = place->token}};
            return true;
        }
        auto& worker = static_cast<Worker&>(*place);
        worker.queued = false;
        worker.relieved.store(true); // before it is taken from: see loop()
        const epoll_event* const taken = worker.take();
        if (taken == nullptr) continue;
        event = *taken;
        relieve(worker);
        if (event.data.u64 != bell_token) return true; // the bell only says that something may be in the queue
    }
    return false;
}

void Pool::take_posted() noexcept {
    epoll_event event{};
    bool more = false;
    {
        const MutexLock lock(mutex_);
        if (!next_posted(event)) return;
        more = first_posted_ != nullptr;
    }
    if (more) bell_.ring(); // the next one is for the next free thread
    handler_(event.data.u64, event.events);
}

void* Pool::run(void* argument) noexcept {
    Worker& worker = *static_cast<Worker*>(argument);
    Pool& pool = *worker.pool;
    Worker::current = &worker;
    ::pthread_setname_np(::pthread_self(), pool.options_.name.substr(0, 15).c_str());
    prepare_thread_for_crash_report();
    set_scheduling(pool.options_.scheduling);
    clockid_t clock{};
    ::pthread_getcpuclockid(::pthread_self(), &clock);
    for (PoolRecord* record : pool.records_) record->clocks.enter(clock);
    pool.loop(worker);
    for (PoolRecord* record : pool.records_) record->clocks.leave(clock);
    pool.alarm_.wake_by(coarse_now()); // to be joined
    return nullptr;
}

// The thread that has started this one has counted it as running and waiting.
void Pool::loop(Worker& worker) noexcept {
    for (;;) {
        if (stopping_.load(std::memory_order_relaxed)) {
            bell_.ring(); // pass it on
            load_.fetch_sub(one_running + one_waiting);
            const MutexLock lock(mutex_);
            return depart(worker);
        }
        // A thread leaves only if there is nothing to do: the bell that tells of it is an event, too.
        const bool dismissed = dismissed_.load(std::memory_order_relaxed) != 0;
        const int ready = ::epoll_wait(epoll_.get(), worker.batch.data(), batch_size, dismissed ? 0 : -1);
        if (ready == 0 && leave(worker)) return;
        if (ready <= 0) continue;

        // While threads are dismissed the event is the bell as a rule, which is no reason to start one. If it is more than
        // that, supervise() will find out.
        const std::uint64_t load = load_.fetch_sub(one_waiting) - one_waiting;
        if (waiting(load) == 0 && running(load) < options_.enough && dismissed_.load(std::memory_order_relaxed) == 0)
            add_threads();
        worker.cursor.store(static_cast<std::uint32_t>(ready) << 16U);
        while (const epoll_event* event = worker.take()) {
            worker.serial.store(worker.serial.load(std::memory_order_relaxed) + 1);
            ask_for_supervision();
            if (event->data.u64 == bell_token)
                take_posted();
            else
                handler_(event->data.u64, event->events);
            worker.serial.store(worker.serial.load(std::memory_order_relaxed) + 1);
            if (worker.away.load() == Worker::stuck && worker.away.exchange(Worker::here) == Worker::stuck)
                load_.fetch_add(one_running);
        }
        // A thread that has taken from the batch must have read it before it is filled again.
        if (worker.relieved.load() && worker.relieved.exchange(false)) {
            const MutexLock lock(mutex_);
        }
        load_.fetch_add(one_waiting);
    }
}

void Pool::ask_for_supervision() noexcept {
    if (!supervised_.load() && !supervised_.exchange(true)) alarm_.wake_by(coarse_now() + supervision_interval);
}

// Dismisses the threads that have had nothing to do since the last call, as far as there are more than `ready`. It does not
// matter which of those that wait leave.
void Pool::dismiss_idle(Nanoseconds now) noexcept {
    const MutexLock lock(mutex_);
    unsigned idle = 0;
    for (Worker& worker : workers_) {
        const std::uint64_t serial = worker.serial.load();
        if (serial == worker.seen_idle && (serial & 1U) == 0) ++idle;
        worker.seen_idle = serial;
    }
    dismissed_.store(std::min(idle, threads_.load() - options_.ready));
    if (dismissed_.load() != 0) bell_.ring();
    dismiss_at_.store(after(now, options_.keep));
}

// One of the dismissed may go: another one that waits takes its place; without others the pool turns cold. The kernel then
// looks through all entries of the set, 0.4 us each, which is why this is rare (`keep`).
bool Pool::leave(Worker& worker) noexcept {
    const MutexLock lock(mutex_);
    if (dismissed_.load() == 0) return false;
    std::uint64_t load = load_.load();
    while (running(load) > options_.ready && waiting(load) > 1) {
        if (!load_.compare_exchange_weak(load, load - one_running - one_waiting)) continue;
        dismissed_.fetch_sub(1);
        if (dismissed_.load() != 0) bell_.ring();
        depart(worker);
        return true;
    }
    dismissed_.store(0); // the others are needed
    if (options_.ready != 0 || threads_.load() != 1 || stopping_.load()) return false;
    cold_.store(true);
    if (!standby_.add(*this)) { // no memory: stays warm
        cold_.store(false);
        return false;
    }
    load_.store(0);
    depart(worker);
    return true;
}

void Pool::depart(Worker& worker) noexcept {
    if (worker.queued) { // with nothing left in its batch
        Posted** link = &first_posted_;
        Posted* before = nullptr;
        for (; *link != &worker; link = &before->next) before = *link;
        *link = worker.next;
        if (last_posted_ == &worker) last_posted_ = before;
    }
    departed_.splice(departed_.end(), workers_, worker.self);
    threads_.fetch_sub(1);
    supervised_.store(true); // the caller wakes the main thread
}

// Does not wait: the objects that a plugin keeps for a thread are destroyed when the thread ends, which is the plugin's code
// once more. False: some have not ended yet.
bool Pool::join_departed() noexcept {
    std::list<Worker> departed;
    {
        const MutexLock lock(mutex_);
        departed.swap(departed_);
    }
    departed.remove_if([](const Worker& worker) { return ::pthread_tryjoin_np(worker.thread, nullptr) == 0; });
    const MutexLock lock(mutex_);
    departed_.splice(departed_.end(), departed);
    return departed_.empty();
}

bool Pool::spawn() noexcept {
    try {
        Worker& worker = workers_.emplace_back();
        worker.pool = this;
        worker.self = std::prev(workers_.end());
        pthread_attr_t attributes;
        ::pthread_attr_init(&attributes);
        ::pthread_attr_setstacksize(&attributes,
                                    std::max<std::size_t>(options_.stack_size, static_cast<std::size_t>(PTHREAD_STACK_MIN)));
        // Counted before it runs: the thread itself may be the next to look.
        load_.fetch_add(one_running + one_waiting);
        most_.store(std::max(most_.load(), threads_.fetch_add(1) + 1));
        const int error = ::pthread_create(&worker.thread, &attributes, run, &worker);
        ::pthread_attr_destroy(&attributes);
        if (error == 0) return true;
        threads_.fetch_sub(1);
        load_.fetch_sub(one_running + one_waiting);
        workers_.pop_back();
    } catch (const std::bad_alloc&) { // counts as a thread that could not be started
    }
    for (PoolRecord* record : records_) record->failures.fetch_add(1, std::memory_order_relaxed);
    no_spawn_before_.store(coarse_now() + spawn_pause);
    return false;
}

bool Pool::needs_thread() const noexcept {
    const std::uint64_t load = load_.load();
    const bool few = running(load) < options_.ready || (waiting(load) == 0 && running(load) < options_.enough);
    return few && threads_.load() < options_.max && !cold_.load() && !stopping_.load();
}

void Pool::add_threads() noexcept {
    while (needs_thread() && coarse_now() >= no_spawn_before_.load()) {
        const MutexLock lock(mutex_);
        if (!needs_thread()) return;
        if (!spawn()) {
            alarm_.wake_by(no_spawn_before_.load());
            return;
        }
    }
}

Nanoseconds Pool::supervise(Nanoseconds now) noexcept {
    // Taken back before looking: a thread that enters the handler from here on sets it again. There may be many pools, and most
    // have nothing to look at.
    if (!supervised_.exchange(false) && !needs_thread() && now < dismiss_at_.load() && !is_full()) {
        crowded_since_ = never;
        return dismiss_at_.load();
    }
    bool active = !join_departed();
    {
        const MutexLock lock(mutex_);
        for (Worker& worker : workers_) {
            const std::uint64_t serial = worker.serial.load();
            const bool busy = (serial & 1U) != 0 && worker.away.load() == Worker::here;
            active = active || busy;
            int expected = Worker::here;
            if (busy && serial == worker.seen && worker.away.compare_exchange_strong(expected, Worker::stuck)) {
                load_.fetch_sub(one_running);
                expected = Worker::stuck;
                // It may have come out in between; the thread that takes the mark back counts it as running again.
                if (worker.serial.load() != serial && worker.away.compare_exchange_strong(expected, Worker::here))
                    load_.fetch_add(one_running);
                else
                    relieve(worker);
            }
            worker.seen = serial;
        }
    }
    add_threads();
    if (threads_.load() <= options_.ready)
        dismiss_at_.store(never);
    else if (dismiss_at_.load() == never)
        dismiss_at_.store(after(now, options_.keep));
    else if (now >= dismiss_at_.load())
        dismiss_idle(now);
    const Nanoseconds retry = no_spawn_before_.load();
    if (active) supervised_.store(true);
    // The retry may be due by one clock and not yet by the coarse one.
    return std::min({dismiss_at_.load(), relieve_crowd(now), active ? now + supervision_interval : never,
                     needs_thread() ? std::max(retry, now + supervision_interval) : never});
}

// --- crowded -------------------------------------------------------------------------------------------------------------

bool Pool::is_full() const noexcept {
    return threads_.load() >= options_.max && waiting(load_.load()) == 0 && !stopping_.load();
}

// Returns when to look again.
Nanoseconds Pool::relieve_crowd(Nanoseconds now) noexcept {
    std::array<pollfd, 1> events{{{epoll_.get(), POLLIN, 0}}};
    const bool full = is_full();
    const bool crowded = full && ready_now(events);
    crowded_since_ = crowded ? std::min(crowded_since_, now) : never;
    if (!full) return never;
    return now + (look_at_writes(now, crowded) ? supervision_interval : crowd_interval);
}

// With `give_up` it gives up the slowest of those that have been too slow for too long; true: there was one.
bool Pool::look_at_writes(Nanoseconds now, bool give_up) noexcept {
    const MutexLock lock(writes_mutex_);
    BlockedWrite* slowest = nullptr;
    std::uint64_t lowest = lowest_rate;
    for (BlockedWrite* write = writes_; write != nullptr; write = write->next_) {
        if (write->rate_) continue;
        const std::uint64_t taken = taken_by_peer(write->fd_, write->sent_);
        const Nanoseconds waited = std::max<Nanoseconds>(now - write->since_, 1'000'000);
        const std::uint64_t rate =
            (taken - std::min(taken, write->taken_)) * 1000 / static_cast<std::uint64_t>(waited / 1'000'000);
        if (write->since_ == 0 || rate >= lowest_rate) { // its time begins anew
            write->since_ = now;
            write->taken_ = taken;
        } else if (waited >= write_patience && rate < lowest) {
            slowest = write;
            lowest = rate;
        }
    }
    if (slowest == nullptr || !give_up) return false;
    slowest->rate_ = static_cast<std::uint16_t>(lowest);
    ::shutdown(slowest->fd_, SHUT_RDWR); // it is open: its thread waits for the lock before it goes on
    return true;
}

unsigned Pool::writing() noexcept {
    unsigned count = 0;
    const MutexLock lock(writes_mutex_);
    for (const BlockedWrite* write = writes_; write != nullptr; write = write->next_) ++count;
    return count;
}

Pool::BlockedWrite::BlockedWrite(int fd, std::uint64_t sent) noexcept
    : pool_(Worker::current != nullptr ? Worker::current->pool : nullptr), fd_(fd), sent_(sent) {
    if (pool_ == nullptr) return;
    Pool& pool = *pool_;
    const MutexLock lock(pool.writes_mutex_);
    next_ = std::exchange(pool.writes_, this);
}

std::optional<std::uint16_t> Pool::BlockedWrite::end() noexcept {
    if (pool_ == nullptr) return std::nullopt;
    Pool& pool = *std::exchange(pool_, nullptr);
    const MutexLock lock(pool.writes_mutex_);
    BlockedWrite** link = &pool.writes_;
    while (*link != this) link = &(*link)->next_;
    *link = next_;
    return rate_;
}

// -------------------------------------------------------------------------------------------------------------------------

Pool::Counts Pool::counts() const noexcept {
    Counts counts;
    const std::uint64_t load = load_.load();
    counts.threads = threads_.load();
    counts.blocked = counts.threads - std::min(counts.threads, running(load));
    counts.idle = std::min(counts.threads - counts.blocked, waiting(load));
    counts.most = most_.load();
    return counts;
}

Pool::Blocked::Blocked() noexcept : worker_(Worker::current) {
    if (worker_ == nullptr) return;
    Pool& pool = *worker_->pool;
    if (worker_->away.exchange(Worker::blocked) == Worker::here) pool.load_.fetch_sub(one_running);
    if (worker_->has_more()) {
        const MutexLock lock(pool.mutex_);
        pool.relieve(*worker_);
    }
    pool.add_threads();
}

Pool::Blocked::~Blocked() {
    if (worker_ == nullptr) return;
    worker_->away.store(Worker::here);
    worker_->pool->load_.fetch_add(one_running);
    worker_->pool->ask_for_supervision(); // it may get stuck from here on
}

} // namespace gatehouse::host
