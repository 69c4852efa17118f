// The one wait, on pipes and sockets of the test's own. Each deadline that a test lets pass is a few milliseconds away.
#include "threads/wait.hpp"

#include "base/bell.hpp"
#include "sockets.hpp"

#include <array>
#include <atomic>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds moment = 5'000'000;

pollfd readable(const Bell& bell) { return {bell.descriptor(), POLLIN, 0}; }

class WaitTest : public testing::Test {
  protected:
    Drain drain_;
    Bell bell_;
    Bell other_;
};

// What holds whether or not a drain ends the wait.
class AnyWait : public WaitTest, public testing::WithParamInterface<OnDrain> {};

INSTANTIATE_TEST_SUITE_P(OnDrain, AnyWait, testing::Values(OnDrain::end, OnDrain::go_on),
                         [](const auto& tested) { return tested.param == OnDrain::end ? "End" : "GoOn"; });

TEST_P(AnyWait, ReturnsAtOnceIfAnItemIsReady) {
    bell_.ring();
    std::array items{readable(bell_)};
    EXPECT_EQ(wait(items, never, drain_, GetParam()), Waited::ready);
    EXPECT_EQ(items[0].revents, POLLIN);
}

TEST_P(AnyWait, ReturnsWhenAnItemBecomesReady) {
    std::array items{readable(bell_)};
    std::thread ringer([&] { bell_.ring(); });
    EXPECT_EQ(wait(items, never, drain_, GetParam()), Waited::ready);
    ringer.join();
}

TEST_P(AnyWait, SaysWhichOfSeveralAreReady) {
    const Ends ends = unix_ends();
    other_.ring();
    std::array items{readable(bell_), readable(other_), pollfd{ends.near.get(), POLLIN | POLLOUT, 0}};
    EXPECT_EQ(wait(items, never, drain_, GetParam()), Waited::ready);
    EXPECT_EQ(items[0].revents, 0);
    EXPECT_EQ(items[1].revents, POLLIN);
    EXPECT_EQ(items[2].revents, POLLOUT);
}

// The order that one connection is to end.
TEST_P(AnyWait, EndsWithTheOwnDrainOfTheConnectionThatIsServed) {
    OwnDrain own;
    std::array items{readable(bell_)};
    {
        const OwnDrain::Serving serving(own);
        EXPECT_FALSE(own.is_waited_for());
        std::thread ender([&] {
            while (!own.is_waited_for()) std::this_thread::yield();
            own.ring(); // says nothing
            own.start(0);
        });
        EXPECT_EQ(wait(items, never, drain_, GetParam()), Waited::timeout);
        ender.join();
        EXPECT_FALSE(own.is_waited_for());
        EXPECT_EQ(wait(items, never, drain_, GetParam()), Waited::timeout); // from now on
    }
    bell_.ring();
    EXPECT_EQ(wait(items, never, drain_, GetParam()), Waited::ready); // this thread serves it no more
}

