// Output that a plugin has handed over: the host sends it without a thread, to its end.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "proc.hpp"

#include <csignal>
#include <filesystem>
#include <gtest/gtest.h>
#include <optional>
#include <vector>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t large = 16U << 20U; // more than any buffer on the way takes

class HandOver : public testing::Test {
  protected:
    HandOver() {
        file_ = dir_.write("file", "");
        std::filesystem::resize_file(file_, large);
    }
    void start(std::string_view more = "threads.max = 1", const std::string& host = "") {
        host_.emplace(host + instance("fix", "hands_over", "file = \"" + file_ + "\"", more), with_fixtures());
    }
    Client client(std::string_view request) {
        Client client(host_->port("fix"));
        limit_receive_buffer(client.fd());
        ask(client, request);
        return client;
    }
    // The plugin has read the request: what is sent next is another one.
    void ask(Client& client, std::string_view request) {
        const std::size_t from = host_->log_size();
        client.send(request);
        host_->wait_for_log("takes " + std::string(request), {}, from);
    }
    // What it asks for comes whole.
    static void expect_file(Client& client, std::size_t size = large) {
        EXPECT_EQ(client.recv_exactly(5), "head\n");
        EXPECT_EQ(client.recv_exactly(size), std::string(size, '\0'));
    }
    void wait_until_none_runs() {
        host_->wait_for_status("fix", "no thread is blocked",
                               [](const Record& now) { return now["threads_blocked"] == "0" && now["open"] == now["parked"]; });
    }

    const TempDir dir_;
    std::string file_;
    std::optional<Gatehouse> host_;
};

TEST_F(HandOver, ReadersThatWaitHoldNoThread) {
    start();
    std::vector<Client> readers;
    for (int i = 0; i < 20; ++i) readers.push_back(client("file " + std::to_string(large)));
    wait_until_none_runs();
    Client newcomer = client("copy 5");
    EXPECT_EQ(newcomer.recv_exactly(5), "ccccc");
    expect_file(readers.front());
    EXPECT_EQ(readers.front().recv_exactly(5), "sent\n");
    EXPECT_EQ(host_->status("fix").number("threads_most"), 1);
    for (Client& reader : readers) reader.reset();
}

TEST_F(HandOver, ACloseComesBehindIt) {
    start();
    Client reader = client("file " + std::to_string(large) + " close");
    wait_until_none_runs();
    expect_file(reader);
    const Client::Rest rest = reader.rest();
    EXPECT_EQ(rest.bytes, "");
    EXPECT_FALSE(rest.reset);
    reader.close();
    const Record closed = host_->wait_for_closed("fix");
    EXPECT_EQ(closed["reason"], "done");
    EXPECT_EQ(closed.number("out"), large + 5);
}

TEST_F(HandOver, AWriteWaitsForItAndItsEventComesAllTheSame) {
    start();
    Client reader = client("file " + std::to_string(large) + " write");
    host_->wait_for_status("fix", "it waits", [](const Record& now) { return now["threads_blocked"] == "1"; });
    expect_file(reader);
    EXPECT_EQ(reader.recv_exactly(13), "written\nsent\n");
}

TEST_F(HandOver, SoDoesAHalfClose) {
    start();
    Client reader = client("file " + std::to_string(large) + " finish");
    wait_until_none_runs();
    expect_file(reader);
    EXPECT_TRUE(reader.ends());
}

TEST_F(HandOver, WhatIsMoreThanTheHostHoldsIsRefused) {
    start();
    Client reader = client("file " + std::to_string(large));
    wait_until_none_runs();
    ask(reader, "copy 262144");
    wait_until_none_runs();
    ask(reader, "copy 1");
    expect_file(reader);
    EXPECT_EQ(reader.recv_exactly(262'144), std::string(262'144, 'c'));
    EXPECT_EQ(reader.recv_until("\n"), "again\n"); // write() has waited for the rest
    Client greedy = client("copy 262145");
    EXPECT_TRUE(greedy.ends());
    EXPECT_EQ(host_->wait_for_closed("fix", greedy.local_address())["reason"], "plugin_error");
}

TEST_F(HandOver, AFileThatEndsEarlyEndsWithAReset) {
    start();
    Client reader = client("file " + std::to_string(large + 1) + " close");
    wait_until_none_runs();
    EXPECT_TRUE(reader.rest().reset);
    EXPECT_EQ(host_->wait_for_closed("fix")["reason"], "plugin_error");
}

TEST_F(HandOver, AReaderThatTakesNothingHasItsTime) {
    start("threads.max = 1\nidle_timeout = \"300ms\"");
    Client reader = client("file " + std::to_string(large) + " close");
    EXPECT_EQ(host_->wait_for_closed("fix")["reason"], "idle_timeout");
    EXPECT_TRUE(reader.rest().reset);
}

TEST_F(HandOver, AReaderKeepsUpWithTheRateOrIsTooSlow) {
    start("threads.max = 1\nmin_rate = \"64KiB\"\nmin_rate_window = \"1s\"");
    Client quick(host_->port("fix"));
    quick.send("file 10000000");
    expect_file(quick, 10'000'000);
    Client slow = client("file " + std::to_string(large));
    EXPECT_EQ(host_->wait_for_closed("fix", slow.local_address())["reason"], "too_slow");
}

TEST_F(HandOver, ADrainLetsItGoOn) {
    start("threads.max = 1", "[host]\ndrain_timeout = \"20s\"\n");
    Client reader = client("file " + std::to_string(large) + " close");
    wait_until_none_runs();
    host_->signal(SIGTERM);
    host_->wait_for_log("draining");
    expect_file(reader);
    EXPECT_TRUE(reader.ends());
    reader.close();
    EXPECT_EQ(host_->wait_exit(), 0);
    EXPECT_EQ(host_->wait_for_closed("fix")["reason"], "drained");
}

TEST_F(HandOver, TheDrainsDeadlineCutsIt) {
    start("threads.max = 1", "[host]\ndrain_timeout = \"300ms\"\n");
    Client reader = client("file " + std::to_string(large) + " close");
    wait_until_none_runs();
    host_->signal(SIGTERM);
    EXPECT_EQ(host_->wait_exit(), 0);
    EXPECT_TRUE(reader.rest().reset);
    EXPECT_EQ(host_->wait_for_closed("fix")["reason"], "drained");
}

TEST_F(HandOver, AClientThatGoesLeavesNothingBehind) {
    start();
    const unsigned before = descriptors(host_->pid());
    for (int i = 0; i < 10; ++i) {
        Client reader = client("file " + std::to_string(large) + (i % 2 == 0 ? " close" : ""));
        wait_until_none_runs();
        reader.reset();
        host_->wait_for_closed("fix", "", host_->log_size() - std::min<std::size_t>(host_->log_size(), 1));
    }
    host_->wait_for_status("fix", "all are gone", [](const Record& now) { return now["open"] == "0"; });
    EXPECT_LE(descriptors(host_->pid()), before + 2); // the pool's
}

} // namespace
