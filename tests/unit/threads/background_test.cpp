#include "threads/background.hpp"

#include "eventually.hpp"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <thread>
#include <vector>

namespace gatehouse::host {
namespace {

using namespace std::chrono_literals;

std::size_t background_threads() {
    std::size_t count = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string name;
        std::getline(std::ifstream(task.path() / "comm"), name);
        count += name == "background" ? 1 : 0;
    }
    return count;
}

// Does what it is told to.
struct Actor final : Activity {
    std::function<void()> on_due = [] {};
    std::function<void(int, std::uint32_t)> on_ready = [](int, std::uint32_t) {};
    std::atomic<int> calls{0};

  private:
    void due() noexcept override {
        on_due();
        calls.fetch_add(1);
    }
    void ready(int fd, std::uint32_t events) noexcept override {
        on_ready(fd, events);
        calls.fetch_add(1);
    }
};

class BackgroundTest : public ::testing::Test {
  protected:
    std::shared_ptr<Actor> add(Nanoseconds first, std::function<void(Actor&)> on_due = [](Actor&) {}) {
        auto actor = std::make_shared<Actor>();
        actor->on_due = [on_due = std::move(on_due), raw = actor.get()] { on_due(*raw); };
        EXPECT_TRUE(background_.add(actor, first));
        return actor;
    }

