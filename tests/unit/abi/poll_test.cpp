#include "abi/poll.hpp"

#include "abi/timer.hpp"
#include "eventually.hpp"
#include "plugin/test_facilities.hpp"
#include "sockets.hpp"

#include <atomic>
#include <fcntl.h>
#include <functional>
#include <gtest/gtest.h>
#include <mutex>
#include <string>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace gatehouse::host {
namespace {

using namespace std::chrono_literals;

// A watched descriptor, whose callback notes the events and then does what the test wants.
struct TestPoll {
    explicit TestPoll(
        gatehouse_instance& of, std::function<void(TestPoll&)> what = [](TestPoll&) {})
        : instance(of), does(std::move(what)) {}
    ~TestPoll() { stop(); }
    TestPoll(const TestPoll&) = delete;
    TestPoll& operator=(const TestPoll&) = delete;

    gatehouse_status watch(int fd, std::uint32_t events) {
        gatehouse_poll_request request{};
        request.size = sizeof request;
        request.fd = fd;
        request.events = events;
        request.data = this;
        request.ready = [](void* data, std::uint32_t found) noexcept {
            auto& self = *static_cast<TestPoll*>(data);
            const std::lock_guard lock(self.mutex); // the first call waits until the handle is there
            self.last.store(found);
            self.does(self);
            self.calls.fetch_add(1);
        };
        const std::lock_guard lock(mutex);
        return poll_table.watch(&instance, &request, &poll);
    }
    gatehouse_status change(std::uint32_t events) const { return poll_table.change(poll, events); }
    void stop() {
        if (poll != nullptr) poll_table.stop(std::exchange(poll, nullptr));
    }

