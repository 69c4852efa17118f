#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;

TEST(Discard, AnswersNothing) {
    Plugin discard;
    const Outcome outcome = discard.serve({"hello", std::string(100'000, 'x'), end});
    EXPECT_EQ(outcome.output, "");
    EXPECT_EQ(outcome.reason, "peer_closed");
}

TEST(Discard, ParksAfterEachMessage) {
    Plugin discard;
    Client client = discard.connect();
    client.say({"one"}).say({"two"});
    EXPECT_TRUE(client.outcome().open);
    EXPECT_EQ(client.outcome().events.size(), 2u);
}

TEST(Discard, EndsWithTheClientAndWithTheHost) {
    Plugin discard;
    EXPECT_EQ(discard.serve({"hello", reset}).reason, "peer_reset");
    EXPECT_EQ(discard.serve({"hello", stopping}).reason, "drained");
    EXPECT_EQ(discard.serve({"hello", timeout}).reason, "idle_timeout");
}
