#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;
using namespace std::chrono_literals;

TEST(Lines, AnswersEachLine) {
    Plugin lines;
    EXPECT_EQ(lines.serve_every_split("abc\r\n\nde\nrest"), "cba\n\ned\n");
}

TEST(Lines, TakesNoLineThatIsTooLong) {
    Plugin lines({{"longest", 3}});
    EXPECT_EQ(lines.serve({"abc\n"}).output, "cba\n");
    const Outcome outcome = lines.serve({"abcd\n"});
    EXPECT_EQ(outcome.reason, "plugin_error");
    EXPECT_EQ(outcome.error, "a line is longer than 3 bytes");
}

TEST(Lines, ALineHasTenSecondsFromItsFirstByte) {
    Plugin lines;
    EXPECT_EQ(lines.serve({"a", pass(9s), "b", pass(1s), "c\n"}).reason, "deadline");
    EXPECT_EQ(lines.serve({"a", pass(9s), "b\n", pass(60s), "c\n"}).output, "ba\nc\n");
}

TEST(Lines, ChecksItsConfiguration) {
    EXPECT_EQ(Plugin::refusal({{"longest", "64KiB"}}), "");
    EXPECT_EQ(Plugin::refusal({{"longer", 5}}), "longer: unknown key (known here: longest)");
}
