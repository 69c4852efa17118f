#include "base/histogram.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

TEST(Histogram, BucketsArePowersOfTwoMicroseconds) {
    Histogram histogram;
    for (const Nanoseconds duration : {-5LL, 0LL, 999LL, 1'000LL, 1'999LL, 2'000LL, 1'000'000LL, 1'023'999LL, 1'024'000LL})
        histogram.count(duration);
    histogram.count(never);
    const Histogram::Counts counts = histogram.counts();
    EXPECT_EQ(counts[0], 3U); // below 1 us
    EXPECT_EQ(counts[1], 2U); // below 2
    EXPECT_EQ(counts[2], 1U);
    EXPECT_EQ(counts[10], 2U); // below 1024
    EXPECT_EQ(counts[11], 1U);
    EXPECT_EQ(counts[31], 1U);
    EXPECT_EQ(histogram_limit(0), 1U);
    EXPECT_EQ(histogram_limit(10), 1024U);
}

TEST(Histogram, Percentiles) {
    Histogram histogram;
    EXPECT_EQ(histogram_percentile(histogram.counts(), 50), 0U);
    for (int i = 0; i < 99; ++i) histogram.count(5'000);
    histogram.count(5'000'000);
    EXPECT_EQ(histogram_percentile(histogram.counts(), 50), 8U);
    EXPECT_EQ(histogram_percentile(histogram.counts(), 99), 8U);
    EXPECT_EQ(histogram_percentile(histogram.counts(), 100), 8192U);
}

} // namespace
} // namespace gatehouse::host
