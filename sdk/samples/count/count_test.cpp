#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;

TEST(Count, KeepsItsStateAcrossParks) {
    Plugin count;
    EXPECT_EQ(count.serve_every_split("a\nfour\n\nlast\n"), "1\n4\n0\n4\n");
}

TEST(Count, CountsLinesUntilATimerExpires) {
    Plugin count({{"flush", "1s"}});
    count.serve({"a\nb\n"});
    EXPECT_EQ(count.metric("lines"), 2);
    count.pass(std::chrono::seconds(1));
    EXPECT_EQ(count.metric("lines"), 0);
    Plugin bare({{"flush", "1s"}}, Extensions::none);
    EXPECT_EQ(bare.serve({"a\n"}).output, "1\n");
}

TEST(Count, ReadsItsConfiguration) {
    Plugin count({{"limit", 3}});
    const Outcome outcome = count.serve({"abc\nabcd"});
    EXPECT_EQ(outcome.reason, "plugin_error");
    EXPECT_EQ(outcome.error, "the client's line is longer than the limit");
    EXPECT_EQ(Plugin::refusal({{"limit", 0}}), "limit: out of range: 0 (expected an integer from 1 to 1000)");
}
