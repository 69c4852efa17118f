// Peers of TLS that end without a close_notify. What a client says then is taken for whole, or is not, as [tls] says; what a
// server has said is never whole, but all of it is delivered.
#include "tls_fixture.hpp"

#include <fstream>

using namespace gatehouse::support;

namespace {

class TlsTruncation : public Tls {
  protected:
    static std::vector<std::string> cutter(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), GATEHOUSE_SOURCE_DIR "/tests/e2e/tls_cutter.py");
        return arguments;
    }

    // What tls_cutter.py prints of a client that says `text` and has then ended.
    std::string client(const Gatehouse& host, const std::string& text) const {
        const Result result = run(cutter({"client", std::to_string(host.port("tls")), certificates_.ca(), text}));
        EXPECT_EQ(result.status, 0) << result.err;
        return result.out;
    }

    // Servers that answer the first byte with `size` bytes, and end in the way named. The gateway relays to them.
    std::unique_ptr<Process> server(std::size_t size, const std::string& end) const {
        auto made = std::make_unique<Process>(
            cutter({"server", certificates_ / "web.pem", certificates_ / "web.key", std::to_string(size), end}));
        EXPECT_TRUE(made->wait_output([](const std::string& out, const std::string&) { return out.ends_with('\n'); }));
        return made;
    }
    std::string gateway_in_front_of(const Process& server) const {
        return gateway_to("127.0.0.1:" + server.out().substr(0, server.out().find('\n')),
                          "tls = { ca = \"" + certificates_.ca() + "\" }");
    }
    static bool wait_until_sent(Process& server) {
        return server.wait_output([](const std::string& out, const std::string&) { return out.ends_with("sent\n"); });
    }
};

const std::string strict = "truncation = \"reset\"";

// --- clients --------------------------------------------------------------------------------------------------------------

TEST_F(TlsTruncation, OfAClientIsItsEndToAPlugin) {
    const TempDir root;
    std::ofstream(root / "index.html") << "<p>hello";
    for (const std::string version : {"1.2", "1.3"}) {
        const auto echo = host("echo", "min_version = \"" + version + "\"");
        EXPECT_EQ(client(*echo, "hello"), "5 hello whole\n");
        const Record closed = echo->wait_for_closed("tls");
        EXPECT_EQ(closed["tls_truncated"], "true");
        EXPECT_EQ(closed["reason"], "peer_closed");
    }
    const auto http = host("http", "", "", "[plugins.http]\nconfig = { root = \"" + root.path().string() + "\" }\n");
    const std::string answer = client(*http, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(answer.ends_with("<p>hello whole\n")) << answer;
    EXPECT_EQ(http->wait_for_closed("tls")["tls_truncated"], "true");
}

TEST_F(TlsTruncation, OfAClientIsPassedOnAndItsAnswerCarried) {
    Server upstream;
    const auto host = this->host("gateway", "", "", "[plugins.gateway.config]\nupstream = \"" + upstream.address() + "\"\n");
    std::thread server([&] {
        Client end = upstream.accept();
        EXPECT_EQ(end.recv_until_eof(), "question");
        end.send(std::string(1 << 20, 'x'));
    });
    EXPECT_EQ(client(*host, "question"), "1048576 xxxxxxxxxxxxxxxx whole\n");
    server.join();
    const Record closed = host->wait_for_closed("tls");
    EXPECT_EQ(closed["tls_truncated"], "true");
    EXPECT_EQ(closed["reason"], "peer_closed");
    EXPECT_EQ(closed["in"], "8");
}

TEST_F(TlsTruncation, IsNotSaidOfAClientThatHasEndedAsItShould) {
    const auto host = this->host("facts");
    EXPECT_TRUE(s_client(*host).has("version=TLS"));
    EXPECT_EQ(host->wait_for_closed("tls").fields.count("tls_truncated"), 0U);
}

TEST_F(TlsTruncation, OfAClientIsACutWhereThatIsWanted) {
    Server upstream;
    const auto relay =
        this->host("gateway", strict, "", "[plugins.gateway.config]\nupstream = \"" + upstream.address() + "\"\n");
    std::thread server([&] {
        const Client::Rest rest = upstream.accept().rest();
        EXPECT_EQ(rest.bytes, "question");
        EXPECT_TRUE(rest.reset);
    });
    EXPECT_FALSE(client(*relay, "question").ends_with("whole\n"));
    server.join();
    const Record closed = relay->wait_for_closed("tls");
    EXPECT_EQ(closed["reason"], "peer_reset");
    EXPECT_EQ(closed.fields.count("tls_truncated"), 0U);

    const auto facts = this->host("facts", strict); // which answers at the end
    EXPECT_TRUE(client(*facts, "question").starts_with("0 "));
    EXPECT_EQ(facts->wait_for_closed("tls")["reason"], "peer_closed");
}

// --- servers --------------------------------------------------------------------------------------------------------------

// By a reader that takes little at a time: a reset throws away what is in the host's send buffer.
TEST_F(TlsTruncation, OfAServerIsAResetAfterAllThatHasArrived) {
    constexpr std::size_t size = 3'000'000;
    const auto server = this->server(size, "fin");
    Gatehouse host(gateway_in_front_of(*server));
    Client client(host.port("gateway"));
    limit_receive_buffer(client.fd());
    client.send("?");
    std::string got = client.recv_exactly(100'000);
    ASSERT_TRUE(wait_until_sent(*server));
    EXPECT_EQ((got + client.recv_exactly(size - got.size())), std::string(size, 'x'));
    EXPECT_TRUE(client.rest().reset);
    const Record closed = host.wait_for_closed("gateway");
    EXPECT_EQ(closed["reason"], "upstream_reset");
    EXPECT_EQ(closed["out"], std::to_string(size));
}

// The host learns of the reset by a write to the server. What the server had said before is unread at that time.
TEST_F(TlsTruncation, OfAServerThatRefusesAnUploadLeavesItsAnswer) {
    constexpr std::size_t size = 30'000;
    const auto server = this->server(size, "refuse");
    Gatehouse host(gateway_in_front_of(*server));
    for (int i = 0; i < 10; ++i) {
        Client client(host.port("gateway"));
        std::thread upload([&] {
            try {
                for (const std::string bytes(1U << 20U, 'x');;) client.send(bytes);
            } catch (const std::system_error&) { // the server takes no more
            }
        });
        upload.join();
        EXPECT_EQ(client.rest().bytes.size(), size);
    }
    host.wait_for_status("gateway", "all have ended", [](const Record& now) { return now["open"] == "0"; });
    EXPECT_NE(host.status("gateway")["reasons"].find("upstream_reset:10"), std::string::npos) << host.status("gateway").line;
}

} // namespace
