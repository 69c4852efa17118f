#include "threads/pool.hpp"

#include "eventually.hpp"

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

namespace gatehouse::host {
namespace {

using namespace std::chrono_literals;

// A pool with its main thread: supervise() is called whenever the alarm says so, and a cold pool is warmed up.
class PoolTest : public ::testing::Test {
  public:
    ~PoolTest() override {
        if (!pool_) return;
        release();
        pool_->stop();
        EXPECT_TRUE(pool_->join(monotonic_now() + 20'000'000'000));
        stop_.store(true);
        alarm_.wake_by(1);
        main_.join();
    }

  protected:
    void start(PoolOptions options, Pool::Handler handler) {
        options.name = "pool";
        pool_ = std::make_unique<Pool>(options, alarm_, standby_, std::move(handler));
        pool_->keep(record_);
        pool_->start();
        main_ = std::thread([this] {
            while (!stop_.load()) {
                std::array<pollfd, 2> waiting{{{standby_.descriptor(), POLLIN, 0}, {alarm_.descriptor(), POLLIN, 0}}};
                ::poll(waiting.data(), waiting.size(), -1);
                standby_.serve();
                alarm_.acknowledge();
                again_.store(pool_->supervise(monotonic_now()));
                alarm_.wake_by(again_.load());
            }
        });
    }

    // Its main thread has nothing to wait for: it has just looked.
    bool wants_nothing() {
        again_.store(0);
        alarm_.wake_by(monotonic_now());
        return eventually([&] { return again_.load() != 0; }) && again_.load() == never;
    }

    // For handlers that are to stay where they are until the test says so.
    void hold() {
        std::unique_lock lock(mutex_);
        ++held_;
        released_.wait(lock, [this] { return open_; });
        --held_;
    }
    void release() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        released_.notify_all();
    }
    unsigned held() {
        const std::lock_guard lock(mutex_);
        return held_;
    }

    void post(std::uint64_t token) {
        Posted* place = nullptr;
        {
            const std::lock_guard lock(mutex_);
            place = &places_.emplace_back();
        }
        pool_->post(*place, token);
    }

    Alarm alarm_;
    Standby standby_;
    std::mutex mutex_;
    std::deque<Posted> places_; // guarded by mutex_, as are the next two
    std::condition_variable released_;
    bool open_ = false;
    unsigned held_ = 0;
    PoolRecord record_;
    std::unique_ptr<Pool> pool_;
    std::atomic<bool> stop_{false};
    std::atomic<Nanoseconds> again_{0}; // what the main thread was told last
    std::thread main_;
};

PoolOptions between(unsigned min, unsigned max) {
    PoolOptions options;
    options.ready = min;
    options.enough = min;
    options.max = max;
    return options;
}

// A pool that is cold until it has something to do, and a moment after.
PoolOptions cold(unsigned enough, unsigned max) {
    PoolOptions options;
    options.enough = enough;
    options.max = max;
    options.keep = 20ms;
    return options;
}

TEST_F(PoolTest, StartsWithItsMinimum) {
    start(between(3, 10), [](std::uint64_t, std::uint32_t) {});
    EXPECT_EQ(pool_->counts().threads, 3U);
    EXPECT_EQ(pool_->counts().blocked, 0U);
    EXPECT_EQ(record_.failures.load(), 0U);
}

TEST_F(PoolTest, OneThreadTakesPostsInTheirOrder) {
    std::vector<std::uint64_t> seen;
    std::atomic<std::size_t> count{0};
    start(between(1, 1), [&](std::uint64_t token, std::uint32_t events) {
        EXPECT_EQ(events, 0U);
        seen.push_back(token);
        count.fetch_add(1);
    });
    for (std::uint64_t i = 1; i <= 10'000; ++i) post(i);
    ASSERT_TRUE(eventually([&] { return count.load() == 10'000; }));
    for (std::size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], i + 1);
}

TEST_F(PoolTest, NoPostIsLostBetweenManyThreads) {
    std::atomic<std::uint64_t> sum{0};
    start(between(4, 8), [&](std::uint64_t token, std::uint32_t) { sum.fetch_add(token); });
    std::vector<std::thread> posters;
    for (int t = 0; t < 4; ++t)
        posters.emplace_back([&] {
            for (std::uint64_t i = 1; i <= 5000; ++i) post(i);
        });
    for (std::thread& poster : posters) poster.join();
    EXPECT_TRUE(eventually([&] { return sum.load() == 4 * 5000ULL * 5001 / 2; }));
}

TEST_F(PoolTest, TellsWhatTheEpollSetSays) {
    std::atomic<std::uint64_t> token_seen{0};
    std::atomic<std::uint32_t> events_seen{0};
    start(between(2, 2), [&](std::uint64_t token, std::uint32_t events) {
        events_seen.store(events);
        token_seen.store(token);
    });
    const Descriptor event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    ASSERT_TRUE(pool_->watch(event.get(), EPOLLIN | EPOLLONESHOT, 42));
    EXPECT_FALSE(pool_->watch(event.get(), EPOLLIN, 42)); // it is in the set already
    EXPECT_EQ(errno, EEXIST);
    ::eventfd_write(event.get(), 1);
    EXPECT_TRUE(eventually([&] { return token_seen.load() == 42; }));
    EXPECT_EQ(events_seen.load(), std::uint32_t{EPOLLIN});
    token_seen.store(0);
    ASSERT_TRUE(pool_->rearm(event.get(), EPOLLIN | EPOLLONESHOT, 43));
    EXPECT_TRUE(eventually([&] { return token_seen.load() == 43; }));
    pool_->forget(event.get());
    EXPECT_FALSE(pool_->rearm(event.get(), EPOLLIN, 44));
    EXPECT_EQ(errno, ENOENT);
}

TEST_F(PoolTest, GrowsAsItsThreadsBlockButNotBeyondItsMaximum) {
    start(between(2, 6), [&](std::uint64_t, std::uint32_t) {
        const Pool::Blocked blocked;
        hold();
    });
    for (std::uint64_t i = 1; i <= 20; ++i) post(i);
    EXPECT_TRUE(eventually([&] { return held() == 6; }));
    EXPECT_EQ(pool_->counts().threads, 6U);
    EXPECT_EQ(pool_->counts().blocked, 6U);
    release();
    EXPECT_TRUE(eventually([&] { return pool_->counts().blocked == 0; }));
    EXPECT_EQ(pool_->counts().most, 6U);
}

TEST_F(PoolTest, ShrinksAgain) {
    PoolOptions options = between(1, 8);
    options.keep = 20ms;
    start(options, [&](std::uint64_t, std::uint32_t) {
        const Pool::Blocked blocked;
        hold();
    });
    for (std::uint64_t i = 1; i <= 7; ++i) post(i);
    EXPECT_TRUE(eventually([&] { return held() == 7; }));
    release();
    EXPECT_TRUE(eventually([&] { return pool_->counts().threads == 1; }));
    EXPECT_EQ(pool_->counts().most, 8U);
}

TEST_F(PoolTest, FindsThreadsThatAreStuckWithoutAWord) {
    start(between(2, 5), [&](std::uint64_t, std::uint32_t) { hold(); });
    for (std::uint64_t i = 1; i <= 5; ++i) post(i);
    EXPECT_TRUE(eventually([&] { return held() == 5; }));
    EXPECT_TRUE(eventually([&] { return pool_->counts().blocked == 5; }));
    release();
    EXPECT_TRUE(eventually([&] { return pool_->counts().blocked == 0; }));
    EXPECT_EQ(pool_->counts().threads, 5U);
}

// All threads have waited, so nobody enters the handler any more: what makes supervise() look again is the end of the wait.
TEST_F(PoolTest, FindsThreadsThatGetStuckAfterAWait) {
    std::mutex gate;
    gate.lock();
    std::atomic<unsigned> waiting{0};
    start(between(2, 5), [&](std::uint64_t token, std::uint32_t) {
        if (token < 5) {
            const Pool::Blocked blocked;
            waiting.fetch_add(1);
            const std::lock_guard lock(gate);
        }
        hold();
    });
    for (std::uint64_t i = 1; i <= 4; ++i) post(i);
    ASSERT_TRUE(eventually([&] { return waiting.load() == 4; }));
    gate.unlock();
    ASSERT_TRUE(eventually([&] { return held() == 4; }));
    post(5);
    EXPECT_TRUE(eventually([&] { return held() == 5; }));
}

// What a thread has taken from the epoll set and does not get to is done by others.
TEST_F(PoolTest, NobodyWaitsBehindAStuckThread) {
    std::atomic<unsigned> done{0};
    start(between(1, 2), [&](std::uint64_t token, std::uint32_t) {
        if (token == 1) hold();
        done.fetch_add(1);
    });
    std::vector<Descriptor> events;
    for (std::uint64_t i = 1; i <= 12; ++i) {
        events.emplace_back(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
        ASSERT_TRUE(pool_->watch(events.back().get(), EPOLLIN | EPOLLONESHOT, i));
    }
    EXPECT_TRUE(eventually([&] { return held() == 1 && done.load() == 11; }));
    release();
    EXPECT_TRUE(eventually([&] { return done.load() == 12; }));
}

TEST_F(PoolTest, AnIdlePoolSleeps) {
    std::atomic<unsigned> calls{0};
    start(between(2, 4), [&](std::uint64_t, std::uint32_t) { calls.fetch_add(1); });
    post(1);
    ASSERT_TRUE(eventually([&] { return calls.load() == 1; }));
    EXPECT_TRUE(eventually([&] { return wants_nothing(); }));
}

// --- cold pools ------------------------------------------------------------------------------------------------------------

TEST_F(PoolTest, StartsWithoutAThread) {
    start(cold(2, 4), [](std::uint64_t, std::uint32_t) {});
    EXPECT_EQ(pool_->counts().threads, 0U);
    EXPECT_TRUE(wants_nothing());
}

TEST_F(PoolTest, APostWarmsItUpAndItTurnsColdAgain) {
    std::atomic<unsigned> calls{0};
    start(cold(2, 4), [&](std::uint64_t, std::uint32_t) { calls.fetch_add(1); });
    for (unsigned i = 1; i <= 5; ++i) {
        post(i);
        ASSERT_TRUE(eventually([&] { return calls.load() == i; }));
        ASSERT_TRUE(eventually([&] { return pool_->counts().threads == 0; }));
    }
    EXPECT_TRUE(eventually([&] { return wants_nothing(); })); // and stays cold
    EXPECT_EQ(record_.failures.load(), 0U);
}

TEST_F(PoolTest, AnEventThatWasThereBeforeTheStartWarmsItUp) {
    std::atomic<std::uint64_t> seen{0};
    const Descriptor event(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
    start(cold(1, 1), [&](std::uint64_t token, std::uint32_t) { seen.store(token); });
    ASSERT_TRUE(pool_->watch(event.get(), EPOLLIN | EPOLLET, 42));
    EXPECT_TRUE(eventually([&] { return seen.load() == 42; }));
    pool_->forget(event.get());
}

// Events come just as the last thread leaves: with `keep` as it is here, most of them.
TEST_F(PoolTest, NoEventIsLostWhileItTurnsCold) {
    std::atomic<unsigned> seen{0};
    PoolOptions options = cold(1, 1);
    options.keep = 1ms;
    start(options, [&](std::uint64_t token, std::uint32_t) {
        if (token == 1) seen.fetch_add(1);
    });
    const Descriptor event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    ASSERT_TRUE(pool_->watch(event.get(), EPOLLIN | EPOLLET, 1));
    for (unsigned i = 1; i <= 100; ++i) {
        ::eventfd_write(event.get(), 1);
        ASSERT_TRUE(eventually([&] { return seen.load() == i; }));
        const Nanoseconds next = monotonic_now() + 900'000 + i % 25 * 10'000; // about `keep`
        while (monotonic_now() < next) std::this_thread::yield();
    }
    pool_->forget(event.get());
}

// With one thread in the handler another one waits, until enough of them run.
TEST_F(PoolTest, TheNextEventFindsAThreadThatWaits) {
    PoolOptions options = cold(3, 8);
    options.keep = 60s; // no thread leaves meanwhile
    start(options, [&](std::uint64_t, std::uint32_t) { hold(); });
    for (unsigned i = 1; i <= 3; ++i) {
        post(i);
        ASSERT_TRUE(eventually([&] { return held() == i; }));
        ASSERT_GE(pool_->counts().threads, std::min(i + 1, 3U));
    }
}

// The others are still in the handler, so an event that comes now needs a thread that waits for it.
TEST_F(PoolTest, TheLastThreadThatWaitsStaysWhileOthersAreBlocked) {
    std::atomic<unsigned> quick{0};
    start(cold(1, 4), [&](std::uint64_t token, std::uint32_t) {
        if (token > 2) {
            quick.fetch_add(1);
            return;
        }
        const Pool::Blocked blocked;
        hold();
    });
    post(1);
    post(2);
    ASSERT_TRUE(eventually([&] { return held() == 2; }));
    std::this_thread::sleep_for(60ms);      // three times `keep`, which must not make a difference
    EXPECT_GE(pool_->counts().threads, 3U); // one more if a thread seemed stuck for a moment
    post(3);
    EXPECT_TRUE(eventually([&] { return quick.load() == 1; }));
    release();
    EXPECT_TRUE(eventually([&] { return pool_->counts().threads == 0; }));
}

// All threads wait for something, and the most are reached: an event waits, and is taken as soon as one is free.
TEST_F(PoolTest, AtItsMaximumEventsWait) {
    std::atomic<unsigned> quick{0};
    start(cold(1, 2), [&](std::uint64_t token, std::uint32_t) {
        if (token > 2) {
            quick.fetch_add(1);
            return;
        }
        const Pool::Blocked blocked;
        hold();
    });
    post(1);
    post(2);
    ASSERT_TRUE(eventually([&] { return held() == 2; }));
    post(3);
    EXPECT_EQ(quick.load(), 0U);
    release();
    EXPECT_TRUE(eventually([&] { return quick.load() == 1; }));
    EXPECT_TRUE(eventually([&] { return pool_->counts().threads == 0; }));
}

TEST_F(PoolTest, AReadyThreadIsKeptAndTheOthersLeave) {
    PoolOptions options = cold(1, 8);
    options.ready = 1;
    start(options, [&](std::uint64_t, std::uint32_t) {
        const Pool::Blocked blocked;
        hold();
    });
    EXPECT_EQ(pool_->counts().threads, 1U);
    for (std::uint64_t i = 1; i <= 4; ++i) post(i);
    ASSERT_TRUE(eventually([&] { return held() == 4; }));
    release();
    ASSERT_TRUE(eventually([&] { return pool_->counts().threads == 1; }));
    std::this_thread::sleep_for(60ms); // three times `keep`
    EXPECT_EQ(pool_->counts().threads, 1U);
}

// Also of those that have ended.
TEST_F(PoolTest, KnowsWhatItsThreadsHaveComputed) {
    std::atomic<bool> done{false};
    start(cold(1, 1), [&](std::uint64_t, std::uint32_t) {
        while (record_.clocks.sum() < 20 * millisecond) {
        }
        done.store(true);
    });
    EXPECT_EQ(record_.clocks.sum(), 0);
    post(1);
    ASSERT_TRUE(eventually([&] { return done.load() && pool_->counts().threads == 0; }));
    const Nanoseconds ended = record_.clocks.sum();
    EXPECT_GE(ended, 20 * millisecond);
    post(2);
    ASSERT_TRUE(eventually([&] { return record_.clocks.sum() > ended; }));
}

// No memory has this much room: the thread cannot be started. The event waits, and the host tries again.
TEST_F(PoolTest, AThreadThatCannotBeStartedIsTriedAgain) {
    PoolOptions options = cold(1, 1);
    options.stack_size = std::uint64_t{1} << 47U;
    std::atomic<unsigned> calls{0};
    start(options, [&](std::uint64_t, std::uint32_t) { calls.fetch_add(1); });
    post(1);
    EXPECT_TRUE(eventually([&] { return record_.failures.load() >= 2; }));
    EXPECT_EQ(pool_->counts().threads, 0U);
    EXPECT_EQ(calls.load(), 0U);
}

TEST(PoolStart, FailsWithoutTheThreadsThatAreToBeReady) {
    Alarm alarm;
    Standby standby;
    PoolOptions options = between(1, 1);
    options.name = "large";
    options.stack_size = std::uint64_t{1} << 47U;
    Pool pool(options, alarm, standby, [](std::uint64_t, std::uint32_t) {});
    try {
        pool.start();
        ADD_FAILURE() << "it has started";
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code().value(), EAGAIN);
        EXPECT_NE(std::string(error.what()).find("large"), std::string::npos) << error.what();
    }
}

// What has been posted to it is not served any more.
TEST(PoolStop, LeavesAColdPoolCold) {
    Alarm alarm;
    Standby standby;
    Pool pool(cold(1, 1), alarm, standby, [](std::uint64_t, std::uint32_t) { ADD_FAILURE() << "called"; });
    pool.start();
    pool.stop();
    Posted place;
    pool.post(place, 1);
    standby.serve();
    EXPECT_TRUE(pool.join(monotonic_now()));
    EXPECT_EQ(pool.counts().threads, 0U);
}

// Each of two pools has its own threads: all those of one are stuck, and the other one serves.
TEST(PoolBulkhead, AStuckPoolTakesNoThreadsOfAnother) {
    Alarm alarm;
    Standby standby;
    std::mutex gate;
    std::unique_lock closed(gate);
    std::atomic<unsigned> served{0};
    Posted stuck_place; // a pool may look at what was posted for as long as it has threads
    Posted other_place;
    Pool stuck(cold(1, 1), alarm, standby, [&](std::uint64_t, std::uint32_t) { const std::lock_guard lock(gate); });
    Pool other(cold(1, 1), alarm, standby, [&](std::uint64_t, std::uint32_t) { served.fetch_add(1); });
    stuck.start();
    other.start();
    stuck.post(stuck_place, 1);
    standby.serve();
    other.post(other_place, 1);
    standby.serve();
    while (served.load() == 0) std::this_thread::yield();
    EXPECT_EQ(stuck.counts().threads, 1U);
    closed.unlock();
}

TEST(PoolStop, LeavesThoseInTheHandlerTheirTime) {
    Alarm alarm;
    Standby standby;
    std::mutex gate;
    gate.lock();
    std::atomic<bool> inside{false};
    Posted place;
    Pool pool(between(1, 1), alarm, standby, [&](std::uint64_t, std::uint32_t) {
        inside.store(true);
        const std::lock_guard lock(gate);
    });
    pool.start();
    pool.post(place, 1);
    while (!inside.load()) std::this_thread::yield();
    pool.stop();
    EXPECT_FALSE(pool.join(monotonic_now() + 10'000'000));
    gate.unlock();
    EXPECT_TRUE(pool.join(monotonic_now() + 20'000'000'000));
    EXPECT_EQ(pool.counts().threads, 0U);
}

TEST(PoolBlocked, MeansNothingOutsideAPool) { const Pool::Blocked blocked; }

} // namespace
} // namespace gatehouse::host
