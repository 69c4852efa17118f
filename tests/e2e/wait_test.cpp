// Threads that wait with their connection: wait(), and what ends a call that waits.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "proc.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <optional>
#include <thread>
#include <vector>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

class Wait : public testing::Test {
  protected:
    void start(std::string_view more = "threads.max = 4", const std::string& host = "drain_timeout = \"20s\"") {
        host_.emplace("[host]\ncontrol = \"c\"\n" + host + "\n" +
                          instance("fix", "waits",
                                   "upstream = \"" + upstream_.address() + "\", silent = \"" + full_.address() + "\"",
                                   "linger_timeout = \"100ms\"\n" + std::string(more)),
                      with_fixtures());
    }
    // A client whose request is being served, and its id.
    std::pair<Client, std::string> client(std::string_view request) {
        Client client(host_->port("fix"));
        client.send(request);
        const std::string line = client.recv_until("\n");
        return {std::move(client), line.substr(3, line.size() - 4)};
    }
    bool command(std::vector<std::string> words) {
        words.insert(words.begin(), "fix");
        const Result result = ask(*host_, std::move(words));
        EXPECT_EQ(result.status, 0) << result.err;
        return result.out.find("yes") != std::string::npos;
    }
    void wait_until_blocked(int threads = 1) {
        host_->wait_for_status("fix", "it waits",
                               [&](const Record& now) { return now["threads_blocked"] == std::to_string(threads); });
    }
    std::string reason(const Client& client) {
        return std::string(host_->wait_for_closed("fix", client.local_address())["reason"]);
    }

    Server upstream_;
    Server full_{"127.0.0.1:0", 0}; // the kernel drops what else wants to connect
    const Client only_{full_.address()};
    std::optional<Gatehouse> host_;
};

// A read has told of the drain, so wait() tells no more of it; and does not look for it again and again.
TEST_F(Wait, RestsWhenAReadHasToldOfTheDrain) {
    start("threads.max = 4", "drain_timeout = \"2m\"");
    auto [one, id] = client("after");
    wait_until_blocked();
    host_->signal(SIGTERM);
    host_->wait_for_log("draining");
    eventually("it is quiet", [&] { return is_quiet(host_->pid(), 200ms); });
    one.send("x");
    EXPECT_EQ(one.recv_until("client x\n"), "event 1\nclient x\n");
    one.reset();
    EXPECT_EQ(host_->wait_exit(), 0);
}

TEST_F(Wait, HearsOfItsStreams) {
    start("threads.max = 1");
    auto [one, id] = client("server");
    Client server = upstream_.accept();
    for (int i = 0; i < 100; ++i) {
        one.send("a");
        EXPECT_EQ(one.recv_until("\nclient a\n"), "event 1\nclient a\n");
        server.send("b");
        EXPECT_EQ(one.recv_until("\nserver b\n"), "event 8\nserver b\n");
    }
    wait_until_blocked();
    server.finish();
    EXPECT_EQ(one.recv_until("end\n"), "event 8\nserver end\n");
    wait_until_blocked(); // an end is told once
    eventually("it is quiet", [&] { return is_quiet(host_->pid(), 50ms); });
    const std::string address = one.local_address();
    one.reset();
    EXPECT_EQ(host_->wait_for_closed("fix", address)["reason"], "peer_reset");
}

TEST_F(Wait, NoWakeUpIsLost) {
    start();
    auto [one, id] = client("wait");
    wait_until_blocked();
    EXPECT_TRUE(command({"wake", id}));
    EXPECT_EQ(one.recv_until("\n"), "event 2\n");
    one.close();
    auto [woken, other] = client("storm 5000");
    EXPECT_EQ(woken.recv_until("\n"), "heard all\n");
}

TEST_F(Wait, TimeEndsIt) {
    start("threads.max = 4\nidle_timeout = \"300ms\"");
    EXPECT_EQ(client("wait 20").first.recv_until("\n"), "status -13\n");
    EXPECT_EQ(client("timer 20").first.recv_until("\n"), "event 5\n");
    auto [one, id] = client("wait");
    EXPECT_EQ(one.recv_until_eof(), "event 3\nthen -4\n"); // it can only end
    EXPECT_EQ(reason(one), "idle_timeout");
}

