#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;

namespace {

const std::string letter =
    "EHLO me\r\nMAIL FROM:<a@example>\r\nRCPT TO:<b@example>\r\nDATA\r\nSubject: x\r\n\r\n..hello\r\n.\r\nQUIT\r\n";
const std::string answers =
    "220 this is a mail sink\r\n250 fine\r\n250 fine\r\n250 fine\r\n354 go on\r\n250 thrown away\r\n221 goodbye\r\n";

} // namespace

TEST(Smtp, TakesALetter) {
    Plugin smtp;
    const Outcome outcome = smtp.serve({letter});
    EXPECT_EQ(outcome.output, answers);
    EXPECT_EQ(outcome.reason, "done");
}

TEST(Smtp, IsTheSameHoweverTheInputIsSplit) {
    Plugin smtp;
    EXPECT_EQ(smtp.serve_every_split(letter), answers);
}

TEST(Smtp, AClientThatDoesNotReadLosesNothing) {
    Plugin smtp;
    EXPECT_EQ(smtp.serve({letter}, {.room = 2}).output, answers);
}

TEST(Smtp, LinesHaveAnEnd) {
    Plugin smtp;
    EXPECT_EQ(smtp.serve({std::string(2000, 'x')}).output, "220 this is a mail sink\r\n500 the line is too long\r\n");
}

TEST(Smtp, AClientThatLeavesInTheMiddleIsNoLetter) {
    Plugin smtp;
    EXPECT_EQ(smtp.serve({"DATA\r\nhalf a letter"}).reason, "peer_closed");
    EXPECT_EQ(smtp.serve({"DATA\r\nhalf a letter", timeout}).reason, "deadline");
}
