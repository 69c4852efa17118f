// Too many clients, clients that are rude, a log that nobody takes.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "proc.hpp"

#include <atomic>
#include <csignal>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

void expect_nothing_open(Gatehouse& host, const std::string& name) {
    host.wait_for_status(name, "nothing open", [](const Record& now) { return now["open"] == "0"; });
}

TEST(Descriptors, RunOut) {
    Gatehouse host(listener("echo", "echo"), {.wrapper = {"prlimit", "--nofile=64"}});
    {
        std::vector<Client> clients;
        for (int i = 0; i < 200; ++i) clients.emplace_back(host.port("echo")); // in the accept queue, at least
        EXPECT_TRUE(clients.front().echoes("first come, first served"));
        EXPECT_TRUE(
            host.will_log(R"("message":"cannot accept; newcomers wait","listener":"echo","error":"Too many open files")"));
        const auto before = cpu_time(host.pid());
        ::usleep(2'000'000); // a span to measure over
        EXPECT_LE(cpu_time(host.pid()) - before, 100ms) << "more than 5% of a CPU";
        EXPECT_TRUE(host.will_log("\"reason\":\"host_out_of_fds\"")); // who has waited for a second is told
        EXPECT_TRUE(clients.front().echoes("still here"));
    }
    const auto begin = std::chrono::steady_clock::now();
    Client late(host.port("echo"));
    EXPECT_TRUE(late.echoes("and now?"));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
    EXPECT_TRUE(host.will_log("\"message\":\"accepting again\""));
    EXPECT_NE(host.status("echo").line.find("EMFILE:"), std::string::npos);
    late.close();
    EXPECT_EQ(host.terminate(), 0);
}

TEST(Connections, ManyOneAfterAnotherLeaveNothingBehind) {
    Gatehouse host(listener("echo", "echo", "threads.keep = \"100ms\""));
    const unsigned threads_before = threads(host.pid()); // without any of the pool
    const auto some = [&](int count) {
        for (int i = 0; i < count; ++i) {
            Client client(host.port("echo"));
            ASSERT_TRUE(client.echoes("x"));
        }
    };
    some(200);
    expect_nothing_open(host, "echo");
    const unsigned descriptors_before = descriptors(host.pid());
    some(5000);
    expect_nothing_open(host, "echo");
    EXPECT_EQ(descriptors(host.pid()), descriptors_before);
    host.wait_for_status("echo", "no threads", [&](const Record&) { return threads(host.pid()) == threads_before; });
    EXPECT_EQ(host.terminate(), 0);
}

TEST(Connections, ThatDripDoNotKeepOthersWaiting) {
    const TempDir www;
    www.write("index.html", "hello");
    Gatehouse host(instance("web", "http", "root = \"" + www.path().string() + "\""));
    std::vector<Client> slow;
    for (int i = 0; i < 200; ++i) slow.emplace_back(host.port("web"));
    const std::string request = "GET / HTTP/1.1\r\n";
    for (const char byte : request) {
        for (Client& client : slow) client.send(std::string_view(&byte, 1));
        Client quick(host.port("web"));
        quick.send("GET / HTTP/1.0\r\n\r\n");
        EXPECT_TRUE(quick.rest().bytes.ends_with("hello"));
    }
    slow.clear();
    expect_nothing_open(host, "web");
    EXPECT_EQ(host.terminate(), 0);
}

// --- resets --------------------------------------------------------------------------------------------------------------

class Resets : public testing::Test {
  protected:
    // Connects 50 times, brings each connection to some stage, and resets it there.
    void reset_each(const std::string& name, const std::function<void(Client&)>& stage) {
        for (int i = 0; i < 50; ++i) {
            Client client(host_->port(name));
            stage(client);
            client.reset();
        }
        expect_nothing_open(*host_, name);
        EXPECT_TRUE(host_->alive());
    }

    const TempDir www_;
    Server upstream_{"127.0.0.1:0", 1024};
    std::unique_ptr<Gatehouse> host_ = std::make_unique<Gatehouse>(
        listener("echo", "echo") + instance("web", "http", "root = \"" + www_.path().string() + "\"") +
            listener("chatterbox", "chatterbox") + instance("gate", "gateway", "upstream = \"" + upstream_.address() + "\""),
        with_fixtures());
};

TEST_F(Resets, BeforeTheFirstByte) {
    reset_each("echo", [](Client&) {});
}

