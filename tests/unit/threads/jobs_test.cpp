#include "threads/jobs.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <gtest/gtest.h>
#include <vector>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds soon = 10'000'000'000;

TEST(Jobs, RunOneAfterTheOther) {
    Jobs jobs("test");
    std::vector<int> done;
    std::promise<void> last;
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(jobs.post([&done, i] { done.push_back(i); }));
    EXPECT_TRUE(jobs.post([&] { last.set_value(); }));
    last.get_future().wait();
    ASSERT_EQ(done.size(), 100U);
    EXPECT_TRUE(std::ranges::is_sorted(done));
    EXPECT_TRUE(jobs.stop(monotonic_now() + soon));
}

TEST(Jobs, ThatHaveNotBegunAreForgottenAtTheEnd) {
    Jobs jobs("test");
    std::promise<void> begun, go;
    std::atomic<bool> second{false};
    EXPECT_TRUE(jobs.post([&] {
        begun.set_value();
        go.get_future().wait();
    }));
    EXPECT_TRUE(jobs.post([&] { second = true; }));
    begun.get_future().wait();
    EXPECT_FALSE(jobs.stop(monotonic_now())); // one runs
    go.set_value();
    EXPECT_TRUE(jobs.stop(monotonic_now() + soon));
    EXPECT_FALSE(second);
}

TEST(Jobs, WithoutAnyThereIsNoThread) {
    Jobs jobs("test");
    EXPECT_TRUE(jobs.stop(monotonic_now()));
}

} // namespace
} // namespace gatehouse::host
