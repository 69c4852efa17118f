#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;

TEST(Turnstile, LetsTheNextInWhenOneLeaves) {
    Plugin turnstile({{"server", "db:5432"}, {"line", Table{{"inside", 1}}}});
    turnstile.upstream("db:5432", {"welcome"});
    Client ann = turnstile.connect(), bob = turnstile.connect();
    bob.say({"query"});
    EXPECT_EQ(bob.heard(), "");
    EXPECT_EQ(turnstile.command({"state"}).at(1), (std::vector<ValueRecord>{1, 1}));
    turnstile.command({"cut", std::to_string(ann.id())});
    EXPECT_EQ(ann.outcome().reason, "ended");
    EXPECT_EQ(bob.heard(), "welcome");
    EXPECT_EQ(bob.outcome().upstreams.at(0).received, "query");
}

TEST(Turnstile, NobodyWaitsForEver) {
    Plugin turnstile({{"server", "db:5432"}, {"line", Table{{"inside", 1}, {"patience", "3s"}}}});
    turnstile.upstream("db:5432", {});
    Client ann = turnstile.connect(), bob = turnstile.connect();
    bob.say({pass(milliseconds(3000))});
    EXPECT_EQ(bob.outcome().reason, "upstream_failed");
    EXPECT_EQ(bob.outcome().error, "it waited in line for too long");
    EXPECT_TRUE(ann.outcome().open);
}

TEST(Turnstile, ACutOfNobodyIsRefused) {
    Plugin turnstile({{"server", "db:5432"}});
    EXPECT_THROW(turnstile.command({"cut", "7"}), Refused);
}