    Background background_{Scheduling::other};
};

TEST_F(BackgroundTest, HasAThreadOnlyIfThereIsSomethingToDo) {
    EXPECT_EQ(background_threads(), 0U);
    const auto actor = add(never);
    EXPECT_TRUE(eventually([] { return background_threads() == 1; }));
    background_.remove(*actor);
    EXPECT_EQ(actor->calls.load(), 0);
}

TEST_F(BackgroundTest, CallsAtTheTimeAndNoEarlier) {
    const Nanoseconds start = monotonic_now();
    std::atomic<Nanoseconds> when{0};
    const auto actor = add(start + 30 * millisecond, [&](Actor&) { when.store(monotonic_now()); });
    EXPECT_TRUE(eventually([&] { return actor->calls.load() == 1; }));
    EXPECT_GE(when.load() - start, 30 * millisecond);
    std::this_thread::sleep_for(20ms);
    EXPECT_EQ(actor->calls.load(), 1) << "once means once";
    background_.remove(*actor);
}

TEST_F(BackgroundTest, ATimeMayBeMovedBothWays) {
    const auto later = add(monotonic_now() + 60'000 * millisecond);
    EXPECT_TRUE(background_.at(*later, monotonic_now())); // while the thread sleeps for a minute
    EXPECT_TRUE(eventually([&] { return later->calls.load() == 1; }));
    const auto put_off = add(monotonic_now() + 200 * millisecond);
    EXPECT_TRUE(background_.at(*put_off, never));
    std::this_thread::sleep_for(250ms);
    EXPECT_EQ(put_off->calls.load(), 0);
    background_.remove(*later);
    background_.remove(*put_off);
    EXPECT_FALSE(background_.at(*put_off, monotonic_now()));
}

TEST_F(BackgroundTest, ManyAreCalledInTheOrderOfTheirTimes) {
    std::mutex mutex;
    std::vector<int> order;
    std::vector<std::shared_ptr<Actor>> actors;
    const Nanoseconds start = monotonic_now() + 50 * millisecond;
    for (int i = 0; i < 100; ++i)
        actors.push_back(add(start + (i * 37 % 100) * millisecond / 10, [&, i](Actor&) {
            const std::lock_guard lock(mutex);
            order.push_back(i * 37 % 100);
        }));
    EXPECT_TRUE(eventually([&] {
        const std::lock_guard lock(mutex);
        return order.size() == 100;
    }));
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
    for (const auto& actor : actors) background_.remove(*actor);
}

TEST_F(BackgroundTest, RemovingWaitsForWhatRuns) {
    std::atomic<bool> inside{false};
    std::atomic<bool> go_on{false};
    std::atomic<bool> done{false};
    const auto actor = add(monotonic_now(), [&](Actor&) {
        inside.store(true);
        while (!go_on.load()) std::this_thread::yield();
        std::this_thread::sleep_for(5ms);
        done.store(true);
    });
    ASSERT_TRUE(eventually([&] { return inside.load(); }));
    std::thread helper([&] { go_on.store(true); });
    background_.remove(*actor);
    EXPECT_TRUE(done.load());
    helper.join();
}

TEST_F(BackgroundTest, DoesNotWaitForAnotherOne) {
    std::atomic<bool> inside{false};
    std::atomic<bool> go_on{false};
    const auto busy = add(monotonic_now(), [&](Actor&) {
        inside.store(true);
        while (!go_on.load()) std::this_thread::yield();
    });
    const auto other = add(never);
    ASSERT_TRUE(eventually([&] { return inside.load(); }));
    background_.remove(*other);
    go_on.store(true);
    background_.remove(*busy);
}

TEST_F(BackgroundTest, AnActivityMayRemoveItselfAndOthersAndAddNewOnes) {
    std::shared_ptr<Actor> second = add(never);
    std::shared_ptr<Actor> third;
    std::atomic<bool> done{false};
    std::weak_ptr<Actor> gone;
    {
        const auto first = add(never, [&](Actor& self) {
            background_.remove(self);
            EXPECT_FALSE(background_.at(self, monotonic_now()));
            background_.remove(*second);
            third = add(monotonic_now(), [&](Actor&) { done.store(true); });
        });
        gone = first;
        background_.at(*first, monotonic_now());
    }
    EXPECT_TRUE(eventually([&] { return done.load(); }));
    EXPECT_TRUE(gone.expired());
    background_.remove(*third);
}

TEST_F(BackgroundTest, WatchesDescriptors) {
    const Descriptor event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    std::atomic<int> seen{0};
    const auto actor = std::make_shared<Actor>();
    actor->on_due = [&] { EXPECT_EQ(background_.watch(*actor, event.get(), EPOLLIN), 0); };
    actor->on_ready = [&](int fd, std::uint32_t events) {
        EXPECT_EQ(fd, event.get());
        EXPECT_EQ(events, static_cast<std::uint32_t>(EPOLLIN));
        eventfd_t value = 0;
        ::eventfd_read(fd, &value);
        if (seen.fetch_add(1) == 1) background_.unwatch(fd);
    };
    ASSERT_TRUE(background_.add(actor, monotonic_now()));
    for (int i = 1; i <= 2; ++i) {
        ::eventfd_write(event.get(), 1);
        EXPECT_TRUE(eventually([&] { return seen.load() == i; }));
    }
    ::eventfd_write(event.get(), 1);
    std::this_thread::sleep_for(20ms);
    EXPECT_EQ(seen.load(), 2) << "it is not watched any more";
    background_.remove(*actor);
}

TEST_F(BackgroundTest, WhatCannotBeWatchedIsAnErrno) {
    std::atomic<int> error{-1};
    const auto actor = std::make_shared<Actor>();
    actor->on_due = [&] { error.store(background_.watch(*actor, 1 << 20, EPOLLIN)); };
    ASSERT_TRUE(background_.add(actor, monotonic_now()));
    EXPECT_TRUE(eventually([&] { return error.load() != -1; }));
    EXPECT_EQ(error.load(), EBADF);
    background_.remove(*actor);
}

// A descriptor that is always ready and a time that is always over take turns.
TEST_F(BackgroundTest, NobodyStarvesTheOthers) {
    const Descriptor event(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
    std::atomic<int> readies{0};
    const auto always = std::make_shared<Actor>();
    always->on_due = [&] { EXPECT_EQ(background_.watch(*always, event.get(), EPOLLIN), 0); };
    always->on_ready = [&](int, std::uint32_t) { readies.fetch_add(1); };
    ASSERT_TRUE(background_.add(always, monotonic_now()));
    const auto again = add(monotonic_now(), [&](Actor& self) { background_.at(self, monotonic_now()); });
    EXPECT_TRUE(eventually([&] { return readies.load() > 100 && again->calls.load() > 100; }));
    background_.remove(*always);
    background_.remove(*again);
}

TEST_F(BackgroundTest, ThereIsALimit) {
    std::vector<std::shared_ptr<Actor>> actors;
    for (std::size_t i = 0; i < Background::most_activities; ++i) actors.push_back(add(never));
    EXPECT_FALSE(background_.add(std::make_shared<Actor>(), never));
    background_.remove(*actors.back());
    EXPECT_TRUE(background_.add(actors.back(), never));
}

TEST_F(BackgroundTest, AfterTheEndNothingIsCalled) {
    const auto before = add(monotonic_now() + 50 * millisecond);
    background_.end();
    const auto after = add(monotonic_now());
    EXPECT_TRUE(background_.at(*before, monotonic_now()));
    EXPECT_TRUE(background_.stop(monotonic_now() + 30'000 * millisecond));
    EXPECT_EQ(before->calls.load() + after->calls.load(), 0);
    background_.remove(*before);
    background_.remove(*after);
}

TEST_F(BackgroundTest, OneThatHasEndedBeforeItBeganHasNoThread) {
    background_.end();
    const auto actor = add(monotonic_now());
    EXPECT_EQ(background_threads(), 0U);
    EXPECT_TRUE(background_.stop(monotonic_now()));
}

TEST_F(BackgroundTest, StoppingDoesNotWaitBeyondItsDeadline) {
    std::atomic<bool> inside{false};
    std::atomic<bool> go_on{false};
    const auto actor = add(monotonic_now(), [&](Actor&) {
        inside.store(true);
        while (!go_on.load()) std::this_thread::yield();
    });
    ASSERT_TRUE(eventually([&] { return inside.load(); }));
    EXPECT_FALSE(background_.stop(monotonic_now() + 10 * millisecond));
    go_on.store(true);
    EXPECT_TRUE(background_.stop(monotonic_now() + 30'000 * millisecond));
}

// Threads that add, move and remove while everything runs.
TEST_F(BackgroundTest, HoldsUnderManyThreads) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 300; ++i) {
                auto actor = std::make_shared<Actor>();
                actor->on_due = [raw = actor.get(), this] { background_.at(*raw, monotonic_now()); };
                ASSERT_TRUE(background_.add(actor, monotonic_now()));
                background_.at(*actor, monotonic_now() + i % 3 * millisecond / 10);
                if (i % 2 == 0) std::this_thread::yield();
                background_.remove(*actor);
                const int calls = actor->calls.load();
                std::this_thread::yield();
                ASSERT_EQ(actor->calls.load(), calls);
            }
        });
    for (std::thread& thread : threads) thread.join();
}

} // namespace
} // namespace gatehouse::host
