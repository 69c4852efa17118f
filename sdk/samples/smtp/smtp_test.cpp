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

TEST(Smtp, StartsTls) {
    Plugin smtp({{"tls", "mail"}});
    const Outcome outcome = smtp.serve({"EHLO me\r\n", "STARTTLS\r\n", "EHLO me\r\n", "STARTTLS\r\n", "QUIT\r\n"});
    EXPECT_EQ(outcome.tls, "mail");
    EXPECT_EQ(outcome.plain, "220 this is a mail sink\r\n250-fine\r\n250 STARTTLS\r\n220 go ahead\r\n");
    EXPECT_EQ(outcome.output, outcome.plain + "250 fine\r\n500 what?\r\n221 goodbye\r\n"); // once is enough
}

TEST(Smtp, TakesNothingThatCameInPlain) {
    Plugin smtp({{"tls", "mail"}});
    const Outcome outcome = smtp.serve({"STARTTLS\r\nMAIL FROM:<mallory@example>\r\n", "DATA\r\n"});
    EXPECT_EQ(outcome.output, "220 this is a mail sink\r\n220 go ahead\r\n");
    EXPECT_EQ(outcome.reason, "tls_failed");
}

TEST(Smtp, AHandshakeMayTakeTimeAndMayFail) {
    Plugin smtp({{"tls", "mail"}});
    Circumstances slow{.handshake_takes_time = true};
    EXPECT_EQ(smtp.serve({"STARTTLS\r\n", "NOOP\r\n"}, slow).output, "220 this is a mail sink\r\n220 go ahead\r\n250 fine\r\n");
    slow.handshake = GATEHOUSE_FAILED;
    const Outcome failed = smtp.serve({"STARTTLS\r\n", "NOOP\r\n"}, slow);
    EXPECT_EQ(failed.reason, "tls_failed");
    EXPECT_EQ(failed.tls, "");
}
