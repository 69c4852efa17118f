// The gateway in front of several servers: balancing, health, retries and waiting.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "named_server.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <optional>

using namespace gatehouse::support;

namespace {

std::string entry(const std::string& address, const std::string& more = "") {
    return "{ address = \"" + address + '"' + (more.empty() ? "" : ", " + more) + " }";
}

std::string gateway_in_front_of(const std::string& servers, const std::string& more = "") {
    return "[plugins.gateway.config]\nservers = [" + servers + "]\n" + more + "\n" + listener("gateway", "gateway");
}

std::string name_of_server(Client& client) { return client.recv_until("\n"); }

// Which servers `count` connections reach, one after the other, as "abab".
std::string reached(Gatehouse& host, int count) {
    std::string names;
    for (int i = 0; i < count; ++i) {
        Client client(host.port("gateway"));
        names += name_of_server(client).front();
    }
    return names;
}

void wait_for_text(Gatehouse& host, const std::string& text, std::size_t from = 0) {
    host.wait_for_log([&](const Record& record) { return record.message().find(text) != std::string::npos; }, text, from);
}

TEST(GatewayPool, TakesTurnsByWeight) {
    const NamedServer a("a"), b("b");
    Gatehouse host(gateway_in_front_of(entry(a.address(), "weight = 2") + ", " + entry(b.address())));
    EXPECT_EQ(reached(host, 9), "abaabaaba");
}

TEST(GatewayPool, AFailedConnectGoesToAnotherServer) {
    const NobodyThere nobody;
    const NamedServer b("b");
    Gatehouse host(gateway_in_front_of(entry(nobody.address()) + ", " + entry(b.address())));
    EXPECT_EQ(reached(host, 8), "bbbbbbbb");
    const Record ejected = host.wait_for_log(
        [](const Record& record) { return record.message().find("ejected") != std::string::npos; }, "ejected");
    EXPECT_EQ(ejected.message(),
              "server " + nobody.address() +
                  " is ejected for 1s: 3 connections in a row failed, the last one: connection refused; 1 of 2 "
                  "servers available");
    EXPECT_EQ(ejected.level(), "warning");
    EXPECT_EQ(ejected["plugin"], "gateway");
}

TEST(GatewayPool, ABackupTakesOver) {
    NamedServer a("a");
    const NamedServer b("b");
    Gatehouse host(gateway_in_front_of(entry(a.address()) + ", " + entry(b.address(), "backup = true")));
    EXPECT_EQ(reached(host, 4), "aaaa");
    a.stop();
    EXPECT_EQ(reached(host, 4), "bbbb");
}

TEST(GatewayPool, AllDownIsSaidAtOnceAndOneComesBack) {
    NamedServer a("a"), b("b");
    Gatehouse host(gateway_in_front_of(entry(a.address(), "name = \"a\"") + ", " + entry(b.address(), "name = \"b\""),
                                       "health = { interval = \"20ms\", fall = 2, rise = 2 }\nejection = { failures = 0 }"));
    EXPECT_EQ(reached(host, 2).size(), 2U);
    a.stop();
    b.stop();
    wait_for_text(host, "server a (" + a.address() + ") is down: 2 checks in a row failed");
    wait_for_text(host, "server b (" + b.address() + ") is down: 2 checks in a row failed");
    Client client(host.port("gateway"));
    const std::string peer = client.local_address();
    EXPECT_EQ(client.recv_until_eof(), "");
    client.close();
    const Record warning = host.wait_for_log("no connection to the upstream", {{"peer", peer}});
    EXPECT_TRUE(warning["error"].starts_with("no server is available: a is down (")) << warning.line;
    const Record closed = host.wait_for_closed("gateway", peer);
    EXPECT_EQ(closed["reason"], "upstream_failed");
    EXPECT_LT(closed.number("ms"), 2000);
    b.start();
    wait_for_text(host, "server b (" + b.address() + ") is up; 1 of 2 servers available");
    EXPECT_EQ(reached(host, 3), "bbb");
}

TEST(GatewayPool, ClientsWaitForAPlaceAndLoseNothing) {
    const NamedServer a("a");
    Gatehouse host(gateway_in_front_of(entry(a.address(), "max_connections = 1"), "queue = { size = 2, timeout = \"30s\" }"));
    Client first(host.port("gateway"));
    EXPECT_EQ(name_of_server(first), "a\n");
    Client second(host.port("gateway"));
    second.send("said while waiting\n");
    Client third(host.port("gateway"));
    host.wait_for_status("gateway", "three are open", [](const Record& now) { return now["open"] == "3"; });
    EXPECT_FALSE(second.readable(std::chrono::milliseconds(100)));

    std::string peer; // the queue is full
    std::optional<Client> fourth;
    eventually("two wait and one is turned away", [&] {
        fourth.emplace(host.port("gateway"));
        peer = fourth->local_address();
        return fourth->readable(std::chrono::milliseconds(200));
    });
    EXPECT_EQ(fourth->recv_until_eof(), "");
    EXPECT_EQ(host.wait_for_log("no connection to the upstream", {{"peer", peer}})["error"],
              "all servers are full, and the queue is full (2 clients)");

    first.close();
    EXPECT_EQ(second.recv_until("waiting\n"), "a\nsaid while waiting\n");
    third.reset(); // it goes away while it waits
    second.close();
    Client last(host.port("gateway"));
    EXPECT_EQ(name_of_server(last), "a\n");
}

TEST(GatewayPool, WaitingEndsInTime) {
    const NamedServer a("a");
    Gatehouse host(gateway_in_front_of(entry(a.address(), "max_connections = 1"), "queue = { timeout = \"100ms\" }"));
    Client first(host.port("gateway"));
    EXPECT_EQ(name_of_server(first), "a\n");
    Client second(host.port("gateway"));
    EXPECT_EQ(second.recv_until_eof(), "");
    EXPECT_EQ(host.wait_for_log("no connection to the upstream")["error"], "all servers were full for 100ms");
}

TEST(GatewayPool, ADrainEndsTheWait) {
    const NamedServer a("a");
    Gatehouse host(gateway_in_front_of(entry(a.address(), "max_connections = 1"), "queue = { timeout = \"30s\" }"));
    Client first(host.port("gateway"));
    EXPECT_EQ(name_of_server(first), "a\n");
    Client second(host.port("gateway"));
    host.wait_for_status("gateway", "two are open", [](const Record& now) { return now["open"] == "2"; });
    host.signal(SIGTERM);
    EXPECT_EQ(second.recv_until_eof(), "");
    const std::string peer = second.local_address();
    second.close();
    EXPECT_EQ(host.wait_for_closed("gateway", peer)["reason"], "drained");
    first.close();
    EXPECT_EQ(host.wait_exit(), 0);
}

} // namespace
