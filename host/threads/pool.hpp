// Threads over one epoll set: a free thread takes what is ready, a few events at a time, and runs one after the other to its
// end. A thread that has to wait meanwhile leaves the rest of them to the others.
//
//                       an event: Standby::serve() starts the first thread
//     COLD, no thread ─────────────────────────────────────────────────────▶ WARM, 1 to `max` threads
//     its epoll set is in Standby's ◀─────────────────────────────────────── its epoll set is in no other
//                       the last thread has had nothing to do for `keep`
//
// A warm pool has a thread that waits for the next event, as long as fewer than `enough` threads run: the thread that takes an
// event and leaves none behind that waits starts another one. A thread that is about to wait inside the handler says so with
// Pool::Blocked, and does not count as running until then; a thread that is stuck in the handler without saying so is found by
// supervise(). At `max` threads new events wait in the kernel, which is the back-pressure.
//
// supervise() looks each `keep` which threads have had nothing to do since it last looked, and dismisses as many: down to
// `ready`, and not the last one that waits while others are in the handler. Threads wait without a time limit of their own,
// since a timer would cost each wait some hundred nanoseconds. A pool with `ready` threads is always warm.
//
// A thread that cannot be started is tried again a second later; events wait until then.
//
// A pool is crowded when all of `max` threads are in the handler and events wait. Then it gives up the threads that wait for a
// peer to take what was written to it, if that takes next to nothing: the slowest one first, one at a time, while it is
// crowded.
#pragma once

#include "base/bell.hpp"
#include "base/clock.hpp"
#include "base/descriptor.hpp"
#include "base/mutex.hpp"
#include "base/scheduling.hpp"
#include "threads/alarm.hpp"
#include "threads/pool_record.hpp"
#include "threads/posted.hpp"
#include "threads/standby.hpp"

#include <atomic>
#include <cstdint>
#include <forward_list>
#include <functional>
#include <list>
#include <optional>
#include <pthread.h>
#include <string>
#include <sys/epoll.h>
#include <vector>

namespace gatehouse::host {

struct PoolOptions {
    std::string name;    // of the threads, cut at 15 bytes
    unsigned ready = 0;  // threads that are kept, and kept free to run while others are blocked; at most `max`
    unsigned enough = 1; // threads that run at a time, blocked ones aside, where there is work; at most `max`
    unsigned max = 1;
    std::uint64_t stack_size = 256 * 1024; // bytes
    Scheduling scheduling = Scheduling::batch;
    // How long a thread beyond `ready` has nothing to do before it leaves; up to twice that.
    std::chrono::milliseconds keep{60'000};
};

class Pool { // NOLINT(clang-analyzer-optin.performance.Padding): load_ has a cache line of its own
  public:
    // What a token stands for is the handler's business. `events` is 0 for a token that was posted. The handler must not throw.
    using Handler = std::function<void(std::uint64_t token, std::uint32_t events)>;

    Pool(PoolOptions options, Alarm& alarm, Standby& standby, Handler handler); // throws std::system_error
    ~Pool();                                                                    // stop(), and join() without a deadline

    // Keeps this one as well; before start(). It outlives the pool. [who makes it]
    void keep(PoolRecord& record) { records_.push_front(&record); }

    // Starts the `ready` threads; without any the pool is cold. Throws std::system_error if a pool that needs threads cannot
    // have even one. [main]
    void start();

    // The pool is cold and has an event: starts its first thread. [main]
    void warm_up() noexcept;

    // Tells the threads to leave; those that run the handler leave when it returns. No event is taken any more. [any]
    void stop() noexcept;

    // The same, and the main thread does not come back to this pool: then another thread may join and destroy it. [main]
    void retire() noexcept;

    // Waits until all have left; false if some had not by `deadline`. [main]
    bool join(Nanoseconds deadline) noexcept;

    // The epoll set. False: no memory for the entry, see errno. [any]
    bool watch(int fd, std::uint32_t events, std::uint64_t token) noexcept;
    bool rearm(int fd, std::uint32_t events, std::uint64_t token) noexcept;
    void forget(int fd) noexcept;
    int descriptor() const noexcept { return epoll_.get(); } // the set's own

    // Has the handler called with this token, in the order of the posts. `place` is free again when it is called. [any]
    void post(Posted& place, std::uint64_t token) noexcept;

    // Starts a thread if some seem stuck, dismisses idle ones, and joins those that have left. Returns when it wants to be
    // asked again. [main]
    Nanoseconds supervise(Nanoseconds now) noexcept;

    struct Counts {
        unsigned threads = 0; // alive
        unsigned idle = 0;    // waiting for an event
        unsigned blocked = 0; // waiting inside the handler, or stuck there
        unsigned most = 0;    // the highest number of threads so far
    };
    Counts counts() const noexcept;

