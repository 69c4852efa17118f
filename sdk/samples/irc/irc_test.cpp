#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;
using namespace std::chrono_literals;

namespace {

class Irc : public testing::Test {
  protected:
    // A client that has a name, and is in the channel #tea.
    Client enter(const std::string& name) {
        Client client = irc_.connect();
        client.say({"NICK " + name + "\r\nJOIN #tea\r\n"});
        EXPECT_EQ(client.heard(), ":irc 001 " + name + " :welcome\r\n:" + name + " JOIN #tea\r\n");
        return client;
    }
    // What it hears when it says this.
    static std::string answer(Client& client, std::string_view line) {
        return client.say({std::string(line) + "\r\n"}).heard();
    }

    Plugin irc_{{{"queue", 4096}, {"patience", "1m"}}};
};

TEST_F(Irc, AllOthersInAChannelHear) {
    Client ann = enter("ann"), bob = enter("bob"), eve = irc_.connect();
    EXPECT_EQ(ann.heard(), ":bob JOIN #tea\r\n");
    eve.say({"NICK eve\n"});
    ann.say({"PRIVMSG #t", "ea :hello, all\r\nPRIVMSG bob hi\n"});
    EXPECT_EQ(bob.heard(), ":ann PRIVMSG #tea :hello, all\r\n:ann PRIVMSG bob :hi\r\n");
    EXPECT_EQ(ann.heard(), "");
    EXPECT_EQ(eve.heard(), ":irc 001 eve :welcome\r\n");
}

TEST_F(Irc, TheyHearWhoLeaves) {
    Client ann = enter("ann"), bob = enter("bob"), eve = enter("eve"), joe = enter("joe");
    joe.heard();
    bob.say({"PART #tea\r\n"});
    EXPECT_EQ(joe.heard(), ":bob PART #tea\r\n");
    ann.say({"QUIT :to bed now\r\n"});
    EXPECT_EQ(ann.outcome().reason, "done");
    EXPECT_EQ(joe.heard(), ":ann QUIT :to bed now\r\n");
    eve.say({end});
    EXPECT_EQ(joe.heard(), ":eve QUIT :peer_closed\r\n");
    EXPECT_EQ(answer(joe, "NICK ann"), ":joe NICK ann\r\n"); // the name is free
    EXPECT_TRUE(bob.outcome().open);
}

TEST_F(Irc, SaysWhatIsWrong) {
    Client ann = irc_.connect(), bob = enter("bob");
    EXPECT_EQ(answer(ann, "JOIN #tea"), ":irc 451 * JOIN :say NICK first\r\n");
    EXPECT_EQ(answer(ann, "NICK bob"), ":irc 433 * bob :somebody has this name\r\n");
    EXPECT_EQ(answer(ann, "NICK " + std::string(33, 'a')),
              ":irc 432 * " + std::string(33, 'a') + " :a name is 1 to 32 letters, digits, - and _\r\n");
    EXPECT_EQ(answer(ann, "NICK ann"), ":irc 001 ann :welcome\r\n");
    EXPECT_EQ(answer(ann, "JOIN tea"), ":irc 403 ann tea :no name of a channel\r\n");
    EXPECT_EQ(answer(ann, "PART #tea"), ":irc 442 ann #tea :you are not there\r\n");
    EXPECT_EQ(answer(ann, "PRIVMSG #tea :hello"), ":irc 404 ann #tea :you are not there\r\n");
    EXPECT_EQ(answer(ann, "PRIVMSG eve :hello"), ":irc 401 ann eve :there is nobody with this name\r\n");
    EXPECT_EQ(answer(ann, "HELLO"), ":irc 421 ann HELLO :unknown command\r\n");
    EXPECT_EQ(answer(ann, ""), "");
    EXPECT_EQ(bob.heard(), "");
    ann.say({"JOIN #1\nJOIN #1\n"});
    for (int i = 2; i <= 20; ++i) ann.say({"JOIN #" + std::to_string(i) + "\n"});
    ann.heard();
    EXPECT_EQ(answer(ann, "JOIN #21"), ":irc 405 ann #21 :you are in too many channels\r\n");
}

TEST_F(Irc, ALineHasALimit) {
    const Outcome outcome = irc_.serve({"PING " + std::string(505, 'x') + "\r\n" + std::string(511, 'x')});
    EXPECT_EQ(outcome.output, "PONG " + std::string(505, 'x') + "\r\nERROR :a line is too long\r\n");
    EXPECT_EQ(outcome.reason, "done");
}

TEST_F(Irc, NobodyCanMakeALineOfAnothersName) {
    Client ann = enter("ann"), bob = enter("bob");
    ann.heard();
    bob.say({std::string_view("PRIVMSG #tea :hi\r:ann PRIVMSG #tea :i am silly\0\r\n", 49)});
    EXPECT_EQ(ann.heard(), ":bob PRIVMSG #tea :hi:ann PRIVMSG #tea :i am silly\r\n");
}

TEST_F(Irc, OneThatDoesNotKeepUpIsEnded) {
    Client ann = enter("ann"), bob = enter("bob"), eve = enter("eve");
    ann.heard();
    bob.heard();
    Script flood; // all of it comes before anybody else is served
    for (int i = 0; i < 5; ++i)
        flood.emplace_back("PRIVMSG #tea :" + std::string(400, 'x') + "\r\nPRIVMSG bob :" + std::string(400, 'y') + "\r\n");
    eve.say(flood);
    EXPECT_EQ(bob.outcome().reason, "ended");
    EXPECT_EQ(ann.heard().size(), 5 * 421 + std::string(":bob QUIT :does not keep up\r\n").size());
    EXPECT_EQ(eve.heard(), ":bob QUIT :does not keep up\r\n");
    EXPECT_EQ(irc_.log().at(0).text, "bob does not keep up, and is ended");
    Script pings;
    for (int i = 0; i < 9; ++i) pings.emplace_back("PING " + std::string(500, 'x') + "\r\n");
    EXPECT_TRUE(ann.say(pings).outcome().open); // it takes each answer
}

TEST_F(Irc, OneThatReadsSlowlyHearsAll) {
    std::string all, heard;
    for (int i = 0; i < 100; ++i) all += "PING " + std::to_string(i) + "\r\n", heard += "PONG " + std::to_string(i) + "\r\n";
    EXPECT_EQ(irc_.serve({all}, {.room = 2}).output, heard);
    EXPECT_EQ(irc_.serve_every_split("PING 1\r\nPING :2\nPING 3"), "PONG 1\r\nPONG :2\r\n");
}

TEST_F(Irc, ASilentOneIsAsked) {
    Client ann = enter("ann");
    irc_.pass(1min);
    EXPECT_EQ(ann.heard(), "PING :are you there?\r\n");
    ann.say({"PONG :are you there?\r\n"});
    irc_.pass(1min);
    EXPECT_EQ(ann.heard(), "PING :are you there?\r\n");
    irc_.pass(1min);
    EXPECT_EQ(ann.heard(), "ERROR :no answer\r\n");
    EXPECT_FALSE(ann.outcome().open);
}

TEST_F(Irc, ADrainSaysGoodbye) {
    Client ann = enter("ann"), bob = enter("bob");
    ann.heard();
    irc_.stop();
    for (Client* client : {&ann, &bob}) {
        EXPECT_EQ(client->heard(), "ERROR :the server closes\r\n");
        EXPECT_FALSE(client->outcome().open);
    }
}

} // namespace
