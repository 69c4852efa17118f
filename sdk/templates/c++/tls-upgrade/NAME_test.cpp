#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;
using namespace std::chrono_literals;

TEST(Upgrade, TellsNoSecretInPlain) {
    Plugin upgrade({{"tls", "mine"}});
    EXPECT_EQ(upgrade.serve_every_split("SECRET\r\nQUIT\r\n"), "+OK hello\r\n-ERR only with TLS\r\n+OK goodbye\r\n");
}

TEST(Upgrade, StartsTlsOnce) {
    Plugin upgrade({{"tls", "mine"}});
    const Outcome outcome = upgrade.serve({"STLS\r\n", "SECRET\r\n", "STLS\r\n"});
    EXPECT_EQ(outcome.tls, "mine");
    EXPECT_EQ(outcome.plain, "+OK hello\r\n+OK go ahead\r\n");
    EXPECT_EQ(outcome.output, outcome.plain + "+OK 42\r\n-ERR what?\r\n");
}

TEST(Upgrade, TakesNothingThatCameInPlainBehindIt) {
    Plugin upgrade({{"tls", "mine"}});
    const Outcome outcome = upgrade.serve({"STLS\r\nSECRET\r\n"});
    EXPECT_EQ(outcome.output, "+OK hello\r\n+OK go ahead\r\n");
    EXPECT_EQ(outcome.reason, "tls_failed");
}

TEST(Upgrade, AHandshakeMayTakeTimeAndMayFail) {
    Plugin upgrade({{"tls", "mine"}});
    Circumstances slow;
    slow.handshake_takes_time = true;
    EXPECT_EQ(upgrade.serve({"STLS\r\n", "SECRET\r\n"}, slow).output, "+OK hello\r\n+OK go ahead\r\n+OK 42\r\n");
    slow.handshake = GATEHOUSE_FAILED;
    EXPECT_EQ(upgrade.serve({"STLS\r\n", "SECRET\r\n"}, slow).reason, "tls_failed");
}

TEST(Upgrade, ALineHasItsTimeAndItsLength) {
    Plugin upgrade({{"tls", "mine"}});
    EXPECT_EQ(upgrade.serve({"SECR", pass(1min)}).reason, "deadline");
    EXPECT_EQ(upgrade.serve({std::string(2000, 'x')}).output, "+OK hello\r\n");
}

TEST(Upgrade, NeedsCertificates) { EXPECT_EQ(Plugin::refusal({}), "tls: missing (expected the name of a section [tls.NAME])"); }
