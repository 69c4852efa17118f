// What follows from a change of a gateway's servers: connections end, clients wait, orders come and go.
#include "gateway_pool.hpp"
#include "named_server.hpp"

#include <gtest/gtest.h>

using namespace gatehouse::support;

namespace {

// The checks ask another server, so that the client's own one does not end its connection.
TEST(GatewayChanges, ConnectionsOfAServerThatIsDownEnd) {
    const NamedServer a("a");
    NamedServer agent("agent");
    Gatehouse host(gateway_in_front_of(entry(a.address(), "name = \"a\""),
                                       "health = { address = \"127.0.0.1\", port = " + port_of(agent.address()) +
                                           ", interval = \"20ms\", start = \"down\" }\non_down = \"cut\""));
    Client client(host.port("gateway"));
    EXPECT_EQ(client.recv_until("\n"), "a\n") << "it has waited for the first check";
    agent.stop();
    EXPECT_TRUE(client.rest().reset);
    EXPECT_EQ(host.wait_for_closed("gateway", client.local_address())["reason"], "ended");
    EXPECT_EQ(cell(host, "a", "state"), "down");
}

TEST(GatewayChanges, ConnectionsOfABackupEndWhenThePrimaryIsUp) {
    NamedServer a("a");
    const NamedServer b("b");
    a.stop();
    Gatehouse host(
        gateway_in_front_of(entry(a.address(), "name = \"a\"") + ", " + entry(b.address(), "backup = true"),
                            "health = { interval = \"20ms\", rise = 1, start = \"down\" }\non_up = \"cut_backups\""));
    Client client(host.port("gateway"));
    EXPECT_EQ(client.recv_until("\n"), "b\n");
    a.start();
    EXPECT_TRUE(client.rest().reset);
    EXPECT_EQ(host.wait_for_closed("gateway", client.local_address())["reason"], "ended");
    EXPECT_EQ(reached(host, 2), "aa");
}

TEST(GatewayChanges, OrdersComeAndGo) {
    const NamedServer a("a"), b("b");
    Gatehouse host(gateway_in_front_of(entry(a.address(), "name = \"a\", max_per_source = 1")));
    EXPECT_EQ(control(host, {"add", b.address(), "name=b", "reason", "more room"}).err, "");
    EXPECT_EQ(control(host, {"weight", "a", "0"}).err, "");
    Client client(host.port("gateway"));
    EXPECT_EQ(client.recv_until("\n"), "b\n");
    EXPECT_EQ(control(host, {"order", "remove", "2"}).err, "");
    EXPECT_EQ(control(host, {"disable", "a", "for", "100ms"}).err, "");
    wait_for_text(host,
                  "server a (" + a.address() + ") is enabled, since the time of an order is over; 2 of 2 servers available");
    const std::string orders = control(host, {"orders"}).out;
    EXPECT_NE(orders.find("more room"), std::string::npos) << orders;
    EXPECT_EQ(orders.find("disable"), std::string::npos) << orders;
    EXPECT_EQ(control(host, {"remove", "b"}).err, "");
    EXPECT_EQ(cell(host, "b", "state"), "removed");
    Client one(host.port("gateway"));
    EXPECT_EQ(one.recv_until("\n"), "a\n");
    Client two(host.port("gateway"));
    EXPECT_EQ(two.recv_until_eof(), "") << "max_per_source";
    client.send("still here\n");
    EXPECT_EQ(client.recv_until("\n"), "still here\n");
}

} // namespace
