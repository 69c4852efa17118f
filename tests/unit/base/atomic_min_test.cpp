#include "base/atomic_min.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace gatehouse::host {
namespace {

TEST(AtomicMin, OnlyWhatIsLessLowersIt) {
    std::atomic<int> minimum{5};
    EXPECT_FALSE(lower(minimum, 5));
    EXPECT_FALSE(lower(minimum, 6));
    EXPECT_EQ(minimum.load(), 5);
    EXPECT_TRUE(lower(minimum, 4));
    EXPECT_EQ(minimum.load(), 4);
}

TEST(AtomicMin, OneOfSeveralThreadsHasTheLeast) {
    constexpr int threads = 4;
    std::atomic<int> minimum{threads};
    std::atomic<int> lowest{0};
    std::vector<std::thread> all;
    for (int value = 0; value < threads; ++value)
        all.emplace_back([&, value] {
            if (lower(minimum, value) && value == 0) ++lowest;
        });
    for (std::thread& thread : all) thread.join();
    EXPECT_EQ(minimum.load(), 0);
    EXPECT_EQ(lowest.load(), 1);
}

} // namespace
} // namespace gatehouse::host
