#include "abi/timer.hpp"

#include "eventually.hpp"
#include "plugin/test_facilities.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <gtest/gtest.h>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace gatehouse::host {
namespace {

using namespace std::chrono_literals;

// A timer whose callback does what the test wants. It ends with this object, unless the callback has stopped it.
struct TestTimer {
    explicit TestTimer(
        gatehouse_instance& of, std::function<void(TestTimer&)> what = [](TestTimer&) {})
        : instance(of), does(std::move(what)) {}
    ~TestTimer() { stop(); }
    TestTimer(const TestTimer&) = delete;
    TestTimer& operator=(const TestTimer&) = delete;

    gatehouse_status start(std::uint64_t first, std::uint64_t interval) {
        gatehouse_timer_request request{};
        request.size = sizeof request;
        request.first_milliseconds = first;
        request.interval_milliseconds = interval;
        request.data = this;
        request.expired = [](void* data) noexcept {
            auto& self = *static_cast<TestTimer*>(data);
            const std::lock_guard lock(self.mutex); // the first call waits until the handle is there
            self.does(self);
            self.calls.fetch_add(1);
        };
        const std::lock_guard lock(mutex);
        return timer_table.start(&instance, &request, &timer);
    }
    void stop() {
        if (timer != nullptr) timer_table.stop(std::exchange(timer, nullptr));
    }

