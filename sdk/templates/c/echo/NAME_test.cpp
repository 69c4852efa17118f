#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;

TEST(Echo, SendsBackWhatItHears) {
    Plugin echo;
    const Outcome outcome = echo.serve({"hello ", "world\n", end});
    EXPECT_EQ(outcome.output, "hello world\n");
    EXPECT_EQ(outcome.reason, "peer_closed");
}

TEST(Echo, DoesNotCareHowTheBytesArrive) {
    Plugin echo;
    EXPECT_EQ(echo.serve_every_split("one\ntwo"), "one\ntwo");
}

TEST(Echo, LetsGoOfAClientThatIsGone) {
    Plugin echo;
    EXPECT_EQ(echo.serve({"hello"}, {.write_limit = 2}).reason, "peer_reset");
}