    gatehouse_instance& instance;
    const std::function<void(TestPoll&)> does;
    std::recursive_mutex mutex;
    gatehouse_poll* poll = nullptr;
    std::atomic<int> calls{0};
    std::atomic<std::uint32_t> last{0};
};

Descriptor event_with(unsigned count) { return Descriptor(::eventfd(count, EFD_NONBLOCK | EFD_CLOEXEC)); }

void drain(int fd) {
    eventfd_t value = 0;
    ::eventfd_read(fd, &value);
}

TEST(Poll, TellsOfWhatIsReadableAgainAndAgain) {
    TestFacilities host;
    const Descriptor event = event_with(1);
    TestPoll poll(host.instance, [&](TestPoll& self) {
        if (self.calls.load() == 2) drain(event.get());
    });
    ASSERT_EQ(poll.watch(event.get(), GATEHOUSE_READABLE), GATEHOUSE_OK);
    EXPECT_TRUE(eventually([&] { return poll.calls.load() == 3; })) << "until it has been read";
    EXPECT_EQ(poll.last.load(), GATEHOUSE_READABLE);
    std::this_thread::sleep_for(10ms);
    EXPECT_EQ(poll.calls.load(), 3);
    ::eventfd_write(event.get(), 1);
    EXPECT_TRUE(eventually([&] { return poll.calls.load() > 3; }));
}

TEST(Poll, EventsMayBeChanged) {
    TestFacilities host;
    const Descriptor event = event_with(1); // readable and writable
    TestPoll poll(host.instance, [](TestPoll& self) { EXPECT_EQ(self.change(0), GATEHOUSE_OK); });
    ASSERT_EQ(poll.watch(event.get(), 0), GATEHOUSE_OK);
    const std::uint32_t all[] = {GATEHOUSE_READABLE, GATEHOUSE_WRITABLE, GATEHOUSE_READABLE | GATEHOUSE_WRITABLE};
    int calls = 0;
    for (const std::uint32_t events : all) {
        EXPECT_EQ(poll.change(events), GATEHOUSE_OK);
        ++calls;
        EXPECT_TRUE(eventually([&] { return poll.calls.load() == calls; }));
        EXPECT_EQ(poll.last.load(), events);
    }
    EXPECT_EQ(poll.change(4), GATEHOUSE_INVALID);
}

TEST(Poll, AHangUpCountsAsAllThatIsWanted) {
    TestFacilities host;
    for (const std::uint32_t events : {GATEHOUSE_READABLE, GATEHOUSE_WRITABLE}) {
        Ends ends = unix_ends();
        ends.far.reset();
        TestPoll poll(host.instance, [](TestPoll& self) { self.change(0); });
        ASSERT_EQ(poll.watch(ends.near.get(), events), GATEHOUSE_OK);
        EXPECT_TRUE(eventually([&] { return poll.calls.load() == 1; }));
        EXPECT_EQ(poll.last.load(), events);
        std::this_thread::sleep_for(5ms);
        EXPECT_EQ(poll.calls.load(), 1) << "not wanted any more";
    }
}

TEST(Poll, ItsCallbackMayStopIt) {
    TestFacilities host;
    const Descriptor event = event_with(1);
    TestPoll poll(host.instance, [](TestPoll& self) { self.stop(); });
    ASSERT_EQ(poll.watch(event.get(), GATEHOUSE_READABLE), GATEHOUSE_OK);
    EXPECT_TRUE(eventually([&] { return poll.calls.load() == 1; }));
    TestPoll again(host.instance, [](TestPoll& self) { self.stop(); });
    EXPECT_EQ(again.watch(event.get(), GATEHOUSE_READABLE), GATEHOUSE_OK) << "it may be watched anew";
    EXPECT_TRUE(eventually([&] { return again.calls.load() == 1; }));
    EXPECT_EQ(poll.calls.load(), 1);
}

TEST(Poll, StoppingWaitsForACallbackThatRuns) {
    TestFacilities host;
    const Descriptor event = event_with(1);
    std::atomic<bool> inside{false}, done{false};
    TestPoll poll(host.instance, [&](TestPoll&) {
        inside.store(true);
        std::this_thread::sleep_for(20ms);
        done.store(true);
    });
    ASSERT_EQ(poll.watch(event.get(), GATEHOUSE_READABLE), GATEHOUSE_OK);
    ASSERT_TRUE(eventually([&] { return inside.load(); }));
    poll.stop();
    EXPECT_TRUE(done.load());
}

TEST(Poll, DoesNotOverlapWithTimers) {
    TestFacilities host;
    static std::atomic<int> inside{0}, most{0}, expired{0};
    const auto look = [] {
        if (inside.fetch_add(1) > 0) most.store(2);
        std::this_thread::yield();
        inside.fetch_sub(1);
    };
    const Descriptor event = event_with(1); // always readable
    TestPoll poll(host.instance, [&](TestPoll&) { look(); });
    gatehouse_timer_request request{};
    request.size = sizeof request;
    request.interval_milliseconds = 1;
    static const auto at_expiry = look;
    request.expired = [](void*) noexcept {
        at_expiry();
        expired.fetch_add(1);
    };
    gatehouse_timer* timer = nullptr;
    ASSERT_EQ(timer_table.start(&host.instance, &request, &timer), GATEHOUSE_OK);
    ASSERT_EQ(poll.watch(event.get(), GATEHOUSE_READABLE), GATEHOUSE_OK);
    EXPECT_TRUE(eventually([&] { return expired.load() > 10 && poll.calls.load() > 100; }));
    timer_table.stop(timer);
    poll.stop();
    EXPECT_EQ(most.load(), 0);
}

TEST(Poll, WhatIsWrongIsRecorded) {
    TestFacilities host;
    const Descriptor event = event_with(0);
    const auto why = [&](int fd, std::uint32_t events, gatehouse_status status) {
        TestPoll poll(host.instance);
        EXPECT_EQ(poll.watch(fd, events), status);
        EXPECT_EQ(poll.poll, nullptr);
        return host.instance.error.take();
    };
    EXPECT_EQ(why(1 << 20, GATEHOUSE_READABLE, GATEHOUSE_INVALID), "cannot watch descriptor 1048576: it is not open");
    EXPECT_EQ(why(event.get(), 4, GATEHOUSE_INVALID), "a descriptor to watch has an event that this host does not know");
    const Descriptor file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(why(file.get(), GATEHOUSE_READABLE, GATEHOUSE_INVALID),
              "cannot watch descriptor " + std::to_string(file.get()) + ": it is of a kind that cannot be watched");
    TestPoll first(host.instance);
    ASSERT_EQ(first.watch(event.get(), GATEHOUSE_READABLE), GATEHOUSE_OK);
    EXPECT_EQ(why(event.get(), GATEHOUSE_READABLE, GATEHOUSE_INVALID),
              "cannot watch descriptor " + std::to_string(event.get()) + ": it is watched already");
    TestPoll resting(host.instance);
    ASSERT_EQ(resting.watch(event.get(), 0), GATEHOUSE_OK);
    EXPECT_EQ(resting.change(0), GATEHOUSE_OK);
    EXPECT_EQ(resting.change(GATEHOUSE_READABLE), GATEHOUSE_INVALID);
    ::eventfd_write(event.get(), 1);
    EXPECT_TRUE(eventually([&] { return first.calls.load() > 0; })) << "the first is as before";
    host.instance.error.set("");
    EXPECT_EQ(why(-1, 0, GATEHOUSE_INVALID), "a descriptor to watch is negative");

    gatehouse_poll_request request{};
    request.size = sizeof request;
    request.fd = event.get();
    gatehouse_poll* poll = nullptr;
    EXPECT_EQ(poll_table.watch(&host.instance, &request, &poll), GATEHOUSE_INVALID);
    EXPECT_EQ(host.instance.error.take(), "a descriptor to watch has no ready()");
    request.ready = [](void*, std::uint32_t) noexcept {};
    request.flags = 1;
    EXPECT_EQ(poll_table.watch(&host.instance, &request, &poll), GATEHOUSE_INVALID);
    EXPECT_EQ(host.instance.error.take(), "a descriptor to watch has a flag that this host does not know");
    host.instance.started.store(false);
    EXPECT_EQ(why(event.get(), 0, GATEHOUSE_INVALID), "a descriptor's watch() is called before start()");
}

TEST(Poll, AfterTheEndOfTheThreadNothingIsCalled) {
    TestFacilities host;
    const Descriptor event = event_with(1);
    EXPECT_TRUE(host.instance.callbacks.stop(monotonic_now()));
    TestPoll poll(host.instance);
    EXPECT_EQ(poll.watch(event.get(), GATEHOUSE_READABLE), GATEHOUSE_OK);
    EXPECT_EQ(poll.change(0), GATEHOUSE_OK);
    EXPECT_EQ(poll.calls.load(), 0);
}

// Threads that watch, change and stop while everything is ready.
TEST(Poll, HoldsUnderManyThreads) {
    TestFacilities host;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 200; ++i) {
                const Descriptor event = event_with(1);
                TestPoll poll(host.instance);
                ASSERT_EQ(poll.watch(event.get(), GATEHOUSE_READABLE), GATEHOUSE_OK);
                ASSERT_EQ(poll.change(i % 2 == 0 ? GATEHOUSE_WRITABLE : 0U), GATEHOUSE_OK);
                if (i % 3 == 0) std::this_thread::yield();
            }
        });
    for (std::thread& thread : threads) thread.join();
}

} // namespace
} // namespace gatehouse::host
