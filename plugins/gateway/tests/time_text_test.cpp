#include "time_text.hpp"

#include <gtest/gtest.h>

using namespace gateway;
using std::chrono::milliseconds;

namespace {

TEST(TimeText, UsesTheLargestUnitThatFits) {
    EXPECT_EQ(time_text(milliseconds(0)), "0s");
    EXPECT_EQ(time_text(milliseconds(1500)), "1500ms");
    EXPECT_EQ(time_text(milliseconds(30'000)), "30s");
    EXPECT_EQ(time_text(milliseconds(120'000)), "2m");
    EXPECT_EQ(time_text(milliseconds(86'400'000)), "1d");
}

TEST(TimeText, IsReadBack) {
    for (const char* text : {"0s", "1500ms", "30s", "2m", "3h", "365d"}) EXPECT_EQ(time_text(parse_time(text).value()), text);
    EXPECT_EQ(parse_time("0"), milliseconds(0));
    for (const char* text : {"", "5", "s", "-1s", "1 s", "1sec", "366d", "99999999999999999999s", "9223372036854775807d"})
        EXPECT_EQ(parse_time(text), std::nullopt) << text;
}

} // namespace
