#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;

TEST(Standby, TakesTheOtherWhenTheFirstIsDown) {
    Plugin standby({{"server", "192.0.2.1:6379"}, {"standby", "spare.example:6379"}});
    standby.upstream("192.0.2.1:6379", {"first", end});
    standby.upstream("192.0.2.9:6379", {"spare", end});
    standby.resolves("spare.example:6379", {{"192.0.2.9:6379"}});
    standby.check_fails("192.0.2.1:6379", GATEHOUSE_REFUSED);
    EXPECT_EQ(standby.serve({end}).output, "spare");
    standby.check_answers("192.0.2.1:6379", "+PONG\r\n");
    EXPECT_EQ(standby.serve({end}).output, "first");
    standby.check_answers("192.0.2.1:6379", "-LOADING\r\n");
    EXPECT_EQ(standby.serve({end}).output, "spare");
}
