#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::testing;

namespace {

const std::string address = "192.0.2.10:80";

TEST(Gateway, RelaysBothWays) {
    Plugin gateway({{"upstream", address}});
    gateway.upstream(address, {"welcome ", "answer", end});
    const Outcome outcome = gateway.serve({"question ", "thanks", end});
    EXPECT_EQ(outcome.output, "welcome answer");
    EXPECT_EQ(outcome.reason, "peer_closed");
    ASSERT_EQ(outcome.upstreams.size(), 1U);
    EXPECT_EQ(outcome.upstreams[0].address, address);
    EXPECT_EQ(outcome.upstreams[0].received, "question thanks");
    EXPECT_TRUE(outcome.upstreams[0].relayed);
}

TEST(Gateway, ConnectsBeforeTheClientHasSpoken) {
    Plugin gateway({{"upstream", address}});
    gateway.upstream(address, {"220 ready\r\n", end});
    EXPECT_EQ(gateway.connect().outcome().output, "220 ready\r\n");
}

TEST(Gateway, HasItsTimesFromTheConfiguration) {
    Plugin gateway({{"upstream", address}, {"connect_timeout", "2s"}, {"idle_timeout", "3m"}});
    gateway.upstream(address, {end});
    const Outcome outcome = gateway.serve({end});
    ASSERT_EQ(outcome.upstreams.size(), 1U);
    EXPECT_EQ(outcome.upstreams[0].within, std::chrono::seconds(2));
    EXPECT_EQ(outcome.upstreams[0].idle, std::chrono::minutes(3));
}

TEST(Gateway, WithoutTimesWaitsFiveSecondsAndIdlesLikeTheListener) {
    Plugin gateway({{"upstream", address}});
    gateway.upstream(address, {end});
    const Outcome outcome = gateway.serve({end});
    ASSERT_EQ(outcome.upstreams.size(), 1U);
    EXPECT_EQ(outcome.upstreams[0].within, std::chrono::seconds(5));
    EXPECT_EQ(outcome.upstreams[0].idle, std::chrono::seconds(0));
}

TEST(Gateway, LeavesTheClientCleanlyIfNobodyIsThere) {
    for (const gatehouse_status status : {GATEHOUSE_REFUSED, GATEHOUSE_TIMEOUT, GATEHOUSE_NOT_FOUND, GATEHOUSE_EXHAUSTED}) {
        Plugin gateway({{"upstream", address}});
        gateway.upstream_fails(address, status);
        const Outcome outcome = gateway.serve({"question", end});
        EXPECT_EQ(outcome.output, "");
        EXPECT_EQ(outcome.reason, "upstream_failed");
        EXPECT_EQ(outcome.error, "") << "the host knows better why";
    }
}

TEST(Gateway, NeedsAnUpstream) {
    const std::string missing = "upstream: missing (expected \"host:port\", \"[v6]:port\" or \"unix:/path\")";
    EXPECT_EQ(Plugin::refusal({}), missing);
    EXPECT_EQ(Plugin::refusal({{"upstream", ""}}), missing);
}

TEST(Gateway, TakesEveryFormOfAddress) {
    for (const std::string good : {"127.0.0.1:80", "[::1]:65535", "db.example:5432", "localhost:1", "unix:/run/x", "unix:@x"})
        EXPECT_EQ(Plugin::refusal({{"upstream", good}}), "") << good;
}

TEST(Gateway, RefusesWhatIsNoAddress) {
    for (const std::string bad : {"localhost", ":80", "localhost:", "localhost:0", "localhost:65536", "localhost:http",
                                  "::1:80", "[::1]", "[]:80", "unix:", "localhost:80 "})
        EXPECT_EQ(Plugin::refusal({{"upstream", bad}}),
                  "upstream: is no address: \"" + bad + "\" (expected \"host:port\", \"[v6]:port\" or \"unix:/path\")");
}

TEST(Gateway, RefusesToWaitForNoTime) {
    EXPECT_EQ(Plugin::refusal({{"upstream", address}, {"connect_timeout", "0s"}}), "connect_timeout: it must be longer than 0");
}

} // namespace
