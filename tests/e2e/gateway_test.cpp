// The gateway: where it connects to, how it says that it cannot, and how a relay ends.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "own_network.hpp"
#include "relayed.hpp"

#include <gtest/gtest.h>

using namespace gatehouse::support;

namespace {

// Bytes go both ways, and both ends come through.
void expect_relay(Gatehouse& host, Server& upstream) {
    Client client(host.port("gateway"));
    Client server = upstream.accept();
    client.send("question");
    EXPECT_EQ(server.recv_exactly(8), "question");
    server.send("answer");
    EXPECT_EQ(client.recv_exactly(6), "answer");
    client.finish();
    EXPECT_EQ(server.recv_until_eof(), "");
    server.finish();
    EXPECT_EQ(client.recv_until_eof(), "");
    const Record closed = host.wait_for_closed("gateway", client.local_address());
    EXPECT_EQ(closed["in"], "8");
    EXPECT_EQ(closed["out"], "6");
    EXPECT_EQ(closed["reason"], "peer_closed");
    EXPECT_EQ(closed["upstream"], upstream.address());
}

class GatewayTo : public testing::TestWithParam<std::pair<std::string, std::string>> {};

TEST_P(GatewayTo, RelaysBothWays) {
    const TempDir dir;
    std::string address = GetParam().second;
    if (address == "unix:") address += dir / "upstream";
    Server upstream(address);
    Gatehouse host(gateway_to(upstream.address()));
    expect_relay(host, upstream);
}

INSTANTIATE_TEST_SUITE_P(Gateway, GatewayTo,
                         testing::Values(std::pair("ipv4", "127.0.0.1:0"), std::pair("ipv6", "[::1]:0"),
                                         std::pair("unix", "unix:")),
                         [](const auto& test) { return test.param.first; });

TEST(Gateway, UpstreamMayBeAName) {
    Server upstream; // listens on 127.0.0.1 alone; where localhost is ::1 as well, that is tried first
    Gatehouse host(gateway_to("localhost:" + port_of(upstream.address())));
    expect_relay(host, upstream);
}

TEST(Gateway, TheClientsHalfCloseIsPassedOn) {
    auto [upstream, host, client, server] = Relayed();
    client.send("all I have");
    client.finish();
    EXPECT_EQ(server.recv_until_eof(), "all I have");
    server.send("an answer all the same");
    server.close();
    EXPECT_EQ(client.recv_until_eof(), "an answer all the same");
}

TEST(Gateway, TheUpstreamsHalfCloseIsPassedOn) {
    auto [upstream, host, client, server] = Relayed();
    server.send("that was all");
    server.finish();
    EXPECT_EQ(client.recv_until_eof(), "that was all");
    client.send("thanks");
    client.close();
    EXPECT_EQ(server.recv_until_eof(), "thanks");
    server.close();
    EXPECT_EQ(host.wait_for_closed("gateway")["reason"], "upstream_closed");
}

TEST(Gateway, UpstreamIsDown) {
    const ReservedAddress nobody;
    Gatehouse host(gateway_to(nobody.address()));
    Client client(host.port("gateway"));
    const std::string peer = client.local_address();
    EXPECT_EQ(client.recv_until_eof(), "");
    client.close();
    const Record warning = host.wait_for_log("no connection to the upstream", {{"peer", peer}});
    EXPECT_EQ(warning.level(), "warning");
    EXPECT_EQ(warning["listener"], "gateway");
    EXPECT_EQ(warning["error"], "upstream " + nobody.address() + ": Connection refused");
    EXPECT_EQ(warning["cause"], "refused");
    const Record closed = host.wait_for_closed("gateway", peer);
    EXPECT_EQ(closed["reason"] + ' ' + closed["cause"], "upstream_failed refused");
}

TEST(Gateway, UpstreamSocketIsNotThere) {
    const TempDir dir;
    Gatehouse host(gateway_to("unix:" + dir / "none"));
    Client client(host.port("gateway"));
    EXPECT_EQ(client.recv_until_eof(), "");
    EXPECT_EQ(host.wait_for_log("no connection to the upstream")["error"],
              "upstream unix:" + dir / "none" + ": No such file or directory");
}

TEST(Gateway, ANameThatDoesNotResolveIsNamed) {
    Gatehouse host(gateway_to("nobody.invalid:80", "connect_timeout = \"2s\"")); // RFC 6761: never resolves
    Client client(host.port("gateway"));
    EXPECT_EQ(client.recv_until_eof(), "");
    const Record warning = host.wait_for_log("no connection to the upstream");
    EXPECT_TRUE(warning["error"].starts_with("there is no server: nobody.invalid:80: ")) << warning.line;
}

// The upstream's accept queue is full, so its kernel does not answer.
TEST(Gateway, ConnectTimeoutEndsTheWait) {
    const Server upstream("127.0.0.1:0", 0);
    const Client in_the_queue(upstream.address());
    Gatehouse host(gateway_to(upstream.address(), "connect_timeout = \"200ms\""));
    Client client(host.port("gateway"));
    EXPECT_EQ(client.recv_until_eof(), "");
    EXPECT_EQ(host.wait_for_log("no connection to the upstream")["error"],
              "upstream " + upstream.address() + ": Connection timed out");
}

// Connecting to a port of this machine that nobody listens on may be given that very port, and is then connected to itself: it
// would wait for ever, and the server could not come back. In a network namespace that has no other port it always is.
TEST(Gateway, AConnectionToItselfIsNone) {
    const OwnNetwork network("echo 40000 40000 > /proc/sys/net/ipv4/ip_local_port_range");
    if (!network.impossible.empty()) GTEST_SKIP() << network.impossible;
    const TempDir dir;
    const std::string address = "unix:" + dir / "gateway";
    Gatehouse host(gateway_to("127.0.0.1:40000", "", "address = \"" + address + '"'), {.wrapper = network.wrapper});
    Client client(address);
    EXPECT_EQ(client.recv_until_eof(), "");
    EXPECT_EQ(host.wait_for_log("no connection to the upstream")["error"], "upstream 127.0.0.1:40000: Connection refused");
}

// A cut stream must not look like a whole one.
TEST(Gateway, TheUpstreamsResetReachesTheClient) {
    auto [upstream, host, client, server] = Relayed();
    client.send("hello");
    EXPECT_EQ(server.recv_exactly(5), "hello");
    server.reset();
    EXPECT_TRUE(client.rest().reset);
    EXPECT_EQ(host.wait_for_closed("gateway")["reason"], "upstream_reset");
}

TEST(Gateway, TheClientsResetReachesTheUpstream) {
    auto [upstream, host, client, server] = Relayed();
    client.send("hello");
    EXPECT_EQ(server.recv_exactly(5), "hello");
    client.reset();
    EXPECT_TRUE(server.rest().reset);
    EXPECT_EQ(host.wait_for_closed("gateway")["reason"], "peer_reset");
}

} // namespace
