// Listeners without anything to do: what they cost, how soon they answer, and whose threads they have then.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "proc.hpp"

#include <algorithm>
#include <csignal>
#include <gtest/gtest.h>
#include <vector>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

std::string many_listeners(int count, std::string_view more = "") {
    std::string text;
    for (int i = 0; i < count; ++i) text += listener("echo" + std::to_string(i), "echo", more);
    return text;
}

bool without_threads(const Record& status) { return status["threads"] == "0"; }

std::chrono::nanoseconds first_answer(std::uint16_t port) {
    const auto begin = Clock::now();
    Client client(port);
    EXPECT_TRUE(client.echoes("hello"));
    return Clock::now() - begin;
}

TEST(Idle, AThousandListenersHaveFewThreads) {
    Gatehouse host(many_listeners(1000));
    EXPECT_LE(threads(host.pid()), 20U);
    for (int i = 0; i < 1000; i += 50) EXPECT_TRUE(Client(host.port("echo" + std::to_string(i))).echoes("hello"));
}

TEST(SlowIdle, AThousandListenersCostNextToNothing) {
    Gatehouse host(many_listeners(1000));
    EXPECT_LE(cpu_time(host.pid()), 150ms); // the test takes CPU time too: it reads the records of a thousand listeners
    EXPECT_LE(resident_kib(host.pid()), 20 * 1024U);
    std::vector<std::chrono::nanoseconds> times;
    for (int i = 0; i < 40; ++i) times.push_back(first_answer(host.port("echo" + std::to_string(i * 25))));
    std::sort(times.begin(), times.end());
    EXPECT_LE(times[37], 2ms); // what runs beside a virtual machine may disturb two of them
}

// Connections stay while their listener has no threads, and are served by new ones.
TEST(Idle, ThreadsLeaveAndComeBack) {
    Gatehouse host(listener("echo", "echo", "threads.keep = \"10ms\""));
    Client client(host.port("echo"));
    for (int i = 0; i < 5; ++i) {
        EXPECT_TRUE(client.echoes("hello"));
        host.wait_for_status("echo", "no threads", without_threads);
    }
    EXPECT_EQ(host.status("echo")["open"], "1");
    client.close();
    host.wait_for_closed("echo");
    EXPECT_EQ(host.status("echo")["thread_failures"], "0");
}

TEST(Idle, ReadyThreadsStay) {
    Gatehouse host(listener("echo", "blocking_echo", "threads = { min = 2, max = 8, keep = \"10ms\" }"), with_blocking_echo());
    EXPECT_EQ(host.status("echo")["threads"], "2");
    {
        Client one(host.port("echo"));
        Client two(host.port("echo"));
        EXPECT_TRUE(one.echoes("hello"));
        EXPECT_TRUE(two.echoes("hello"));
        host.wait_for_status("echo", "two more threads", [](const Record& now) { return now.number("threads") >= 4; });
    }
    host.wait_for_status("echo", "two threads", [](const Record& now) { return now["threads"] == "2"; });
}

TEST(Idle, TheIdleTimeoutEndsAConnectionOfAListenerWithoutThreads) {
    Gatehouse host(listener("echo", "echo", "threads.keep = \"10ms\"\nidle_timeout = \"500ms\""));
    Client client(host.port("echo"));
    EXPECT_TRUE(client.echoes("hello"));
    host.wait_for_status("echo", "no threads", without_threads);
    EXPECT_TRUE(client.ends());
    client.close();
    EXPECT_EQ(host.wait_for_closed("echo")["reason"], "idle_timeout");
}

TEST(Idle, TheDrainReachesAListenerWithoutThreads) {
    Gatehouse host(listener("echo", "echo", "threads.keep = \"10ms\""));
    Client client(host.port("echo"));
    EXPECT_TRUE(client.echoes("hello"));
    host.wait_for_status("echo", "no threads", without_threads);
    host.signal(SIGTERM);
    EXPECT_TRUE(client.ends());
    client.close();
    EXPECT_EQ(host.wait_exit(), 0);
    EXPECT_EQ(host.wait_for_closed("echo")["reason"], "drained");
}

// --- shared pools ----------------------------------------------------------------------------------------------------------

TEST(SharedPool, ListenersOfOnePluginHaveOnePool) {
    constexpr int count = 100;
    Gatehouse host(many_listeners(count, "pool = \"shared\""));
    std::vector<Client> clients;
    for (int i = 0; i < count; ++i) EXPECT_TRUE(clients.emplace_back(host.port("echo" + std::to_string(i))).echoes("hello"));
    EXPECT_LE(threads(host.pid()), 20U);
    for (int i = 0; i < count; ++i) EXPECT_TRUE(clients[static_cast<std::size_t>(i)].echoes("again"));
    clients.clear();
    for (int i = 0; i < count; ++i) EXPECT_EQ(host.wait_for_closed("echo" + std::to_string(i))["in"], "10");
}

// All of whose threads are held by clients of the first listener, each of which has one for itself.
struct Pair {
    explicit Pair(std::string_view more)
        : host(listener("one", "blocking_echo", more) + listener("two", "blocking_echo", more) + listener("other", "echo"),
               with_blocking_echo()) {
        for (int i = 0; i < 2; ++i) EXPECT_TRUE(holders.emplace_back(host.port("one")).echoes("hello"));
    }

    Gatehouse host;
    std::vector<Client> holders;
};

TEST(SharedPool, IsNoBulkheadForThoseWhoShareIt) {
    Pair pair("threads.max = 2\npool = \"shared\"");
    Client waiting(pair.host.port("two"));
    waiting.send("hello");
    EXPECT_TRUE(Client(pair.host.port("other")).echoes("hello"));
    EXPECT_FALSE(waiting.readable(50ms));
    EXPECT_EQ(pair.host.status("two")["threads_blocked"], "2"); // the pool's
    pair.holders.clear();
    EXPECT_EQ(waiting.recv_exactly(5), "hello");
}

TEST(SharedPool, WithoutItEachListenerHasItsOwnThreads) {
    Pair pair("threads.max = 2");
    EXPECT_TRUE(Client(pair.host.port("two")).echoes("hello"));
    EXPECT_TRUE(Client(pair.host.port("other")).echoes("hello"));
}

TEST(SharedPool, IsSharedByOnePluginOnly) {
    Gatehouse host(instance("one", "blocking_echo", "", "threads.max = 1\npool = \"shared\"") +
                       instance("two", "blocking_echo", "", "threads.max = 1\npool = \"shared\""),
                   with_blocking_echo());
    Client holder(host.port("one"));
    EXPECT_TRUE(holder.echoes("hello"));
    EXPECT_TRUE(Client(host.port("two")).echoes("hello"));
}

} // namespace
