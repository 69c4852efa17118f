// max_connections and threads: what happens at the limit, and that nothing grows below it.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "proc.hpp"
#include "relayed.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <sys/resource.h>

using namespace gatehouse::support;

namespace {

// On a busy machine a thread that gets no CPU for a while looks stuck, and another one is started. There may be a few of those.
constexpr unsigned helpers = 8;

void expect_echo(Client& client, std::string_view text) {
    client.send(text);
    EXPECT_EQ(client.recv_exactly(text.size()), text);
}

TEST(Limit, AtMaxConnectionsNewcomersWaitInTheQueue) {
    Gatehouse host(listener("echo", "echo", "max_connections = 2"));
    Client one(host.port("echo"));
    Client two(host.port("echo"));
    expect_echo(one, "one");
    expect_echo(two, "two");
    Client three(host.port("echo"));
    three.send("three");
    const Record status =
        host.wait_for_status("echo", "one in the queue", [](const Record& now) { return now["queue_depth"] == "1"; });
    EXPECT_EQ(status["open"], "2");
    EXPECT_EQ(status["accepted"], "2");
    EXPECT_FALSE(three.readable(std::chrono::milliseconds(50)));
    one.close();
    EXPECT_EQ(three.recv_exactly(5), "three");
    EXPECT_EQ(host.status("echo")["queue_depth"], "0");
}

TEST(Limit, AtMaxConnectionsNewcomersAreRefusedIfAskedFor) {
    Gatehouse host(listener("echo", "echo", "max_connections = 2\nwhen_full = \"refuse\""));
    Client one(host.port("echo"));
    Client two(host.port("echo"));
    expect_echo(one, "one");
    expect_echo(two, "two");
    Client three(host.port("echo"));
    const std::string peer = three.local_address();
    EXPECT_EQ(three.rest().bytes, "");
    const Record closed = host.wait_for_closed("echo", peer);
    EXPECT_EQ(closed["reason"], "listener_full");
    EXPECT_EQ(closed["limit"], "max_connections");
    EXPECT_EQ(closed["value"], "2");
    EXPECT_NE(closed["rule"].find(".toml:"), std::string::npos) << closed.line;
    expect_echo(two, "still here");
    one.close();
    host.wait_for_status("echo", "a free place", [](const Record& now) { return now["open"] == "1"; });
    Client four(host.port("echo"));
    expect_echo(four, "four");
    EXPECT_NE(host.status("echo")["reasons"].find("listener_full:1"), std::string::npos);
}

TEST(Limit, BlockedConnectionsGetAThreadEach) {
    constexpr unsigned held = 50;
    constexpr unsigned min = 2;
    Gatehouse host(listener("echo", "blocking_echo", "threads = { min = 2, max = 100 }"), with_blocking_echo());
    std::vector<Client> clients;
    for (unsigned i = 0; i < held; ++i) expect_echo(clients.emplace_back(host.port("echo")), "hello");
    const Record status = host.wait_for_status("echo", "50 blocked threads and 2 more", [](const Record& now) {
        return now.number("threads_blocked") == held && now.number("threads") >= held + min;
    });
    EXPECT_LE(status.number("threads"), held + min + helpers);
    for (Client& client : clients) expect_echo(client, "again");
}

TEST(Limit, AtMaxThreadsNewcomersWait) {
    Gatehouse host(listener("echo", "blocking_echo", "threads = { min = 1, max = 4 }"), with_blocking_echo());
    std::vector<Client> clients;
    for (int i = 0; i < 4; ++i) expect_echo(clients.emplace_back(host.port("echo")), "hello");
    Client newcomer(host.port("echo"));
    newcomer.send("newcomer");
    EXPECT_FALSE(newcomer.readable(std::chrono::milliseconds(50)));
    EXPECT_EQ(host.status("echo")["threads"], "4");
    clients.pop_back();
    EXPECT_EQ(newcomer.recv_exactly(8), "newcomer");
}

// One thread, taken: who came first is served first.
TEST(Limit, TheOrderOfArrivalIsKept) {
    Gatehouse host(listener("echo", "blocking_echo", "threads = { min = 1, max = 1 }"), with_blocking_echo());
    Client first(host.port("echo"));
    expect_echo(first, "first");
    std::vector<Client> waiting;
    std::vector<std::string> arrived{first.local_address()};
    for (int i = 0; i < 8; ++i) {
        Client& client = waiting.emplace_back(host.port("echo"));
        arrived.push_back(client.local_address());
        client.send("hello");
        client.finish();
    }
    first.close();
    for (Client& client : waiting) EXPECT_EQ(client.recv_until_eof(), "hello");
    waiting.clear();
    EXPECT_EQ(host.terminate(), 0);
    std::vector<std::string> served;
    for (const Record& record : host.log())
        if (record.message() == "closed") served.push_back(record["peer"]);
    EXPECT_EQ(served, arrived);
}

TEST(Limit, AThousandParkedConnectionsTakeNoThreads) {
    constexpr std::size_t count = 1000;
    rlimit files{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = std::min<rlim_t>(files.rlim_max, 8192);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);

    Gatehouse host(listener("echo", "echo", "threads = { min = 2, max = 64 }"));
    const unsigned before = threads(host.pid());
    std::vector<Client> clients;
    for (std::size_t i = 0; i < count; ++i) clients.emplace_back(host.port("echo")).send("hello");
    for (Client& client : clients) EXPECT_EQ(client.recv_exactly(5), "hello");
    const Record status =
        host.wait_for_status("echo", "all parked", [](const Record& now) { return now.number("parked") == count; });
    EXPECT_LE(status.number("threads_most"), 2 + helpers);
    EXPECT_LE(threads(host.pid()), before + helpers);
    for (Client& client : clients) expect_echo(client, "again");
}

TEST(Limit, SurplusThreadsLeave) {
    Gatehouse host(listener("echo", "blocking_echo", "threads = { min = 2, max = 100, keep = \"100ms\" }"),
                   with_blocking_echo());
    {
        std::vector<Client> clients;
        for (int i = 0; i < 20; ++i) expect_echo(clients.emplace_back(host.port("echo")), "hello");
        EXPECT_GE(host.status("echo").number("threads"), 20);
    }
    host.wait_for_status("echo", "two threads", [](const Record& now) { return now["threads"] == "2"; });
}

// Nothing in an idle host goes to sleep, since nothing wakes up.
TEST(Limit, AnIdleHostDoesNotWakeUp) {
    if (sanitizer() == "thread") GTEST_SKIP() << "the thread sanitizer has a thread that wakes up by itself";
    auto [upstream, host, relayed, server] = Relayed(listener("echo", "echo"));
    Client parked(host.port("echo"));
    expect_echo(parked, "hello");
    relayed.send("hello");
    EXPECT_EQ(server.recv_exactly(5), "hello");

    // What the traffic has left behind may take a moment to settle, so there are several windows; one has to be quiet.
    std::uint64_t woken = 1;
    for (int window = 0; window < 8 && woken != 0; ++window) {
        const std::uint64_t before = voluntary_switches(host.pid());
        std::this_thread::sleep_for(std::chrono::milliseconds(1200)); // the measurement
        woken = voluntary_switches(host.pid()) - before;
    }
    EXPECT_EQ(woken, 0U);
}

} // namespace
