// Too many clients, clients that are rude, a log that nobody takes.
#include "client.hpp"
#include "running_host.hpp"

#include <atomic>
#include <csignal>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gatehouse::testing {
namespace {

bool nothing_open(const RunningHost& host, const std::string& name) {
    return eventually([&] { return host.status(name).find("\"open\":0,") != std::string::npos; });
}

TEST(Descriptors, RunOut) {
    RunningHost host(listener("echo", "echo"), {.descriptors = 64});
    {
        std::vector<Client> clients;
        for (int i = 0; i < 200; ++i) {
            clients.emplace_back(host.port("echo"));
            ASSERT_TRUE(clients.back().connected()); // in the accept queue, at least
        }
        EXPECT_TRUE(clients.front().echoes("first come, first served"));
        EXPECT_TRUE(
            host.will_log(R"("message":"cannot accept; newcomers wait","listener":"echo","error":"Too many open files")"));
        const auto before = host.cpu_time();
        ::usleep(2'000'000); // a span to measure over
        EXPECT_LE(host.cpu_time() - before, 100ms) << "more than 5% of a CPU";
        EXPECT_TRUE(host.will_log("\"reason\":\"host_out_of_fds\"")); // who has waited for a second is told
        EXPECT_TRUE(clients.front().echoes("still here"));
    }
    const auto begin = std::chrono::steady_clock::now();
    Client late(host.port("echo"));
    EXPECT_TRUE(late.echoes("and now?"));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
    EXPECT_TRUE(host.will_log("\"message\":\"accepting again\""));
    EXPECT_NE(host.status("echo").find("EMFILE:"), std::string::npos);
    late.close();
    EXPECT_EQ(host.stop(), 0);
}

TEST(Connections, ManyOneAfterAnotherLeaveNothingBehind) {
    RunningHost host(listener("echo", "echo"));
    const auto some = [&](int count) {
        for (int i = 0; i < count; ++i) {
            Client client(host.port("echo"));
            ASSERT_TRUE(client.echoes("x"));
        }
    };
    some(200);
    ASSERT_TRUE(nothing_open(host, "echo"));
    const std::size_t threads = host.threads();
    const std::size_t descriptors = host.descriptors();
    some(5000);
    ASSERT_TRUE(nothing_open(host, "echo"));
    EXPECT_EQ(host.threads(), threads);
    EXPECT_EQ(host.descriptors(), descriptors);
    EXPECT_EQ(host.stop(), 0);
}

TEST(Connections, ThatDripDoNotKeepOthersWaiting) {
    const Folder www;
    www.write("index.html", "hello");
    RunningHost host(listener("web", "http", "root = \"" + www.path().string() + "\""));
    std::vector<Client> slow;
    for (int i = 0; i < 200; ++i) slow.emplace_back(host.port("web"));
    const std::string request = "GET / HTTP/1.1\r\n";
    for (const char byte : request) {
        for (Client& client : slow) ASSERT_TRUE(client.send(std::string_view(&byte, 1)));
        Client quick(host.port("web"));
        ASSERT_TRUE(quick.send("GET / HTTP/1.0\r\n\r\n"));
        EXPECT_TRUE(quick.read_all().ends_with("hello"));
    }
    slow.clear();
    EXPECT_TRUE(nothing_open(host, "web"));
    EXPECT_EQ(host.stop(), 0);
}

// --- resets --------------------------------------------------------------------------------------------------------------

class Resets : public ::testing::Test {
  protected:
    // Connects 50 times, brings each connection to some stage, and resets it there.
    void reset_each(const std::string& name, const std::function<void(Client&)>& stage) {
        for (int i = 0; i < 50; ++i) {
            Client client(host_->port(name));
            stage(client);
            client.reset();
        }
        EXPECT_TRUE(nothing_open(*host_, name));
        EXPECT_TRUE(host_->alive());
    }

