#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;
using namespace std::chrono_literals;

namespace {

std::string frame(const std::string& text) { return std::string(3, '\0') + static_cast<char>(text.size()) + text; }

TEST(Rpc, AnswersEachCall) {
    Plugin rpc;
    EXPECT_EQ(rpc.serve_every_split(frame("upper hello") + frame("size four") + frame("") + frame("size ")),
              frame("ok HELLO") + frame("ok 4") + frame("error there is no such function") + frame("ok 0"));
}

TEST(Rpc, TakesNoMoreThanItsLimit) {
    Plugin rpc({{"longest", 10}});
    EXPECT_EQ(rpc.serve({frame("size 12345")}).output, frame("ok 5"));
    const Outcome outcome = rpc.serve({frame("size 123456")});
    EXPECT_EQ(outcome.reason, "plugin_error");
    EXPECT_EQ(outcome.error, "a frame is longer than 10 bytes");
    EXPECT_EQ(rpc.serve({"\xff\xff\xff\xff"}).reason, "plugin_error");
}

TEST(Rpc, AFrameHasTenSecondsFromItsFirstByte) {
    Plugin rpc;
    const std::string call = frame("size 1");
    const Outcome late = rpc.serve({call.substr(0, 5), pass(9s), call.substr(5, 2), pass(1s), call.substr(7)});
    EXPECT_EQ(late.output, "");
    EXPECT_EQ(late.reason, "deadline");
    EXPECT_EQ(rpc.serve({call.substr(0, 5), pass(9s), call.substr(5), pass(60s), call}).output, frame("ok 1") + frame("ok 1"));
}

} // namespace
