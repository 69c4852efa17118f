#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;

TEST(Tap, PassesBothDirectionsOn) {
    Plugin tap({{"server", "db:5432"}});
    tap.upstream("db:5432", {"welcome\n", "bye\n"});
    const Outcome outcome = tap.serve({"hello ", "world\n"});
    EXPECT_EQ(outcome.output, "welcome\nbye\n");
    EXPECT_EQ(outcome.upstreams[0].received, "hello world\n");
    EXPECT_EQ(outcome.reason, "peer_closed");
    EXPECT_EQ(tap.log().at(0).text, "12 bytes asked, 12 answered");
}

TEST(Tap, AClientThatSaysNothingHasItsTime) {
    Plugin tap({{"server", "db:5432"}});
    tap.upstream_answers("db:5432", [](std::string_view) -> Script { return {}; });
    EXPECT_EQ(tap.serve({"hello", timeout}).reason, "idle_timeout");
    EXPECT_EQ(tap.serve({"hello", reset}).reason, "peer_reset");
}

TEST(Tap, ADrainLetsItFinish) {
    Plugin tap({{"server", "db:5432"}});
    tap.upstream_answers("db:5432", [](std::string_view bytes) -> Script { return {Step(bytes), end}; });
    const Outcome outcome = tap.serve({stopping, "hello"});
    EXPECT_EQ(outcome.output, "hello");
    EXPECT_EQ(outcome.reason, "drained");
}

TEST(Tap, FailsWithItsServer) {
    Plugin tap({{"server", "db:5432"}});
    tap.upstream_fails("db:5432", GATEHOUSE_REFUSED);
    EXPECT_EQ(tap.serve({"query"}).reason, "upstream_failed");
}
