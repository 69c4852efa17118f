#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;

TEST(Echo, SendsBackWhatItReceives) {
    Plugin echo;
    const Outcome outcome = echo.serve({"hello ", "world", end});
    EXPECT_EQ(outcome.output, "hello world");
    EXPECT_EQ(outcome.reason, "peer_closed");
}

TEST(Echo, ParksAfterEachMessage) {
    Plugin echo;
    Client client = echo.connect();
    EXPECT_TRUE(client.outcome().events.empty()) << "a silent client must not hold a thread";
    EXPECT_EQ(client.say({"one"}).heard(), "one");
    EXPECT_EQ(client.say({"two"}).heard(), "two");
    EXPECT_EQ(client.outcome().events, (std::vector<gatehouse_event>{GATEHOUSE_EVENT_OPEN, GATEHOUSE_EVENT_DATA}));
}

TEST(Echo, GivesTheSameHoweverTheInputArrives) {
    Plugin echo;
    const std::string input("all\0bytes\r\n\xff", 12);
    EXPECT_EQ(echo.serve_every_split(input), input);
}

TEST(Echo, SendsBackMoreThanItsBufferHolds) {
    Plugin echo;
    const std::string input(100'000, 'x');
    EXPECT_EQ(echo.serve({input}).output, input);
}

TEST(Echo, StopsWhenTheClientIsGone) {
    Plugin echo;
    const Outcome outcome = echo.serve({"hello", "world"}, {.write_limit = 7});
    EXPECT_EQ(outcome.output, "hellowo");
    EXPECT_EQ(outcome.reason, "peer_reset");
}

TEST(Echo, LeavesWhenTheHostDrains) {
    Plugin echo;
    EXPECT_EQ(echo.serve({"hello", stopping}).reason, "drained");
}