// However it falls into the kernel's look at the descriptors.
TEST_P(AnyWait, NoRingIsLost) {
    constexpr int rounds = 20'000;
    OwnDrain own;
    const OwnDrain::Serving serving(own);
    const OwnDrain::Listening listening(&own);
    std::atomic<int> heard{0};
    std::thread ringer([&] {
        for (int i = 0; i < rounds; ++i) {
            own.ring();
            while (heard <= i) std::this_thread::yield();
        }
    });
    std::array items{readable(bell_), readable(other_)};
    while (heard < rounds) {
        const Waited waited = wait(items, monotonic_now() + 5'000'000'000, drain_, GetParam(), OnRing::end);
        EXPECT_EQ(waited, Waited::rung);
        if (waited != Waited::rung) break;
        ++heard;
    }
    heard = rounds;
    ringer.join();
}

TEST_P(AnyWait, AnOwnDrainWithTimeIsADrain) {
    OwnDrain own;
    const OwnDrain::Serving serving(own);
    std::array items{readable(bell_)};
    own.start(monotonic_now() + 10 * moment);
    const bool ends = GetParam() == OnDrain::end;
    EXPECT_EQ(wait(items, never, drain_, GetParam()), ends ? Waited::draining : Waited::timeout);
    EXPECT_EQ(monotonic_now() < own.deadline(), ends);
}

// It has no bell: whoever starts it rings for those who wait.
TEST_P(AnyWait, HearsTheDrainOfAListenerAlone) {
    OwnDrain own;
    const OwnDrain::Serving serving(own);
    Drain of_listener{drain_};
    std::array items{readable(bell_)};
    const Nanoseconds deadline = monotonic_now() + 10 * moment;
    std::thread starter([&] {
        while (!own.is_waited_for()) std::this_thread::yield();
        of_listener.start(deadline);
        own.ring();
    });
    const bool ends = GetParam() == OnDrain::end;
    EXPECT_EQ(wait(items, never, of_listener, GetParam()), ends ? Waited::draining : Waited::timeout);
    EXPECT_EQ(monotonic_now() < deadline, ends);
    starter.join();
    EXPECT_FALSE(drain_.started());
    of_listener.start(never); // it goes on
    EXPECT_FALSE(of_listener.started());
    drain_.start(deadline);
    EXPECT_EQ(of_listener.deadline(), deadline);
}

TEST_P(AnyWait, TakesAsManyAsItPromises) {
    std::vector<pollfd> items(most_waited_for, readable(bell_));
    items.back() = readable(other_);
    other_.ring();
    EXPECT_EQ(wait(items, never, drain_, GetParam()), Waited::ready);
    EXPECT_EQ(items.front().revents, 0);
    EXPECT_EQ(items.back().revents, POLLIN);
}

TEST_P(AnyWait, AnErrorOfAnItemIsNews) {
    Ends ends = unix_ends();
    ends.far.reset();
    std::array items{pollfd{ends.near.get(), 0, 0}, pollfd{1'000'000, POLLIN, 0}};
    EXPECT_EQ(wait(items, never, drain_, GetParam()), Waited::ready);
    EXPECT_EQ(items[0].revents, POLLHUP);
    EXPECT_EQ(items[1].revents, POLLNVAL);
}

TEST_P(AnyWait, EndsWhenTheTimeIsOver) {
    std::array items{readable(bell_)};
    const Nanoseconds until = monotonic_now() + moment;
    EXPECT_EQ(wait(items, until, drain_, GetParam()), Waited::timeout);
    EXPECT_GE(monotonic_now(), until);
    EXPECT_EQ(wait(items, until, drain_, GetParam()), Waited::timeout) << "it is over already";
}

TEST_P(AnyWait, WithNothingToWaitForItIsTheTimeAlone) {
    const Nanoseconds until = monotonic_now() + moment;
    EXPECT_EQ(wait({}, until, drain_, GetParam()), Waited::timeout);
    EXPECT_GE(monotonic_now(), until);
}

TEST_P(AnyWait, AnItemThatIsReadyCountsMoreThanADrain) {
    drain_.start(never - 1);
    bell_.ring();
    std::array items{readable(bell_)};
    EXPECT_EQ(wait(items, never, drain_, GetParam()), Waited::ready);
}

TEST_P(AnyWait, TheDeadlineOfTheDrainEndsEveryWait) {
    const Nanoseconds deadline = monotonic_now() - 1;
    drain_.start(deadline);
    std::array items{readable(bell_)};
    EXPECT_EQ(wait(items, never, drain_, GetParam()), Waited::timeout);
}

TEST_F(WaitTest, EndsWithADrain) {
    std::array items{readable(bell_)};
    std::thread starter([&] { drain_.start(never - 1); });
    EXPECT_EQ(wait(items, never, drain_, OnDrain::end), Waited::draining);
    EXPECT_EQ(items[0].revents, 0);
    starter.join();
    EXPECT_EQ(wait(items, never, drain_, OnDrain::end), Waited::draining) << "as often as it is asked";
    EXPECT_EQ(wait({}, never, drain_, OnDrain::end), Waited::draining);
}

TEST_F(WaitTest, GoesOnThroughADrain) {
    std::array items{readable(bell_)};
    drain_.start(never - 1);
    EXPECT_EQ(wait(items, monotonic_now() + moment, drain_, OnDrain::go_on), Waited::timeout);
    std::thread ringer([&] { bell_.ring(); });
    EXPECT_EQ(wait(items, never, drain_, OnDrain::go_on), Waited::ready);
    ringer.join();
}

TEST_F(WaitTest, ADrainThatStartsMeanwhileBringsItsDeadline) {
    std::array items{readable(bell_)};
    Nanoseconds deadline = 0;
    std::thread starter([&] { drain_.start(deadline = monotonic_now() + moment); });
    EXPECT_EQ(wait(items, never, drain_, OnDrain::go_on), Waited::timeout);
    starter.join();
    EXPECT_GE(monotonic_now(), deadline);
}

TEST_F(WaitTest, ReadyNowDoesNotWait) {
    std::array items{readable(bell_), readable(other_)};
    EXPECT_FALSE(ready_now(items));
    other_.ring();
    EXPECT_TRUE(ready_now(items));
    EXPECT_EQ(items[0].revents, 0);
    EXPECT_EQ(items[1].revents, POLLIN);
    EXPECT_FALSE(ready_now({}));
}

TEST_F(WaitTest, MoreThanItPromisesCannotBe) {
    std::vector<pollfd> items(most_waited_for + 1, readable(bell_));
    EXPECT_DEATH(wait(items, never, drain_, OnDrain::end), "impossible state at wait.cpp:[0-9]+: .*most_waited_for");
}

} // namespace
} // namespace gatehouse::host
