#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;

TEST(Chat, TellsTheOthers) {
    Plugin chat;
    Client ann = chat.connect(), bob = chat.connect();
    bob.say({"I am Bob\n"});
    ann.say({"I am Ann\n"});
    EXPECT_EQ(bob.heard(), "I am Ann\n");
    bob.say({end});
    EXPECT_FALSE(bob.outcome().open);
    ann.say({"Bob?\n"});
    EXPECT_EQ(ann.heard(), "");
}
