// Deadlines end connections in every phase of their life, and what was written last still arrives.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "relayed.hpp"

#include <gtest/gtest.h>
#include <system_error>

using namespace gatehouse::support;

namespace {

// Says hello to the echo, and reads what comes until the host has had enough of waiting for more.
std::string hello_and_wait(const Gatehouse& host) {
    Client client(host.port("echo"));
    client.send("hello");
    return client.recv_until_eof();
}

TEST(Deadline, FirstByteTimeoutEndsSilentClients) {
    Gatehouse host(listener("echo", "echo", "first_byte_timeout = \"100ms\""));
    Client client(host.port("echo"));
    EXPECT_EQ(client.recv_until_eof(), "");
    EXPECT_EQ(host.wait_for_closed("echo", client.local_address())["reason"], "first_byte_timeout");
}

TEST(Deadline, IdleTimeoutEndsParkedConnections) {
    Gatehouse host(listener("echo", "echo", "idle_timeout = \"100ms\""));
    EXPECT_EQ(hello_and_wait(host), "hello");
    EXPECT_EQ(host.wait_for_closed("echo")["reason"], "idle_timeout");
}

TEST(Deadline, IdleTimeoutEndsBlockedConnections) {
    Gatehouse host(listener("echo", "blocking_echo", "idle_timeout = \"100ms\""), with_blocking_echo());
    EXPECT_EQ(hello_and_wait(host), "hello");
    EXPECT_EQ(host.wait_for_closed("echo")["reason"], "idle_timeout");
}

TEST(Deadline, IdleTimeoutEndsRelayedConnections) {
    auto [upstream, host, client, server] = Relayed("", "idle_timeout = \"100ms\"");
    client.send("hello");
    EXPECT_EQ(server.recv_exactly(5), "hello");
    const std::string peer = client.local_address();
    EXPECT_TRUE(client.rest().reset); // a cut stream must not look like a whole one
    EXPECT_TRUE(server.rest().reset);
    EXPECT_EQ(host.wait_for_closed("gateway", peer)["reason"], "idle_timeout");
}

// One side has finished in an orderly way; the other is cut all the same.
TEST(Deadline, IdleTimeoutResetsHalfClosedRelays) {
    Server upstream;
    Gatehouse host(gateway_to(upstream.address(), "idle_timeout = \"100ms\""));
    Client client(host.port("gateway"));
    Client server = upstream.accept();
    client.send("all I have");
    client.finish();
    EXPECT_EQ(server.recv_until_eof(), "all I have");
    EXPECT_TRUE(client.rest().reset);
    EXPECT_THROW(for (const Deadline deadline; !deadline.passed();) server.send("an answer that comes too late"),
                 std::system_error);
    EXPECT_EQ(host.wait_for_closed("gateway")["reason"], "idle_timeout");
}

// One side has gone, and the other one says nothing. Bytes that still come put it off.
TEST(Deadline, HalfCloseTimeoutOfARelay) {
    for (const bool by_client : {true, false}) {
        auto [upstream, host, client, server] = Relayed("", "half_close_timeout = \"2s\"");
        Client& ended = by_client ? client : server;
        Client& silent = by_client ? server : client;
        ended.finish();
        EXPECT_EQ(silent.recv_until_eof(), "");
        for (int i = 0; i < 3; ++i) {
            EXPECT_FALSE(ended.readable(std::chrono::milliseconds(700)));
            silent.send("x");
            EXPECT_EQ(ended.recv_exactly(1), "x");
        }
        const Record closed = host.wait_for_closed("gateway", client.local_address());
        EXPECT_EQ(closed["reason"], "idle_timeout");
        EXPECT_GT(closed.number("ms"), 4000);
        EXPECT_TRUE(ended.rest().reset);
    }
}

TEST(Deadline, HalfCloseTimeoutIsForHalfClosedRelaysOnly) {
    auto [upstream, host, client, server] = Relayed("", "half_close_timeout = \"100ms\"");
    EXPECT_FALSE(client.readable(std::chrono::milliseconds(400)));
    client.send("x");
    EXPECT_EQ(server.recv_exactly(1), "x");
    client.finish();
    EXPECT_EQ(host.wait_for_closed("gateway", client.local_address())["reason"], "idle_timeout");
}

TEST(Deadline, TheGatewaysOwnIdleTimeoutCounts) {
    auto [upstream, host, client, server] = Relayed("", "", "idle_timeout = \"100ms\"");
    client.rest();
    EXPECT_EQ(host.wait_for_closed("gateway", client.local_address())["reason"], "idle_timeout");
}

TEST(Deadline, IdleTimeoutEndsConnectionsThatTakeNothing) {
    Gatehouse host(listener("chargen", "chargen", "idle_timeout = \"100ms\"\nsend_buffer = \"16KiB\""));
    const Client client(host.port("chargen"));
    EXPECT_EQ(host.wait_for_closed("chargen", client.local_address())["reason"], "idle_timeout");
}

class Lifetime : public testing::TestWithParam<std::string> {};

// Bytes that keep coming push out no lifetime.
TEST_P(Lifetime, EndsBusyConnections) {
    Gatehouse host(listener("echo", GetParam(), "lifetime = \"300ms\""), with_blocking_echo());
    Client client(host.port("echo"));
    const std::string peer = client.local_address();
    EXPECT_THROW(
        for (const Deadline deadline; !deadline.passed();) {
            client.send("x");
            client.recv_exactly(1);
        },
        std::runtime_error);
    client.close();
    EXPECT_EQ(host.wait_for_closed("echo", peer)["reason"], "lifetime");
}

INSTANTIATE_TEST_SUITE_P(Deadline, Lifetime, testing::Values("echo", "blocking_echo"),
                         [](const auto& test) { return test.param; });

TEST(Deadline, LifetimeEndsRelayedConnections) {
    auto [upstream, host, client, server] = Relayed("", "lifetime = \"300ms\"");
    const std::string peer = client.local_address();
    EXPECT_THROW(
        for (const Deadline deadline; !deadline.passed();) {
            client.send("x");
            server.recv_exactly(1);
        },
        std::system_error); // a reset, and not the end of a stream
    EXPECT_EQ(host.wait_for_closed("gateway", peer)["reason"], "lifetime");
}

// What a client still sends must not turn the answer that it was given into a reset.
TEST(Deadline, ThePluginsOwnIsATickAndEndsNothing) {
    Gatehouse host(listener("ticker", "ticker"), with_fixtures());
    Client client(host.port("ticker"));
    EXPECT_EQ(client.recv_exactly(15), "tick\ntick\ntick\n");
    client.finish();
    client.recv_until_eof();
    EXPECT_EQ(host.wait_for_closed("ticker", client.local_address())["reason"], "peer_closed");
}

TEST(Deadline, ThePluginsOwnEndsAConnectAndNotTheConnection) {
    Gatehouse host(listener("ticker", "ticker"), with_fixtures());
    const Server full("127.0.0.1:0", 0), open;
    const Client other(full.address()); // has the only place of the queue
    Client client(host.port("ticker"));
    client.send(full.address());
    client.recv_until("too late\ntick\n");
    client.send(open.address());
    client.recv_until("connected\ntick\n");
    client.close();
    EXPECT_EQ(host.wait_for_closed("ticker")["reason"], "peer_closed");
}

TEST(Deadline, LingerDeliversTheAnswerToWhoIsStillSending) {
    const TempDir root;
    Gatehouse host(http_from(root));
    for (int round = 0; round < 20; ++round) {
        Client client(host.port("http"));
        client.send("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
        try {
            client.send(std::string(1'000'000, 'x'));
        } catch (const std::system_error&) { // the host may have heard enough; what it said counts
        }
        const Client::Rest rest = client.rest();
        EXPECT_TRUE(rest.bytes.starts_with("HTTP/1.1 413 ")) << rest.bytes;
    }
}

TEST(Deadline, LingerEndsWithClientsThatNeverClose) {
    Gatehouse host(listener("daytime", "daytime", "linger_timeout = \"100ms\""));
    const Client client(host.port("daytime"));
    EXPECT_EQ(host.wait_for_closed("daytime", client.local_address())["reason"], "done");
}

} // namespace