TEST_F(Wait, WithoutTimeItLooksOnly) {
    start();
    auto [one, id] = client("look");
    wait_until_blocked();
    one.send("x");
    EXPECT_EQ(one.recv_until("\n"), "nothing there there nothing \n");
}

// That it rested without its client's bytes has no meaning for a wait.
TEST_F(Wait, HearsItsClientAfterARestThatDidNot) {
    start();
    auto [one, id] = client("deaf");
    host_->wait_for_status("fix", "it rests", [](const Record& now) { return now["parked"] == "1"; });
    EXPECT_TRUE(command({"wake", id}));
    wait_until_blocked();
    one.send("x");
    EXPECT_EQ(one.recv_until("\n"), "woken 0\n");
}

TEST_F(Wait, HearsThatWhatWasHandedOverIsDone) {
    start();
    auto [sends, id] = client("send 200000");
    EXPECT_EQ(sends.recv_exactly(200'000), std::string(200'000, 'x'));
    auto [relays, other] = client("relay 5");
    Client server = upstream_.accept();
    relays.send("hello, world");
    EXPECT_EQ(server.recv_exactly(5), "hello");
    EXPECT_EQ(relays.recv_until("world\n"), "event 9\nevent 1\nclient , world\n");
    EXPECT_FALSE(server.readable(0ms));
    relays.close();
    sends.close();
}

TEST_F(Wait, AnOrderEndsIt) {
    start();
    auto [stopped, first] = client("wait");
    EXPECT_TRUE(command({"end", first, "stop"}));
    EXPECT_EQ(stopped.recv_until("\n"), "event 4\n");
    EXPECT_TRUE(stopped.ends()); // once its time is over
    EXPECT_EQ(reason(stopped), "ended");
    for (const char* how : {"close", "reset"}) {
        auto [one, id] = client("wait");
        wait_until_blocked();
        EXPECT_TRUE(command({"end", id, how}));
        EXPECT_TRUE(one.rest().bytes.empty() || how == std::string_view("close"));
        EXPECT_EQ(reason(one), "ended");
    }
}

// An order is heard in each call that waits, whatever it waits for.
TEST_F(Wait, AnOrderEndsOtherCallsToo) {
    start();
    for (const char* call : {"read", "connect"})
        for (const char* how : {"stop", "close", "reset"}) {
            SCOPED_TRACE(std::string(call) + ", " + how);
            auto [one, id] = client(call);
            wait_until_blocked();
            const std::size_t from = host_->log_size();
            EXPECT_TRUE(command({"end", id, how}));
            host_->wait_for_text(call + std::string(" "), from);
            EXPECT_EQ(reason(one), "ended");
        }
}

TEST_F(Wait, ADrainIsHeardAndHasADeadline) {
    start("threads.max = 2", "drain_timeout = \"300ms\"");
    auto [one, id] = client("wait");
    wait_until_blocked();
    host_->signal(SIGTERM);
    EXPECT_EQ(one.recv_until("\n"), "event 4\n");
    EXPECT_TRUE(one.ends());
    EXPECT_EQ(host_->wait_exit(), 0);
    EXPECT_EQ(reason(one), "drained");
}

// The sample: both directions by a loop, over plain sockets.
TEST_F(Wait, TapPassesBothDirectionsOn) {
    Gatehouse host(instance("tap", "tap", "server = \"" + upstream_.address() + "\"", "threads.max = 2"),
                   GatehouseOptions{.plugin_path = {sample_dir()}});
    Client client(host.port("tap"));
    Client server = upstream_.accept();
    const std::string much(3'000'000, 'x');
    std::thread asks([&] {
        client.send(much);
        client.finish();
    });
    std::thread answers([&] { server.send(much); });
    const std::string asked = server.recv_until_eof();
    answers.join();
    server.finish();
    EXPECT_TRUE(asked == much);
    EXPECT_TRUE(client.recv_until_eof() == much);
    asks.join();
    host.wait_for_log("3000000 bytes asked, 3000000 answered");
}

} // namespace
