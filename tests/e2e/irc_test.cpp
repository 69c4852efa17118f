// A plugin whose clients affect each other, in the real program: the chat of the samples.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <algorithm>
#include <csignal>
#include <gtest/gtest.h>
#include <string>
#include <vector>

using namespace gatehouse::support;

namespace {

class Irc : public testing::Test {
  protected:
    // A client in the channel #tea.
    Client enter(const std::string& name) {
        Client client(host_.port("irc"));
        client.send("NICK " + name + "\r\nJOIN #tea\r\n");
        client.recv_until(":" + name + " JOIN #tea\r\n");
        return client;
    }

    Gatehouse host_{listener("irc", "irc", "threads.max = 4\nlinger_timeout = \"100ms\"\nbacklog = 512"),
                    GatehouseOptions{.plugin_path = {sample_dir()}}};
};

std::string said(std::size_t by, std::size_t what) {
    return ":c" + std::to_string(by) + " PRIVMSG #tea :" + std::to_string(by) + " says " + std::to_string(what) + "\r\n";
}

// What two IRC clients say and hear, from their connection to their last words.
TEST_F(Irc, ADialogue) {
    Client ann(host_.port("irc")), bob = enter("bob");
    ann.send("CAP LS 302\r\nNICK bob\r\nUSER ann 0 * :Ann\r\n");
    const std::string refused = ":irc 421 * CAP :unknown command\r\n:irc 433 * bob :somebody has this name\r\n";
    EXPECT_EQ(ann.recv_exactly(refused.size()), refused);
    ann.send("NICK ann\r\nJOIN #tea\r\nPRIVMSG #te");
    EXPECT_EQ(ann.recv_until("#tea\r\n"), ":irc 001 ann :welcome\r\n:ann JOIN #tea\r\n");
    EXPECT_EQ(bob.recv_until("\n"), ":ann JOIN #tea\r\n");
    ann.send("a :milk?\r\n");
    EXPECT_EQ(bob.recv_until("\n"), ":ann PRIVMSG #tea :milk?\r\n");
    bob.send("PRIVMSG ann :no, thanks\r\nNICK rob\r\nPART #tea\r\n");
    EXPECT_EQ(ann.recv_until("PART #tea\r\n"), ":bob PRIVMSG ann :no, thanks\r\n:bob NICK rob\r\n:rob PART #tea\r\n");
    bob.send("JOIN #tea\r\nPING 7\r\n");
    EXPECT_EQ(bob.recv_until("PONG 7\r\n"), ":bob NICK rob\r\n:rob PART #tea\r\n:rob JOIN #tea\r\nPONG 7\r\n");
    ann.send("QUIT :to bed\r\n");
    EXPECT_EQ(ann.recv_until_eof(), ":rob JOIN #tea\r\nERROR :goodbye\r\n");
    EXPECT_EQ(bob.recv_until("\n"), ":ann QUIT :to bed\r\n");
    EXPECT_EQ(host_.wait_for_closed("irc", "")["reason"], "done");
    bob.reset();
}

// 200 in a channel, of whom 20 speak at the same time: all hear all of it, in the same order.
TEST_F(Irc, AllHearTheSameInTheSameOrder) {
    constexpr std::size_t all = 200, speakers = 20, messages = 10;
    std::vector<Client> clients;
    for (std::size_t i = 0; i < all; ++i) clients.push_back(enter("c" + std::to_string(i)));
    for (std::size_t i = 0; i < all; ++i) { // who has come later
        std::string joined;
        for (std::size_t later = i + 1; later < all; ++later) joined += ":c" + std::to_string(later) + " JOIN #tea\r\n";
        ASSERT_EQ(clients[i].recv_exactly(joined.size()), joined);
    }
    std::size_t size = 0;
    for (std::size_t what = 0; what < messages; ++what)
        for (std::size_t by = 0; by < speakers; ++by) {
            clients[by].send("PRIVMSG #tea :" + std::to_string(by) + " says " + std::to_string(what) + "\r\n");
            size += said(by, what).size();
        }
    const std::string heard = clients.back().recv_exactly(size);
    for (std::size_t i = speakers; i < all - 1; ++i) ASSERT_EQ(clients[i].recv_exactly(size), heard) << i;
    for (std::size_t by = 0; by < speakers; ++by) {
        std::string others = heard;
        for (std::size_t what = 0; what < messages; ++what) {
            const std::size_t at = others.find(said(by, what));
            ASSERT_NE(at, others.npos) << said(by, what);
            others.erase(at, said(by, what).size());
            if (what > 0) ASSERT_LT(heard.find(said(by, what - 1)), heard.find(said(by, what)));
        }
        ASSERT_EQ(clients[by].recv_exactly(others.size()), others) << by;
    }
    EXPECT_LE(host_.status("irc").number("threads_most"), 4);
    for (Client& client : clients) client.reset();
}

TEST_F(Irc, OneThatDoesNotReadHoldsUpNobody) {
    Client slow = enter("slow");
    limit_receive_buffer(slow.fd());
    Client ann = enter("ann"), bob = enter("bob");
    ann.recv_until(":bob JOIN #tea\r\n");
    std::string round, heard;
    for (std::size_t i = 0; i < 50; ++i) {
        round += "PRIVMSG #tea :" + std::string(400, 'x') + "\r\n";
        heard += ":ann PRIVMSG #tea :" + std::string(400, 'x') + "\r\n";
    }
    const std::string quit = ":slow QUIT :does not keep up\r\n";
    std::string bobs;
    for (std::size_t i = 0; i < 1000 && bobs.find(quit) == bobs.npos; ++i) { // the kernel takes megabytes for it at first
        ann.send(round);
        bobs = bob.recv_exactly(heard.size());
    }
    bobs += bob.recv_exactly(quit.size());
    bobs.erase(bobs.find(quit), quit.size());
    EXPECT_EQ(bobs, heard);
    EXPECT_EQ(ann.recv_exactly(quit.size()), quit);
    EXPECT_EQ(host_.wait_for_closed("irc", slow.local_address())["reason"], "ended");
    EXPECT_TRUE(slow.rest().reset);
    EXPECT_EQ(host_.count_logged("slow does not keep up, and is ended"), 1U);
    for (Client* client : {&ann, &bob}) client->reset();
}

TEST_F(Irc, ADrainSaysGoodbye) {
    Client ann = enter("ann"), bob = enter("bob");
    ann.recv_until(":bob JOIN #tea\r\n");
    host_.signal(SIGTERM);
    EXPECT_EQ(ann.recv_until_eof(), "ERROR :the server closes\r\n");
    EXPECT_EQ(bob.recv_until_eof(), "ERROR :the server closes\r\n");
    EXPECT_EQ(host_.wait_exit(), 0);
    EXPECT_EQ(host_.wait_for_closed("irc")["reason"], "drained");
}

} // namespace