    gatehouse_instance& instance;
    const std::function<void(TestTimer&)> does;
    std::recursive_mutex mutex;
    gatehouse_timer* timer = nullptr;
    std::atomic<int> calls{0};
};

TEST(Timer, ExpiresAtItsTimeAndNoEarlier) {
    TestFacilities host;
    std::atomic<Nanoseconds> when{0};
    TestTimer timer(host.instance, [&](TestTimer&) { when.store(monotonic_now()); });
    const Nanoseconds begin = monotonic_now();
    ASSERT_EQ(timer.start(30, 0), GATEHOUSE_OK);
    EXPECT_TRUE(eventually([&] { return timer.calls.load() == 1; }));
    EXPECT_GE(when.load() - begin, 30 * millisecond);
}

TEST(Timer, ComesAgainUntilItIsStopped) {
    TestFacilities host;
    TestTimer timer(host.instance);
    ASSERT_EQ(timer.start(0, 1), GATEHOUSE_OK);
    EXPECT_TRUE(eventually([&] { return timer.calls.load() >= 5; }));
    timer.stop();
    const int calls = timer.calls.load();
    std::this_thread::sleep_for(10ms);
    EXPECT_EQ(timer.calls.load(), calls);
}

TEST(Timer, MayBeSetAnew) {
    TestFacilities host;
    TestTimer timer(host.instance);
    ASSERT_EQ(timer.start(GATEHOUSE_TIMER_NEVER, 0), GATEHOUSE_OK);
    EXPECT_EQ(timer_table.set(timer.timer, 0, 0), GATEHOUSE_OK);
    EXPECT_TRUE(eventually([&] { return timer.calls.load() == 1; })) << "once";
    EXPECT_EQ(timer_table.set(timer.timer, 0, 1), GATEHOUSE_OK);
    EXPECT_TRUE(eventually([&] { return timer.calls.load() >= 3; }));
    EXPECT_EQ(timer_table.set(timer.timer, GATEHOUSE_TIMER_NEVER, 0), GATEHOUSE_OK);
    TestTimer other(host.instance);
    ASSERT_EQ(other.start(0, 0), GATEHOUSE_OK);
    EXPECT_TRUE(eventually([&] { return other.calls.load() == 1; })); // so a call that had begun has ended
    const int calls = timer.calls.load();
    std::this_thread::sleep_for(10ms);
    EXPECT_EQ(timer.calls.load(), calls);
}

TEST(Timer, ItsCallbackMaySetIt) {
    TestFacilities host;
    TestTimer timer(host.instance, [](TestTimer& self) { timer_table.set(self.timer, 1, 0); });
    ASSERT_EQ(timer.start(0, 0), GATEHOUSE_OK);
    EXPECT_TRUE(eventually([&] { return timer.calls.load() >= 3; }));
}

TEST(Timer, ItsCallbackMayStopItAndOthersAndStartNewOnes) {
    TestFacilities host;
    TestTimer second(host.instance), third(host.instance);
    ASSERT_EQ(second.start(3'600'000, 0), GATEHOUSE_OK);
    TestTimer first(host.instance, [&](TestTimer& self) {
        self.stop();
        second.stop();
        EXPECT_EQ(third.start(0, 0), GATEHOUSE_OK);
    });
    ASSERT_EQ(first.start(0, 1), GATEHOUSE_OK);
    EXPECT_TRUE(eventually([&] { return third.calls.load() == 1; }));
    EXPECT_EQ(first.calls.load(), 1);
    EXPECT_EQ(second.calls.load(), 0);
}

TEST(Timer, StoppingWaitsForACallbackThatRuns) {
    TestFacilities host;
    std::atomic<bool> inside{false}, done{false};
    TestTimer timer(host.instance, [&](TestTimer&) {
        inside.store(true);
        std::this_thread::sleep_for(20ms);
        done.store(true);
    });
    ASSERT_EQ(timer.start(0, 0), GATEHOUSE_OK);
    ASSERT_TRUE(eventually([&] { return inside.load(); }));
    timer.stop();
    EXPECT_TRUE(done.load());
}

TEST(Timer, CallbacksOfAnInstanceDoNotOverlap) {
    TestFacilities host;
    std::atomic<int> inside{0}, most{0};
    const auto look = [&](TestTimer&) {
        if (inside.fetch_add(1) > 0) most.store(2);
        std::this_thread::yield();
        inside.fetch_sub(1);
    };
    TestTimer one(host.instance, look), two(host.instance, look), three(host.instance, look);
    for (TestTimer* timer : {&one, &two, &three}) ASSERT_EQ(timer->start(0, 1), GATEHOUSE_OK);
    EXPECT_TRUE(eventually([&] { return three.calls.load() >= 20; }));
    for (TestTimer* timer : {&one, &two, &three}) timer->stop();
    EXPECT_EQ(most.load(), 0);
}

// What one instance's callback holds up is its own.
TEST(Timer, OthersDoNotWaitForASlowCallback) {
    TestFacilities host;
    gatehouse_instance other{"other", host.facilities, nullptr, true};
    std::atomic<bool> inside{false}, go_on{false};
    TestTimer slow(host.instance, [&](TestTimer&) {
        inside.store(true);
        while (!go_on.load()) std::this_thread::yield();
    });
    ASSERT_EQ(slow.start(0, 0), GATEHOUSE_OK);
    ASSERT_TRUE(eventually([&] { return inside.load(); }));
    TestTimer quick(other);
    ASSERT_EQ(quick.start(0, 0), GATEHOUSE_OK);
    EXPECT_TRUE(eventually([&] { return quick.calls.load() == 1; }));
    go_on.store(true);
}

TEST(Timer, WhatIsWrongIsRecorded) {
    TestFacilities host;
    TestTimer timer(host.instance);
    EXPECT_EQ(timer.start(365ULL * 24 * 3600 * 1000 + 1, 0), GATEHOUSE_INVALID);
    EXPECT_EQ(host.instance.error.take(), "a timer has a time of more than 365 days");
    EXPECT_EQ(timer.start(0, GATEHOUSE_TIMER_NEVER), GATEHOUSE_INVALID);
    gatehouse_timer_request request{};
    request.size = sizeof request;
    EXPECT_EQ(timer_table.start(&host.instance, &request, &timer.timer), GATEHOUSE_INVALID);
    EXPECT_EQ(host.instance.error.take(), "a timer has no expired()");
    request.expired = [](void*) noexcept {};
    request.flags = 1;
    EXPECT_EQ(timer_table.start(&host.instance, &request, &timer.timer), GATEHOUSE_INVALID);
    EXPECT_EQ(host.instance.error.take(), "a timer has a flag that this host does not know");
    host.instance.started.store(false);
    EXPECT_EQ(timer.start(0, 0), GATEHOUSE_INVALID);
    EXPECT_EQ(host.instance.error.take(), "a timer's start() is called before start()");
    EXPECT_EQ(timer.timer, nullptr);
}

TEST(Timer, ThereIsALimit) {
    TestFacilities host;
    std::vector<std::unique_ptr<TestTimer>> timers;
    for (std::size_t i = 0; i < Background::most_activities; ++i) {
        timers.push_back(std::make_unique<TestTimer>(host.instance));
        ASSERT_EQ(timers.back()->start(GATEHOUSE_TIMER_NEVER, 0), GATEHOUSE_OK);
    }
    TestTimer another(host.instance);
    EXPECT_EQ(another.start(0, 0), GATEHOUSE_EXHAUSTED);
    EXPECT_EQ(host.instance.error.take(), "no memory or thread for a timer, or too many of them");
    timers.pop_back();
    EXPECT_EQ(another.start(0, 0), GATEHOUSE_OK);
}

TEST(Timer, AfterTheEndOfTheThreadNothingIsCalled) {
    TestFacilities host;
    TestTimer before(host.instance), after(host.instance);
    ASSERT_EQ(before.start(GATEHOUSE_TIMER_NEVER, 0), GATEHOUSE_OK);
    EXPECT_TRUE(host.instance.callbacks.stop(monotonic_now() + 30'000 * millisecond));
    EXPECT_EQ(timer_table.set(before.timer, 0, 0), GATEHOUSE_OK);
    EXPECT_EQ(after.start(0, 0), GATEHOUSE_OK);
    before.stop();
    EXPECT_EQ(before.calls.load() + after.calls.load(), 0);
}

// Threads that start, set and stop while everything runs.
TEST(Timer, HoldsUnderManyThreads) {
    TestFacilities host;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 200; ++i) {
                TestTimer timer(host.instance);
                ASSERT_EQ(timer.start(0, 1), GATEHOUSE_OK);
                timer_table.set(timer.timer, static_cast<std::uint64_t>(i % 2), 0);
                if (i % 3 == 0) std::this_thread::yield();
            }
        });
    for (std::thread& thread : threads) thread.join();
}

} // namespace
} // namespace gatehouse::host