    const Folder www_;
    Upstream upstream_;
    std::unique_ptr<RunningHost> host_ = std::make_unique<RunningHost>(
        listener("echo", "echo") + listener("web", "http", "root = \"" + www_.path().string() + "\"") +
        listener("chatterbox", "chatterbox") +
        listener("gate", "gateway", "upstream = \"127.0.0.1:" + std::to_string(upstream_.port()) + "\""));
};

TEST_F(Resets, BeforeTheFirstByte) {
    reset_each("echo", [](Client&) {});
}

TEST_F(Resets, InTheMiddleOfARequest) {
    reset_each("web", [](Client& client) { EXPECT_TRUE(client.send("GET / HTTP/1.1\r\nHost:")); });
}

TEST_F(Resets, WhileParked) {
    reset_each("echo", [](Client& client) { EXPECT_TRUE(client.echoes("x")); });
    EXPECT_NE(host_->status("echo").find("peer_reset:50"), std::string::npos) << host_->status("echo");
}

TEST_F(Resets, WhileTheHostIsBlockedWriting) {
    reset_each("chatterbox", [](Client& client) {
        EXPECT_TRUE(client.send("go"));
        EXPECT_EQ(client.read(1).size(), 1U);
    });
    EXPECT_NE(host_->status("chatterbox").find("peer_reset:50"), std::string::npos);
}

TEST_F(Resets, WhileRelayed) {
    reset_each("gate", [&](Client& client) {
        const int server = upstream_.accept();
        ASSERT_GE(server, 0);
        EXPECT_TRUE(client.send("x"));
        char byte = 0;
        EXPECT_EQ(::recv(server, &byte, 1, 0), 1);
        ::close(server);
    });
}

TEST_F(Resets, AreNoticedByTheRelayAfterAHalfClose) {
    for (int i = 0; i < 20; ++i) {
        Client client(host_->port("gate"));
        const int server = upstream_.accept();
        ASSERT_GE(server, 0);
        client.finish();
        char byte = 0;
        EXPECT_EQ(::recv(server, &byte, 1, 0), 0); // the half-close has been passed on
        client.reset();
        ASSERT_TRUE(nothing_open(*host_, "gate"));
        EXPECT_EQ(::send(server, "x", 1, MSG_NOSIGNAL), -1); // and so has the reset
        ::close(server);
    }
}

// The upstream's reset may be there before the relay has been set up to its end.
TEST_F(Resets, OfTheUpstreamAtOnce) {
    std::thread rude([&] {
        for (int fd = upstream_.accept(); fd >= 0; fd = upstream_.accept()) close_with_reset(fd);
    });
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 250; ++i) {
                Client client(host_->port("gate"));
                client.send("x");
                EXPECT_TRUE(client.ends());
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(host_->alive());
    EXPECT_TRUE(nothing_open(*host_, "gate"));
    EXPECT_EQ(host_->stop(), 0);
    upstream_.shut();
    rude.join();
}

// --- the way down --------------------------------------------------------------------------------------------------------

// Connections come, talk and go while the host stops: nobody hangs, and everyone who got an answer got the right one.
TEST(Drain, UnderLoad) {
    for (int round = 0; round < 5; ++round) {
        RunningHost host(listener("echo", "echo") + listener("wakes", "wake_storm") + listener("stubborn", "stubborn"));
        std::atomic<bool> go_on{true};
        std::atomic<int> served{0};
        std::vector<std::thread> threads;
        for (const char* name : {"echo", "wakes", "stubborn", "echo"})
            threads.emplace_back([&, port = host.port(name)] {
                while (go_on.load()) {
                    Client client(port);
                    if (!client.connected()) return;
                    for (int i = 0; i < 5 && client.echoes("load"); ++i) served.fetch_add(1);
                }
            });
        EXPECT_TRUE(eventually([&] { return served.load() > 500; }));
        EXPECT_EQ(host.stop(), 0);
        go_on.store(false);
        for (std::thread& thread : threads) thread.join();
        EXPECT_TRUE(host.logged("\"message\":\"stopped\""));
        EXPECT_EQ(host.count_logged("accept failed"), 0U);
    }
}

// --- the log -------------------------------------------------------------------------------------------------------------

TEST(LogPipe, WhoseReaderHasGoneHoldsNobodyUp) {
    RunningHost host(listener("echo", "echo"));
    host.close_log();
    for (int i = 0; i < 100; ++i) {
        Client client(host.port("echo"));
        ASSERT_TRUE(client.echoes("anyway"));
    }
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(host.stop(), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST(LogPipe, ThatNobodyReadsHoldsNobodyUp) {
    RunningHost host(listener("echo", "echo"));
    host.stop_reading_log();
    for (int i = 0; i < 2000; ++i) { // a pipe holds about 400 records
        Client client(host.port("echo"));
        ASSERT_TRUE(client.echoes("anyway"));
    }
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(host.stop(), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

} // namespace
} // namespace gatehouse::testing
