#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;

TEST(Chargen, SendsThePatternOfTheRfc) {
    Plugin chargen;
    const std::string output = chargen.serve({}, {.write_limit = 74 * 96}).output;
    EXPECT_EQ(output.substr(0, 74), R"( !"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdefg)"
                                    "\r\n");
    EXPECT_EQ(output.substr(74, 74), R"(!"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdefgh)"
                                     "\r\n");
    EXPECT_EQ(output.substr(74 * 94, 74), R"(~ !"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdef)"
                                          "\r\n");
    EXPECT_EQ(output.substr(74 * 95), output.substr(0, 74)) << "the pattern repeats";
}

TEST(Chargen, StopsWhenTheClientIsGone) {
    Plugin chargen;
    const Outcome outcome = chargen.serve({}, {.write_limit = 100'000});
    EXPECT_EQ(outcome.output.size(), 100'000u);
    EXPECT_EQ(outcome.reason, "peer_reset");
}

TEST(Chargen, StopsWhenTheClientTakesNothing) {
    Plugin chargen;
    const Outcome outcome = chargen.serve({}, {.write_limit = 100'000, .write_status = GATEHOUSE_TIMEOUT});
    EXPECT_EQ(outcome.reason, "idle_timeout");
}