    // Since when supervise() has found it crowded; `never`: it is not. [main]
    Nanoseconds crowded_since() const noexcept { return crowded_since_; }
    // How many threads wait in a write. [any]
    unsigned writing() noexcept;

    // The calling thread waits until the peer of this socket takes what was written to it. `sent`: bytes so far, by the count
    // of which the socket's queue is the end. Does nothing in a thread of no pool.
    class BlockedWrite {
      public:
        BlockedWrite(int fd, std::uint64_t sent) noexcept;
        ~BlockedWrite() { end(); }
        BlockedWrite(const BlockedWrite&) = delete;
        BlockedWrite& operator=(const BlockedWrite&) = delete;

        // The wait is over. Nothing, or the bytes a second that the peer took when the pool gave the thread up: the socket is
        // then shut down.
        std::optional<std::uint16_t> end() noexcept;

      private:
        friend class Pool;

        Pool* pool_; // null: of no pool, or over
        const int fd_;
        const std::uint64_t sent_;
        Nanoseconds since_ = 0;   // when supervise() has seen its peer take enough, or has seen it first; 0: it has not yet.
        std::uint64_t taken_ = 0; // by the peer until then. Both are guarded by writes_mutex_, as are the next two
        std::optional<std::uint16_t> rate_;
        BlockedWrite* next_ = nullptr;
    };

    // Marks the calling thread as waiting for as long as the object lives. Does nothing in a thread of no pool.
    class Blocked {
      public:
        Blocked() noexcept;
        ~Blocked();
        Blocked(const Blocked&) = delete;
        Blocked& operator=(const Blocked&) = delete;

      private:
        struct Worker* worker_;
    };

  private:
    friend struct Worker;

    static void* run(void* worker) noexcept;
    void loop(Worker& worker) noexcept;
    void take_posted() noexcept;
    void push(Posted& place) noexcept GATEHOUSE_REQUIRES(mutex_);
    Posted* pop() noexcept GATEHOUSE_REQUIRES(mutex_);
    bool next_posted(epoll_event& event) noexcept GATEHOUSE_REQUIRES(mutex_);
    void relieve(Worker& worker) noexcept GATEHOUSE_REQUIRES(mutex_);
    void ask_for_supervision() noexcept;
    void dismiss_idle(Nanoseconds now) noexcept;
    bool leave(Worker& worker) noexcept;
    void depart(Worker& worker) noexcept GATEHOUSE_REQUIRES(mutex_);
    bool join_departed() noexcept;
    bool spawn() noexcept GATEHOUSE_REQUIRES(mutex_);
    bool needs_thread() const noexcept;
    bool is_full() const noexcept;
    Nanoseconds relieve_crowd(Nanoseconds now) noexcept;
    bool look_at_writes(Nanoseconds now, bool give_up) noexcept;
    void add_threads() noexcept;

    const PoolOptions options_; // constant after construction
    const Handler handler_;
    const Descriptor epoll_;
    const Bell bell_; // in the epoll set: something was posted, or threads are to leave
    Alarm& alarm_;
    Standby& standby_;
    std::forward_list<PoolRecord*> records_; // constant after start()

    // Threads that are not blocked, in units of `one_running`, and how many of them wait for events: decided on together. On a
    // cache line of its own, since every thread writes it for each batch of events.
    alignas(64) std::atomic<std::uint64_t> load_{0};
    alignas(64) std::atomic<unsigned> threads_{0}; // written under mutex_, as is cold_
    std::atomic<bool> cold_{false};
    std::atomic<unsigned> most_{0};
    std::atomic<Nanoseconds> no_spawn_before_{0};
    std::atomic<bool> stopping_{false};
    std::atomic<bool> supervised_{false};        // supervise() will look again soon
    std::atomic<unsigned> dismissed_{0};         // so many of those that wait are to leave; written under mutex_
    std::atomic<Nanoseconds> dismiss_at_{never}; // when to look for idle threads

    Mutex mutex_;
    std::list<Worker> workers_ GATEHOUSE_GUARDED_BY(mutex_);
    std::list<Worker> departed_ GATEHOUSE_GUARDED_BY(mutex_); // to be joined
    Posted* first_posted_ GATEHOUSE_GUARDED_BY(mutex_) = nullptr;
    Posted* last_posted_ GATEHOUSE_GUARDED_BY(mutex_) = nullptr;

    Nanoseconds crowded_since_ = never; // [main]
    Mutex writes_mutex_;
    BlockedWrite* writes_ GATEHOUSE_GUARDED_BY(writes_mutex_) = nullptr;
};

} // namespace gatehouse::host
