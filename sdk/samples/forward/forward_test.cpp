#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;

TEST(Forward, IntroducesTheClientAndRelays) {
    Plugin forward({{"server", "db:5432"}});
    forward.upstream("db:5432", {"welcome"});
    const Outcome outcome = forward.serve({"query"}, {.peer = "192.0.2.7:5000"});
    EXPECT_EQ(outcome.output, "welcome");
    EXPECT_EQ(outcome.upstreams[0].received, "client 192.0.2.7:5000\r\nquery");
}

TEST(Forward, FailsWithItsServer) {
    Plugin forward({{"server", "db:5432"}});
    forward.upstream_fails("db:5432", GATEHOUSE_REFUSED);
    EXPECT_EQ(forward.serve({"query"}).reason, "upstream_failed");
}
