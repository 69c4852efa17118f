// Peers that have said close_notify and are then reset while bytes are on their way to them: the write fails, and that
// connection alone ends. To OpenSSL such a write looks like an orderly end.
#include "tls_fixture.hpp"

#include <csignal>

using namespace gatehouse::support;

namespace {

const std::string quitter = GATEHOUSE_SOURCE_DIR "/tests/e2e/tls_quitter.py";

// Sends until the host resets the connection.
class Flood {
  public:
    explicit Flood(Client& to)
        : fd_(to.fd()), thread_([&to] {
              try {
                  for (const std::string bytes(1U << 20U, 'x');;) to.send(bytes);
              } catch (const std::system_error& error) {
                  EXPECT_TRUE(error.code() == std::errc::connection_reset || error.code() == std::errc::broken_pipe)
                      << error.what();
              } catch (const std::runtime_error& error) {
                  ADD_FAILURE() << "the connection was not reset: " << error.what();
              }
          }) {}
    ~Flood() { thread_.join(); }
    Flood(const Flood&) = delete;
    Flood& operator=(const Flood&) = delete;

    // The host has read all it can, and keeps what its other side does not take.
    void wait_until_stuck() const {
        eventually("the host takes no more", [&] {
            pollfd socket{fd_, POLLOUT, 0};
            return ::poll(&socket, 1, 100) == 0;
        });
    }

  private:
    const int fd_;
    std::thread thread_;
};

class TlsReset : public Tls {
  protected:
    // A client that has ended its side, has got the first bytes of its answer, and reads no more.
    std::unique_ptr<Process> quitting_client(const Gatehouse& host) const {
        return std::make_unique<Process>(
            std::vector<std::string>{quitter, "client", std::to_string(host.port("tls")), certificates_.ca()});
    }
    static void wait_until_answered(Process& client) {
        ASSERT_TRUE(client.wait_output([](const std::string& out, const std::string&) { return out == "answered\n"; }))
            << client.err();
    }

    // Several connections, so that each relay thread has one.
    static void expect_relayed(Gatehouse& host, std::string_view listener) {
        for (int i = 0; i < 8; ++i) {
            Client client(host.port(listener));
            EXPECT_TRUE(client.echoes("hello"));
        }
    }
};

std::string with_echo_behind(const std::string& name, const TempDir& dir) {
    const std::string socket = "unix:" + dir / "echo";
    return listener("echo", "echo", "address = \"" + socket + "\"\n") +
           instance(name, "gateway", "upstream = \"" + socket + "\"");
}

TEST_F(TlsReset, OfARelaysClientsEndsTheirRelaysAlone) {
    Server upstream;
    const auto host = this->host("gateway", "", "",
                                 "[plugins.gateway.config]\nupstream = \"" + upstream.address() + "\"\n" +
                                     with_echo_behind("other", certificates_.dir()));
    std::vector<std::unique_ptr<Process>> clients;
    std::vector<Client> ends;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(quitting_client(*host));
        ends.push_back(upstream.accept());
        EXPECT_EQ(ends.back().recv_until_eof(), "?");
    }
    {
        const Flood first(ends[0]), second(ends[1]), third(ends[2]);
        for (const auto& client : clients) wait_until_answered(*client);
        for (const Flood* flood : {&first, &second, &third}) flood->wait_until_stuck();
        for (const auto& client : clients) client->signal(SIGKILL);
    }
    host->wait_for_status("tls", "all have ended", [](const Record& now) { return now["open"] == "0"; });
    EXPECT_NE(host->status("tls")["reasons"].find("peer_reset:3"), std::string::npos) << host->status("tls").line;
    expect_relayed(*host, "other");
    EXPECT_EQ(host->terminate(), 0);
}

TEST_F(TlsReset, OfAServerThatRefusesUploadsEndsTheirRelaysAlone) {
    Process server({quitter, "server", certificates_ / "web.pem", certificates_ / "web.key"});
    ASSERT_TRUE(server.wait_output([](const std::string& out, const std::string&) { return out.ends_with('\n'); }));
    const std::string port = server.out().substr(0, server.out().find('\n'));
    Gatehouse host(
        instance("gateway", "gateway", "upstream = \"127.0.0.1:" + port + "\", tls = { ca = \"" + certificates_.ca() + "\" }") +
        with_echo_behind("other", certificates_.dir()));
    Client one(host.port("gateway")), two(host.port("gateway"));
    {
        const Flood first(one), second(two);
        for (Client* client : {&one, &two}) {
            const std::string answer = client->recv_until("\r\n\r\n");
            EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 ")) << answer;
            EXPECT_TRUE(client->ends()); // the host knows of the close_notify
        }
        for (const Flood* flood : {&first, &second}) flood->wait_until_stuck();
        server.signal(SIGKILL);
    }
    host.wait_for_status("gateway", "both have ended", [](const Record& now) { return now["open"] == "0"; });
    EXPECT_NE(host.status("gateway")["reasons"].find("upstream_reset:2"), std::string::npos) << host.status("gateway").line;
    expect_relayed(host, "other");
    EXPECT_EQ(host.terminate(), 0);
}

TEST_F(TlsReset, OfAClientEndsThePluginsAnswer) {
    const auto host = this->host("answers_at_end");
    const auto client = quitting_client(*host);
    wait_until_answered(*client);
    client->signal(SIGKILL);
    EXPECT_EQ(host->wait_for_closed("tls")["reason"], "peer_reset");
}

} // namespace
