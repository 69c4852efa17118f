#include "base/time_text.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <string>

namespace gatehouse::host {
namespace {

TEST(TimeText, IsUtcWithMilliseconds) {
    EXPECT_EQ(time_text(0).view(), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(time_text(1'795'757'753'792).view(), "2026-11-27T05:35:53.792Z");
    EXPECT_EQ(time_text(-1).view(), "1969-12-31T23:59:59.999Z");
}

TEST(TimeText, AYearOfFiveDigitsStaysANumber) {
    EXPECT_EQ(time_text(253'402'300'799'999).view(), "9999-12-31T23:59:59.999Z");
    EXPECT_EQ(time_text(253'402'300'800'000).view(), "253402300800000");
    constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
    EXPECT_EQ(time_text(least).view(), std::to_string(least));
}

} // namespace
} // namespace gatehouse::host
