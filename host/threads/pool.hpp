// Threads over one epoll set: whoever is free takes what is ready, a few events at a time, and runs one after the other to its
// end. A thread that has to wait meanwhile leaves the rest of them to the others.
//
// The pool keeps `min` threads that are not blocked. A thread that is about to wait inside the handler says so with
// Pool::Blocked; if fewer than `min` would remain, another one is started, up to `max`. A thread that is stuck in the handler
// without saying so is found by supervise(). Surplus threads leave after a while. At `max` nobody takes new events: they wait
// in the kernel, which is the back-pressure.
#pragma once

#include "base/clock.hpp"
#include "base/descriptor.hpp"
#include "base/scheduling.hpp"
#include "threads/alarm.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <pthread.h>
#include <string>
#include <sys/epoll.h>
#include <vector>

namespace gatehouse::host {

struct PoolOptions {
    std::string name; // of the threads, cut at 15 bytes
    unsigned min = 1;
    unsigned max = 1;
    std::uint64_t stack_size = 256 * 1024; // bytes
    Scheduling scheduling = Scheduling::batch;
    std::chrono::milliseconds keep_surplus{10'000}; // how long a thread beyond `min` waits for work before it leaves
};

class Pool {
  public:
    // What a token stands for is the handler's business. `events` is 0 for a token that was posted. The handler must not throw.
    using Handler = std::function<void(std::uint64_t token, std::uint32_t events)>;

    Pool(PoolOptions options, Alarm& alarm, Handler handler); // throws std::system_error
    ~Pool();                                                  // after stop(), or before start()

    // Starts `min` threads; throws std::system_error if not even one can be had. [main]
    void start();

    // Tells the threads to leave; those that run the handler leave when it returns. [any]
    void stop() noexcept;

    // Waits until all have left; false if some had not by `deadline`. [main]
    bool join(Nanoseconds deadline) noexcept;

    // The epoll set. False: no memory for the entry, see errno. [any]
    bool watch(int fd, std::uint32_t events, std::uint64_t token) noexcept;
    bool rearm(int fd, std::uint32_t events, std::uint64_t token) noexcept;
    void forget(int fd) noexcept;

    // Has the handler called with this token, in the order of the posts. [any]
    void post(std::uint64_t token) noexcept;

    // Starts a thread if some seem stuck, and joins those that have left. Returns when it wants to be asked again. [main]
    Nanoseconds supervise(Nanoseconds now) noexcept;

    struct Counts {
        unsigned threads = 0;       // alive
        unsigned blocked = 0;       // waiting inside the handler, or stuck there
        unsigned most = 0;          // the highest number of threads so far
        std::uint64_t failures = 0; // threads that could not be started
    };
    Counts counts() const noexcept;

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

    struct Event {
        std::uint64_t token;
        std::uint32_t events;
    };

    static void* run(void* worker) noexcept;
    void loop(Worker& worker) noexcept;
    void take_posted() noexcept;
    void push(Event event) noexcept;       // with mutex_ held
    void relieve(Worker& worker) noexcept; // with mutex_ held
    void ask_for_supervision() noexcept;
    bool leave_if_surplus() noexcept;
    bool spawn() noexcept; // guarded by itself: takes mutex_
    void replace_blocked() noexcept;

    const PoolOptions options_; // constant after construction
    const Handler handler_;
    const Descriptor epoll_;
    const Descriptor bell_; // eventfd in the epoll set: something was posted, or the pool stops
    Alarm& alarm_;

    std::atomic<unsigned> threads_{0};
    std::atomic<unsigned> running_{0}; // threads that are not blocked: waiting for events, or busy in the handler
    std::atomic<unsigned> most_{0};
    std::atomic<std::uint64_t> failures_{0};
    std::atomic<Nanoseconds> no_spawn_before_{0};
    std::atomic<bool> stopping_{false};
    std::atomic<bool> supervised_{false}; // supervise() will look again soon

    mutable std::mutex mutex_;
    std::list<Worker> workers_;  // guarded by mutex_
    std::list<Worker> departed_; // guarded by mutex_: to be joined
    std::deque<Event> posted_;   // guarded by mutex_
};

} // namespace gatehouse::host
