// The gateway in front of several servers that are full: clients wait for a place.
#include "gateway_pool.hpp"
#include "named_server.hpp"

#include <csignal>
#include <gtest/gtest.h>

using namespace gatehouse::support;

namespace {

std::string name_of_server(Client& client) { return client.recv_until("\n"); }

void wait_for_waiting(const Gatehouse& host, int clients) {
    const std::string wanted = "\"waiting\": " + std::to_string(clients) + ',';
    eventually("clients wait", [&] { return control(host, {"queue", "--json"}).out.find(wanted) != std::string::npos; });
}

// One server with room for one client, who has come.
struct Full {
    explicit Full(const std::string& queue)
        : host(gateway_in_front_of(entry(a.address(), "max_connections = 1"), "queue = { " + queue + " }")),
          first(host.port("gateway")) {
        EXPECT_EQ(name_of_server(first), "a\n");
    }

    const NamedServer a{"a"};
    Gatehouse host;
    Client first;
};

TEST(GatewayQueue, ClientsWaitForAPlaceAndLoseNothing) {
    auto [a, host, first] = Full("size = 2, timeout = \"30s\"");
    Client second(host.port("gateway"));
    second.send("said while waiting\n");
    wait_for_waiting(host, 1); // or the third might come before it: they are served by two threads
    Client third(host.port("gateway"));
    wait_for_waiting(host, 2);
    EXPECT_FALSE(second.readable(std::chrono::milliseconds(100)));

    Client fourth(host.port("gateway")); // the queue is full
    const std::string peer = fourth.local_address();
    EXPECT_EQ(fourth.recv_until_eof(), "");
    EXPECT_EQ(host.wait_for_log("no connection to the upstream", {{"peer", peer}})["error"],
              "all servers are full, and the queue is full (2 clients)");

    first.close();
    EXPECT_EQ(second.recv_until("waiting\n"), "a\nsaid while waiting\n");
    third.reset(); // it goes away while it waits
    second.close();
    Client last(host.port("gateway"));
    EXPECT_EQ(name_of_server(last), "a\n");
}

TEST(GatewayQueue, WaitingEndsInTime) {
    auto [a, host, first] = Full("timeout = \"100ms\"");
    Client second(host.port("gateway"));
    EXPECT_EQ(second.recv_until_eof(), "");
    EXPECT_EQ(host.wait_for_log("no connection to the upstream")["error"], "all servers were full for 100ms");
}

TEST(GatewayQueue, ADrainEndsTheWait) {
    auto [a, host, first] = Full("timeout = \"30s\"");
    Client second(host.port("gateway"));
    wait_for_waiting(host, 1);
    host.signal(SIGTERM);
    EXPECT_EQ(second.recv_until_eof(), "");
    const std::string peer = second.local_address();
    second.close();
    EXPECT_EQ(host.wait_for_closed("gateway", peer)["reason"], "drained");
    first.close();
    EXPECT_EQ(host.wait_exit(), 0);
}

} // namespace
