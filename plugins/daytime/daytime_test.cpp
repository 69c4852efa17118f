#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

#include <ctime>

using namespace gatehouse::kit;

TEST(Daytime, SaysTheTimeAtOnceAndHangsUp) {
    Plugin daytime;
    const std::time_t before = std::time(nullptr);
    const Client client = daytime.connect(); // it says nothing and only listens
    const std::time_t after = std::time(nullptr);
    const Outcome outcome = client.outcome();
    EXPECT_FALSE(outcome.open);
    EXPECT_EQ(outcome.reason, "done");

    std::tm utc{};
    const char* rest = strptime(outcome.output.c_str(), "%A, %B %d, %Y %H:%M:%S", &utc);
    ASSERT_NE(rest, nullptr) << outcome.output;
    EXPECT_STREQ(rest, "-UTC\r\n");
    EXPECT_LE(before, timegm(&utc));
    EXPECT_GE(after, timegm(&utc));
}

TEST(Daytime, DoesNotMindAClientThatIsGone) {
    Plugin daytime;
    EXPECT_EQ(daytime.serve({}, {.write_limit = 3}).reason, "peer_reset");
}
