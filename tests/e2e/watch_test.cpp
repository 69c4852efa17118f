// Two directions through a plugin's code: the rewriting proxy of the samples.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "proc.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

struct Pair {
    Client client, server;
};

class Watch : public testing::Test {
  protected:
    void start(std::string_view more = "threads.max = 4", const std::string& host = "") {
        host_.emplace(host + instance("rewriter", "rewriter", "server = \"" + upstream_.address() + "\"", more),
                      GatehouseOptions{.plugin_path = {sample_dir()}});
    }
    Pair pair() {
        Client client(host_->port("rewriter"));
        return {std::move(client), upstream_.accept()};
    }
    static void expect_carried(Pair& pair, std::string_view text = "abc") {
        pair.client.send(text);
        EXPECT_EQ(pair.server.recv_exactly(3), "ABC");
        pair.server.send("XYZ");
        EXPECT_EQ(pair.client.recv_exactly(3), "xyz");
    }

    Server upstream_;
    std::optional<Gatehouse> host_;
};

TEST_F(Watch, IdleOnesHoldNoThreadAndNoTime) {
    start();
    std::vector<Pair> pairs;
    for (int i = 0; i < 1000; ++i) pairs.push_back(pair());
    for (Pair& one : pairs) expect_carried(one);
    const Record now = host_->wait_for_status("rewriter", "all rest", [](const Record& record) {
        return record["parked"] == "1000" && record["threads_blocked"] == "0";
    });
    EXPECT_LE(now.number("threads_most"), 4);
    eventually("it is quiet", [&] { return is_quiet(host_->pid(), 50ms); });
    for (Pair& one : pairs) one.client.send("abc"); // then all are busy
    for (Pair& one : pairs) EXPECT_EQ(one.server.recv_exactly(3), "ABC");
    EXPECT_LE(host_->status("rewriter").number("threads_most"), 4);
}

// Whichever event comes first, the other one is not lost.
TEST_F(Watch, BothSidesMayBecomeReadableAtOnce) {
    start();
    Pair one = pair();
    for (int i = 0; i < 5000; ++i) {
        one.client.send("ab");
        one.server.send("CD");
        ASSERT_EQ(one.client.recv_exactly(2), "cd") << i;
        ASSERT_EQ(one.server.recv_exactly(2), "AB") << i;
    }
}

TEST_F(Watch, ASideThatDoesNotReadIsWaitedFor) {
    start();
    Pair one = pair();
    const std::string bytes(16U << 20U, 'a');
    std::thread sending([&] { one.client.send(bytes); });
    for (int i = 0; i < 100; ++i) { // meanwhile the other direction goes on
        one.server.send("CD");
        ASSERT_EQ(one.client.recv_exactly(2), "cd");
    }
    host_->wait_for_status("rewriter", "it rests", [](const Record& now) { return now["parked"] == "1"; });
    EXPECT_EQ(one.server.recv_exactly(bytes.size()), std::string(bytes.size(), 'A'));
    sending.join();
    expect_carried(one);
}

TEST_F(Watch, AHalfCloseIsPassedOn) {
    start();
    Pair one = pair();
    one.client.send("last");
    one.client.finish();
    EXPECT_EQ(one.server.recv_until_eof(), "LAST");
    one.server.send("ANSWER");
    one.server.close();
    EXPECT_EQ(one.client.recv_until_eof(), "answer");
    EXPECT_EQ(host_->wait_for_closed("rewriter")["reason"], "peer_closed");
}

TEST_F(Watch, AResetOfEitherSideEndsBoth) {
    start();
    Pair one = pair(), other = pair();
    expect_carried(one);
    expect_carried(other);
    one.server.reset();
    EXPECT_TRUE(one.client.ends());
    other.client.reset();
    EXPECT_TRUE(other.server.ends());
}

TEST_F(Watch, DeadlinesAndTheDrainEndIt) {
    start("threads.max = 4\nlinger_timeout = \"100ms\"\nidle_timeout = \"300ms\"", "[host]\ndrain_timeout = \"300ms\"\n");
    Pair one = pair();
    for (int i = 0; i < 4; ++i) { // one side alone is not idle
        std::this_thread::sleep_for(100ms);
        one.server.send("A");
        EXPECT_EQ(one.client.recv_exactly(1), "a");
    }
    EXPECT_TRUE(one.client.ends());
    EXPECT_EQ(host_->wait_for_closed("rewriter")["reason"], "idle_timeout");
    Pair other = pair();
    expect_carried(other);
    host_->signal(SIGTERM);
    EXPECT_EQ(host_->wait_exit(), 0);
}

} // namespace
