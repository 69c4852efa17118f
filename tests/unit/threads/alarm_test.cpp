#include "eventually.hpp"
#include "threads/alarm.hpp"
#include "threads/drain.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <thread>

namespace gatehouse::host {
namespace {

bool readable_within(int fd, int milliseconds) {
    pollfd waiting{fd, POLLIN, 0};
    return ::poll(&waiting, 1, milliseconds) == 1;
}

TEST(Alarm, GoesOffAtTheEarliestTime) {
    Alarm alarm;
    const Nanoseconds start = monotonic_now();
    alarm.wake_by(start + 3'600'000 * millisecond);
    alarm.wake_by(start + 30 * millisecond);
    alarm.wake_by(start + 7'200'000 * millisecond);
    ASSERT_TRUE(readable_within(alarm.descriptor(), 10'000));
    EXPECT_GE(monotonic_now(), start + 30 * millisecond);
}

TEST(Alarm, StaysSilentUntilAskedFor) {
    Alarm alarm;
    EXPECT_FALSE(readable_within(alarm.descriptor(), 0));
    alarm.wake_by(never);
    EXPECT_FALSE(readable_within(alarm.descriptor(), 0));
}

TEST(Alarm, ATimeThatHasPassedIsNow) {
    Alarm alarm;
    for (const Nanoseconds when : {Nanoseconds{-5}, Nanoseconds{0}, Nanoseconds{1}, monotonic_now()}) {
        alarm.wake_by(when);
        EXPECT_TRUE(readable_within(alarm.descriptor(), 10'000)) << when;
        alarm.acknowledge();
        EXPECT_FALSE(readable_within(alarm.descriptor(), 0)) << when;
    }
}

TEST(Alarm, CanBeSetForLaterOnceAcknowledged) {
    Alarm alarm;
    alarm.wake_by(1);
    alarm.acknowledge();
    alarm.wake_by(monotonic_now() + 20 * millisecond);
    EXPECT_TRUE(readable_within(alarm.descriptor(), 10'000));
}

TEST(Alarm, SaysSinceWhenSomethingIsDue) {
    Alarm alarm;
    EXPECT_EQ(alarm.acknowledge(), never);
    const Nanoseconds start = monotonic_now();
    alarm.wake_by(start + 3'600'000 * millisecond);
    alarm.wake_by(start + 1'800'000 * millisecond);
    EXPECT_EQ(alarm.acknowledge(), start + 1'800'000 * millisecond);
    EXPECT_EQ(alarm.acknowledge(), never);
    alarm.wake_by(0); // at once, which is not late
    const Nanoseconds due = alarm.acknowledge();
    EXPECT_GE(due, start);
    EXPECT_LE(due, monotonic_now());
}

TEST(Alarm, ManyThreadsMaySetIt) {
    Alarm alarm;
    const Nanoseconds soon = monotonic_now() + 20 * millisecond;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&, i] {
            for (int j = 1000; j >= 0; --j) alarm.wake_by(soon + (i + j) * 1000 * millisecond);
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(readable_within(alarm.descriptor(), 10'000));
}

TEST(Clock, ADurationOfZeroIsNever) {
    EXPECT_EQ(after(5, std::chrono::milliseconds(0)), never);
    EXPECT_EQ(after(5, std::chrono::milliseconds(2)), 5 + 2 * millisecond);
    EXPECT_EQ(after(never - 10, std::chrono::milliseconds(1)), never);
}

TEST(Drain, IsHeardByEveryoneForEver) {
    Drain drain;
    EXPECT_FALSE(drain.started());
    EXPECT_EQ(drain.deadline(), never);
    EXPECT_FALSE(readable_within(drain.descriptor(), 0));
    drain.start(42);
    EXPECT_TRUE(drain.started());
    EXPECT_EQ(drain.deadline(), 42);
    EXPECT_TRUE(readable_within(drain.descriptor(), 0));
    EXPECT_TRUE(readable_within(drain.descriptor(), 0));
}

} // namespace
} // namespace gatehouse::host
