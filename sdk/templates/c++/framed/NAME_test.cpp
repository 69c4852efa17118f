#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;
using namespace std::chrono_literals;

namespace {

std::string framed(const std::string& text) { return std::string(3, '\0') + static_cast<char>(text.size()) + text; }

TEST(Frames, AnswersEachFrame) {
    Plugin frames;
    EXPECT_EQ(frames.serve_every_split(framed("hello") + framed("") + framed("on") + "\0\0"),
              framed("olleh") + framed("") + framed("no"));
}

TEST(Frames, TakesNoFrameThatIsTooLong) {
    Plugin frames({{"longest", 5}});
    EXPECT_EQ(frames.serve({framed("hello")}).output, framed("olleh"));
    const Outcome outcome = frames.serve({framed("hello!")});
    EXPECT_EQ(outcome.reason, "plugin_error");
    EXPECT_EQ(outcome.error, "a frame is longer than 5 bytes");
    EXPECT_EQ(frames.serve({"\xff\xff\xff\xff"}).reason, "plugin_error");
}

TEST(Frames, AFrameHasTenSecondsFromItsFirstByte) {
    Plugin frames;
    const std::string frame = framed("on");
    EXPECT_EQ(frames.serve({frame.substr(0, 5), pass(9s), frame.substr(5), pass(60s), frame}).output,
              framed("no") + framed("no"));
    EXPECT_EQ(frames.serve({frame.substr(0, 4), pass(9s), frame.substr(4, 1), pass(1s), frame.substr(5)}).reason, "deadline");
}

} // namespace
