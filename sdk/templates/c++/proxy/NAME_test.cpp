#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;

TEST(Proxy, PassesOnWhatClientAndServerSay) {
    Plugin proxy({{"server", "db:5432"}});
    proxy.upstream("db:5432", {"welcome", end});
    const Outcome outcome = proxy.serve({"first", " second", end});
    EXPECT_EQ(outcome.output, "welcome");
    ASSERT_EQ(outcome.upstreams.size(), 1U);
    EXPECT_EQ(outcome.upstreams[0].received, "first second");
}

TEST(Proxy, ConnectsToNoServerForAClientThatItRefuses) {
    Plugin proxy({{"server", "db:5432"}});
    const Outcome outcome = proxy.serve({"!drop"});
    EXPECT_EQ(outcome.output, "not here\n");
    EXPECT_TRUE(outcome.upstreams.empty());
}

TEST(Proxy, SaysThatItsServerIsTheFault) {
    Plugin proxy({{"server", "db:5432"}});
    proxy.upstream_fails("db:5432", GATEHOUSE_REFUSED);
    EXPECT_EQ(proxy.serve({"query"}).reason, "upstream_failed");
}

TEST(Proxy, NeedsAServer) { EXPECT_EQ(Plugin::refusal({}), "server: missing (expected a string)"); }
