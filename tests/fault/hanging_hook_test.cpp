// Hooks of plugins that never return, on each kind of thread: the host hears its signals all the same, and ends in time.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "proc.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <optional>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

std::string host_section(std::string_view drain_timeout) {
    return "[host]\ncontrol = \"control.sock\"\ndrain_timeout = \"" + std::string(drain_timeout) + "\"\n";
}

class HangingHook : public testing::Test {
  protected:
    void start(std::string_view fixture, std::string_view drain_timeout, const std::string& settings = "",
               std::string_view more = "") {
        host_.emplace(host_section(drain_timeout) + instance("bad", fixture, settings, more) + listener("echo", "echo"),
                      with_fixtures());
    }
    Client echoing() {
        Client client(host_->port("bad"));
        EXPECT_TRUE(client.echoes("x"));
        return client;
    }
    void expect_others_served() {
        Client other(host_->port("echo"));
        EXPECT_TRUE(other.echoes("anybody there?"));
    }
    // One signal, and the host ends: at the end of the drain at the latest, with `message` in the log.
    void expect_drained(std::string_view message) {
        const auto begin = std::chrono::steady_clock::now();
        host_->signal(SIGTERM);
        EXPECT_EQ(host_->wait_exit(), 0);
        EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
        EXPECT_TRUE(host_->logged(message)) << host_->tail();
    }
    // A second one ends it at once, though the drain would last for an hour.
    void expect_stopped_by_a_second_signal() {
        host_->signal(SIGTERM);
        host_->signal(SIGINT);
        EXPECT_EQ(host_->wait_exit(), 1);
    }
    // A command whose answer nobody gets.
    Process command() { return Process({gatehouse_binary(), "control", host_->dir() / "gatehouse.toml", "bad", "go"}); }

    Server upstream_;
    std::optional<Gatehouse> host_;
};

constexpr std::string_view main_thread = "the main thread is still in a plugin's code";
constexpr std::string_view relay_thread = "a relay thread is still in a plugin's code; leaving without it";
constexpr std::string_view pool_thread = "a thread is still in the plugin's code; leaving without it";

TEST_F(HangingHook, ClosedOnARelayThread) {
    for (const bool twice : {false, true}) {
        start("hangs_in_closed", twice ? "1h" : "300ms", "upstream = \"" + upstream_.address() + "\"");
        Client client(host_->port("bad"));
        client.send("hello");
        Client server = upstream_.accept();
        EXPECT_EQ(server.recv_exactly(5), "hello");
        server.close();
        client.close();
        expect_others_served();
        twice ? expect_stopped_by_a_second_signal() : expect_drained(relay_thread);
    }
}

// The drain's deadline comes while the connections rest: it is the main thread that finds out.
TEST_F(HangingHook, ClosedAtTheEndOfTheDrain) {
    start("hangs_in_closed", "300ms", "", "threads.max = 4");
    std::vector<Client> clients;
    for (int i = 0; i < 8; ++i) clients.push_back(echoing());
    expect_drained(pool_thread);
}

TEST_F(HangingHook, ClosedAtAnIdleTimeout) {
    start("hangs_in_closed", "1h", "", "idle_timeout = \"50ms\"");
    Client idle = echoing();
    expect_others_served();
    host_->wait_for_status("bad", "a thread gone", [](const Record& now) { return now["threads_blocked"] == "1"; });
    expect_stopped_by_a_second_signal();
}

TEST_F(HangingHook, Stop) {
    start("hangs_in_stop", "300ms");
    expect_drained(main_thread);
    start("hangs_in_stop", "1h");
    expect_stopped_by_a_second_signal();
}

TEST_F(HangingHook, Command) {
    start("hangs_in_command", "300ms");
    const Process nobody_answers = command();
    EXPECT_TRUE(host_->will_log("hangs from now on"));
    expect_drained(main_thread);
    start("hangs_in_command", "1h");
    const Process still_nobody = command();
    EXPECT_TRUE(host_->will_log("hangs from now on"));
    expect_stopped_by_a_second_signal();
}

// The objects that a plugin keeps for each thread go when the thread does.
TEST_F(HangingHook, ThreadExit) {
    for (const bool twice : {false, true}) {
        start("hangs_in_thread_exit", twice ? "1h" : "300ms", "", "threads = { min = 0, max = 4, keep = \"50ms\" }");
        echoing().close();
        host_->wait_for_status("bad", "no thread", [](const Record& now) { return now["threads"] == "0"; });
        for (int i = 0; i < 3; ++i) expect_others_served();
        echoing().close();
        twice ? expect_stopped_by_a_second_signal() : expect_drained(pool_thread);
    }
}

} // namespace
