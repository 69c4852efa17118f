#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;

TEST(Lines, KeepsHalfALineAcrossParks) {
    Plugin lines;
    EXPECT_EQ(lines.serve_every_split("abc\n\nde\nrest"), "cba\n\ned\n");
}

TEST(Lines, RefusesALineThatIsTooLong) {
    Plugin lines;
    const Outcome outcome = lines.serve({std::string(1025, 'x')});
    EXPECT_EQ(outcome.reason, "plugin_error");
    EXPECT_EQ(outcome.error, "a line is longer than 1024 bytes");
}
