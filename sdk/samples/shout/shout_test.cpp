#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;

TEST(Shout, AnswersInCapitals) {
    Plugin shout;
    const Outcome outcome = shout.serve({"hello ", "world\n", end});
    EXPECT_EQ(outcome.output, "HELLO WORLD\n");
    EXPECT_EQ(outcome.reason, "peer_closed");
}

TEST(Shout, DoesNotCareHowTheBytesArrive) {
    Plugin shout;
    EXPECT_EQ(shout.serve_every_split("aZ\xc3\xa9\n"), "AZ\xc3\xa9\n");
}

TEST(Shout, LetsGoOfAClientThatIsGone) {
    Plugin shout;
    EXPECT_EQ(shout.serve({"hello"}, {.write_limit = 2}).reason, "peer_reset");
}