TEST_F(Resets, InTheMiddleOfARequest) {
    reset_each("web", [](Client& client) { client.send("GET / HTTP/1.1\r\nHost:"); });
}

TEST_F(Resets, WhileParked) {
    reset_each("echo", [](Client& client) { EXPECT_TRUE(client.echoes("x")); });
    EXPECT_NE(host_->status("echo").line.find("peer_reset:50"), std::string::npos) << host_->status("echo").line;
}

TEST_F(Resets, WhileTheHostIsBlockedWriting) {
    reset_each("chatterbox", [](Client& client) {
        client.send("go");
        EXPECT_EQ(client.recv_exactly(1).size(), 1U);
    });
    EXPECT_NE(host_->status("chatterbox").line.find("peer_reset:50"), std::string::npos);
}

TEST_F(Resets, WhileRelayed) {
    reset_each("gate", [&](Client& client) {
        Client server = upstream_.accept();
        client.send("x");
        EXPECT_EQ(server.recv_exactly(1), "x");
    });
}

TEST_F(Resets, AreNoticedByTheRelayAfterAHalfClose) {
    for (int i = 0; i < 20; ++i) {
        Client client(host_->port("gate"));
        Client server = upstream_.accept();
        client.finish();
        EXPECT_EQ(server.recv_until_eof(), ""); // the half-close has been passed on
        client.reset();
        expect_nothing_open(*host_, "gate");
        EXPECT_THROW(server.send("x"), std::system_error); // and so has the reset
    }
}

// The upstream's reset may be there before the relay has been set up to its end.
TEST_F(Resets, OfTheUpstreamAtOnce) {
    std::thread rude([&] {
        try {
            for (;;) upstream_.accept().reset();
        } catch (const std::system_error&) { // it has been shut down
        }
    });
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 250; ++i) {
                try {
                    Client client(host_->port("gate"));
                    EXPECT_FALSE(client.echoes("x"));
                    EXPECT_TRUE(client.ends());
                } catch (const std::system_error& error) { // the reset has come before connect() was through
                    EXPECT_EQ(error.code(), std::errc::connection_reset);
                }
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(host_->alive());
    expect_nothing_open(*host_, "gate");
    EXPECT_EQ(host_->terminate(), 0);
    ::shutdown(upstream_.fd(), SHUT_RDWR);
    rude.join();
}

// --- the way down --------------------------------------------------------------------------------------------------------

// Connections come, talk and go while the host stops: nobody hangs, and everyone who got an answer got the right one.
TEST(Drain, UnderLoad) {
    for (int round = 0; round < 5; ++round) {
        Gatehouse host(listener("echo", "echo") + listener("wakes", "wake_storm") + listener("stubborn", "stubborn"),
                       with_fixtures());
        std::atomic<bool> go_on{true};
        std::atomic<int> served{0};
        std::vector<std::thread> threads;
        for (const char* name : {"echo", "wakes", "stubborn", "echo"})
            threads.emplace_back([&, port = host.port(name)] {
                try {
                    while (go_on.load()) {
                        Client client(port);
                        for (int i = 0; i < 5 && client.echoes("load"); ++i) served.fetch_add(1);
                    }
                } catch (const std::system_error&) { // it listens no more
                }
            });
        eventually("500 answers", [&] { return served.load() > 500; });
        host.leave_busy();
        EXPECT_EQ(host.terminate(), 0);
        go_on.store(false);
        for (std::thread& thread : threads) thread.join();
        EXPECT_TRUE(host.logged("\"message\":\"stopped\""));
        EXPECT_EQ(host.count_logged("accept failed"), 0U);
    }
}

// --- the log -------------------------------------------------------------------------------------------------------------

TEST(LogPipe, WhoseReaderHasGoneHoldsNobodyUp) {
    Gatehouse host(listener("echo", "echo"));
    host.close_log();
    for (int i = 0; i < 100; ++i) {
        Client client(host.port("echo"));
        ASSERT_TRUE(client.echoes("anyway"));
    }
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(host.terminate(), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST(LogPipe, ThatNobodyReadsHoldsNobodyUp) {
    Gatehouse host(listener("echo", "echo"));
    host.stop_reading_log();
    for (int i = 0; i < 2000; ++i) { // a pipe holds about 400 records
        Client client(host.port("echo"));
        ASSERT_TRUE(client.echoes("anyway"));
    }
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(host.terminate(), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

} // namespace
