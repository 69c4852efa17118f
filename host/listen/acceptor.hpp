// Accepts connections from a listening socket and hands each to the listener's service, in order of arrival.
//
// The pool watches the socket one event at a time, so one thread accepts at a time.
//
//              start()            no room                      room()
//     (idle) ─────────▶ accepting ───────▶ full ─────────────────────────▶ accepting
//                        │     │
//                        │     └─ no descriptors or memory ─▶ short ──after a pause──▶ accepting
//                        ├─ accept() broken, no epoll entry ▶ paused ─after a pause──▶ accepting
//                        └─ stop() ▶ closed, from any state ──reopen()──▶ idle
//
// In short, newcomers wait in the accept queue for what may become free soon. After a second the first of them is refused each
// time, for which one descriptor was kept: being told beats waiting for nothing.
#pragma once

#include "base/clock.hpp"
#include "base/descriptor.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "base/reason.hpp"
#include "listen/listener.hpp"
#include "threads/alarm.hpp"
#include "threads/pool.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <fcntl.h>
#include <functional>
#include <string>

namespace gatehouse::host {

// How many connections were accepted, and how often accept() failed, by errno. Outlives the acceptors of a listener. [any]
class AcceptCounts {
  public:
    void count_accepted() noexcept { accepted_.fetch_add(1, std::memory_order_relaxed); }
    void count_error(int error) noexcept {
        for (Errors& errors : errors_) {
            int of = 0;
            if (!errors.of.compare_exchange_strong(of, error) && of != error) continue;
            errors.count.fetch_add(1, std::memory_order_relaxed);
            return;
        }
    }

    std::uint64_t accepted() const noexcept { return accepted_.load(); }
    // Calls visit(int errno, std::uint64_t count) for each errno that was counted.
    template <class Visit>
    void for_each_error(Visit visit) const {
        for (const Errors& errors : errors_)
            if (const std::uint64_t count = errors.count.load(std::memory_order_relaxed); count != 0)
                visit(errors.of.load(), count);
    }

  private:
    struct Errors {
        std::atomic<int> of{0}; // an errno; 0: nobody has counted here
        std::atomic<std::uint32_t> count{0};
    };

    std::atomic<std::uint64_t> accepted_{0};
    std::array<Errors, 16> errors_; // of more kinds than ever come; small, since there may be thousands of listeners
};

// A descriptor that the host keeps, to be given up for a newcomer when none are left.
class SpareDescriptor {
  public:
    // Calls accept_one() while it is given up. [any]
    template <class AcceptOne>
    void lend(AcceptOne accept_one) noexcept {
        const MutexLock lock(mutex_);
        spare_.reset();
        accept_one();
        spare_ = open_one();
    }

  private:
    static Descriptor open_one() noexcept { return Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

    Mutex mutex_;
    Descriptor spare_ GATEHOUSE_GUARDED_BY(mutex_) = open_one();
};

// What the service does with newcomers. None of these throws.
struct AcceptHooks {
    std::function<bool()> has_room;                                        // whether one more may come now
    std::function<void(int fd, const SocketAddress& peer)> welcome;        // takes the descriptor over
    std::function<void(int fd, const SocketAddress& peer, Reason)> refuse; // the same, to close it
};

class Acceptor {
  public:
    enum class State : std::uint8_t { idle, accepting, full, paused, short_of, closed };

    // `token`: of the listening socket's events in `pool`. `one_at_a_time`: welcome() keeps the calling thread, so the next
    // connection is left for the next thread. [main]
    Acceptor(const Listener& listener, Pool& pool, std::uint64_t token, bool one_at_a_time, AcceptCounts& counts,
             SpareDescriptor& spare, AcceptHooks hooks, std::string name, Alarm& alarm, Log& log);

    // Takes the socket's entry in the epoll set, which is all that may fail; its events are ignored until start(). Throws
    // std::system_error. [main]
    void prepare();

    // After prepare(): connections are accepted from here on. [main]
    void start() noexcept;

    // The pool has had an event of the socket. [any]
    void ready() noexcept;

    // A connection has ended: has_room() may say something else now. [any]
    void room() noexcept {
        if (state_.load() == State::full) leave(State::full);
    }

    // Ends a pause that is over. Returns when it wants to be asked again. [main]
    Nanoseconds supervise(Nanoseconds now) noexcept;

    // Accepts no more by events. The listening socket stays open, for the acceptor of another generation. [main]
    void stop() noexcept;

    // After stop(): prepares it for another start(). Throws as prepare() does, and then it is closed as before; if it is idle,
    // nothing happens. [main]
    void reopen();

    // After stop(): takes at most `most` that wait in the accept queue. The kernel has completed their handshakes, so they are
    // served before the socket is closed. [main]
    void take_waiting(int most) noexcept;

    // After stop(): no thread takes a connection any more, and those that were taken have been welcomed. [any]
    bool at_rest() const noexcept { return state_.load() == State::closed && taking_.load() == 0; }

    // Whether welcome() is to serve at once: it runs on a pool's thread, and `one_at_a_time` was asked for. [any]
    bool serves_at_once() const noexcept { return one_at_a_time_ && state_.load() != State::closed; }

    State state() const noexcept { return state_.load(); }

  private:
    void take_batch() noexcept;
    bool change(State from, State to) noexcept;
    bool leave(State from) noexcept;
    void watch() noexcept;
    bool pause(State state, Nanoseconds until) noexcept;
    bool is_full() noexcept;
    bool failed(int error) noexcept;
    void out_of_resources(int error) noexcept;

    const Listener& listener_; // constant after construction, as are all but the last group
    Pool& pool_;
    const std::uint64_t token_;
    const bool one_at_a_time_;
    AcceptCounts& counts_;
    SpareDescriptor& spare_;
    const AcceptHooks hooks_;
    const std::string name_;
    Alarm& alarm_;
    Log& log_;

    std::atomic<State> state_{State::idle};
    std::atomic<unsigned> taking_{0}; // threads in ready()
    std::atomic<Nanoseconds> paused_until_{never};
    std::atomic<Nanoseconds> short_since_{0}; // 0: it is not short of anything
};

} // namespace gatehouse::host
