#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;

TEST(Topics, TellTheirSubscribers) {
    Plugin topics;
    Client ann = topics.connect(), bob = topics.connect(), eve = topics.connect();
    ann.say({"sub ne", "ws\r\nsub weather\n"});
    bob.say({"sub news\n"});
    eve.say({"pub news it is late\npub weather rain\n"});
    EXPECT_EQ(ann.heard(), "news it is late\nweather rain\n");
    EXPECT_EQ(bob.heard(), "news it is late\n");
    EXPECT_EQ(eve.heard(), "");
}

TEST(Topics, ForgetAClientThatHasLeft) {
    Plugin topics;
    Client ann = topics.connect(), bob = topics.connect();
    ann.say({"sub news\n", end});
    EXPECT_FALSE(ann.outcome().open);
    bob.say({"pub news hello\n"});
    EXPECT_EQ(ann.heard(), "");
}

TEST(Topics, EndAClientThatTalksNonsense) {
    Plugin topics;
    for (const char* line : {"\n", "sub\n", "listen news\n"})
        EXPECT_EQ(topics.serve({std::string(line)}).error, "expected: sub TOPIC or pub TOPIC TEXT") << line;
    EXPECT_EQ(topics.serve({std::string(1025, 'x')}).error, "a line is longer than 1024 bytes");
}
