// Urgent data (MSG_OOB) is data like all other. A read stops short where it begins, and what is behind it must not be left
// there.
#include "tls_fixture.hpp"

using namespace gatehouse::support;

namespace {

void send_urgently(const Client& client, char byte) { ASSERT_EQ(::send(client.fd(), &byte, 1, MSG_OOB | MSG_NOSIGNAL), 1); }

void expect_all_echoed(const std::string& address) {
    Client client(address);
    client.send("hello"); // from here on it is parked in between
    EXPECT_EQ(client.recv_exactly(5), "hello");
    for (int i = 0; i < 20; ++i) {
        client.send("before");
        send_urgently(client, '!');
        client.send("behind");
        EXPECT_EQ(client.recv_exactly(13), "before!behind");
        send_urgently(client, '?'); // nothing else
        EXPECT_EQ(client.recv_exactly(1), "?");
    }
}

TEST(Urgent, DataOverTcpIsEchoed) {
    Gatehouse host(listener("echo", "echo"));
    expect_all_echoed("127.0.0.1:" + std::to_string(host.port("echo")));
    EXPECT_EQ(host.wait_for_closed("echo")["reason"], "peer_closed");
}

TEST(Urgent, DataOverAUnixSocketIsEchoed) {
    const TempDir folder;
    const std::string address = "unix:" + (folder / "echo");
    Gatehouse host(listener("echo", "echo", "address = \"" + address + "\""));
    expect_all_echoed(address);
    EXPECT_EQ(host.wait_for_closed("echo")["reason"], "peer_closed");
}

void expect_all_relayed(Client& from, Client& to) {
    for (int i = 0; i < 20; ++i) {
        from.send("before");
        send_urgently(from, '!');
        from.send("behind");
        EXPECT_EQ(to.recv_exactly(13), "before!behind");
    }
}

TEST(Urgent, DataIsRelayedBothWays) {
    Server upstream;
    Gatehouse host("[plugins.gateway]\nconfig = { upstream = \"" + upstream.address() + "\" }\n" +
                   listener("gateway", "gateway"));
    Client client(host.port("gateway"));
    Client server = upstream.accept();
    const int on = 1;
    ASSERT_EQ(::setsockopt(server.fd(), SOL_SOCKET, SO_OOBINLINE, &on, sizeof on), 0);
    ASSERT_EQ(::setsockopt(client.fd(), SOL_SOCKET, SO_OOBINLINE, &on, sizeof on), 0);
    expect_all_relayed(client, server);
    expect_all_relayed(server, client);
}

// Below TLS, from the first byte of the handshake on. tls_urgent.py prints "ok" if its messages came back whole.
class UrgentTls : public Tls {
  protected:
    std::string echo(const Gatehouse& host) const {
        const Result result =
            run({GATEHOUSE_SOURCE_DIR "/tests/e2e/tls_urgent.py", std::to_string(host.port("tls")), certificates_.ca(), "40"});
        return result.out + result.err;
    }
};

TEST_F(UrgentTls, DataIsEchoed) {
    const auto server = host("echo");
    EXPECT_EQ(echo(*server), "ok\n");
}

TEST_F(UrgentTls, DataIsRelayed) {
    const Gatehouse upstream(listener("echo", "echo"));
    const auto gateway =
        host("gateway", "", "", "[plugins.gateway]\nconfig = { upstream = \"" + upstream.address("echo") + "\" }\n");
    EXPECT_EQ(echo(*gateway), "ok\n");
}

} // namespace
