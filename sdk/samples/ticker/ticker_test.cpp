#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;
using namespace std::chrono_literals;

TEST(Ticker, TicksAsLongAsTheClientStays) {
    Plugin ticker;
    const Outcome outcome = ticker.serve({pass(1s), "thank you", pass(1s), end});
    EXPECT_EQ(outcome.output, "0\n1\n2\n");
    EXPECT_EQ(outcome.reason, "peer_closed");
}

TEST(Ticker, BytesDoNotPutOffATick) {
    Plugin ticker({{"every", "5s"}});
    EXPECT_EQ(ticker.serve({pass(3s), "a", pass(1s), "b", pass(1s)}).output, "0\n1\n");
}

TEST(Ticker, LeavesWhenTheHostDrains) {
    Plugin ticker;
    EXPECT_EQ(ticker.serve({pass(1s), stopping}).reason, "drained");
}

TEST(Ticker, ChecksItsConfiguration) {
    EXPECT_EQ(Plugin::refusal({{"every", "0ms"}}), "every: is too short (expected at least 1ms)");
}
