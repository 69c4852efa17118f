#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;

namespace {

// A server that says what it has heard, and ends when it hears BYE.
Script parrot(std::string_view bytes) {
    if (bytes == "BYE\n") return {Step(bytes), end};
    return {Step(bytes)};
}

} // namespace

TEST(Rewriter, RewritesBothDirections) {
    Plugin rewriter({{"server", "db:5432"}});
    rewriter.upstream_answers("db:5432", parrot);
    const Outcome outcome = rewriter.serve({"Hello\n", "Bye\n"});
    EXPECT_EQ(outcome.output, "hello\nbye\n");
    EXPECT_EQ(outcome.upstreams[0].received, "HELLO\nBYE\n");
    EXPECT_EQ(outcome.reason, "peer_closed");
}

TEST(Rewriter, TheServerMaySpeakFirst) {
    Plugin rewriter({{"server", "db:5432"}});
    rewriter.upstream("db:5432", {"WELCOME\n"});
    EXPECT_EQ(rewriter.serve().output, "welcome\n");
}

TEST(Rewriter, ASlowSideLosesNothing) {
    Plugin rewriter({{"server", "db:5432"}});
    rewriter.upstream_answers("db:5432", parrot);
    EXPECT_EQ(rewriter.serve({"Hello, ", "World\n", "Bye\n"}, {.room = 3}).output, "hello, world\nbye\n");
}

TEST(Rewriter, IsTheSameHoweverTheInputIsSplit) {
    Plugin rewriter({{"server", "db:5432"}});
    rewriter.upstream_answers("db:5432", parrot);
    EXPECT_EQ(rewriter.serve_every_split("one\ntwo\n"), "one\ntwo\n");
}

TEST(Rewriter, WaitsForItsServerWithoutAThread) {
    Plugin rewriter({{"server", "db:5432"}});
    rewriter.upstream_answers("db:5432", parrot);
    rewriter.upstream_takes_time("db:5432");
    const Outcome outcome = rewriter.serve({"Hello\n", "Bye\n"});
    EXPECT_EQ(outcome.events[1], GATEHOUSE_EVENT_READY);
    EXPECT_EQ(outcome.output, "hello\nbye\n");
}

TEST(Rewriter, EndsWhenTheHostStops) {
    Plugin rewriter({{"server", "db:5432"}});
    rewriter.upstream_answers("db:5432", parrot);
    const Outcome outcome = rewriter.serve({"Hello\n", stopping, "more\n"});
    EXPECT_EQ(outcome.output, "hello\n");
    EXPECT_TRUE(outcome.upstreams[0].finished);
}

TEST(Rewriter, FailsWithItsServer) {
    Plugin rewriter({{"server", "db:5432"}});
    rewriter.upstream_fails("db:5432", GATEHOUSE_REFUSED);
    EXPECT_EQ(rewriter.serve({"query"}).reason, "upstream_failed");
}
