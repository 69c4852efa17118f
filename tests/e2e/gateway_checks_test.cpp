// What health checks say to servers, and what they make of the answers: nginx, HAProxy, Redis, openssl, and servers of the
// test's own.
#include "gateway_pool.hpp"
#include "real_servers.hpp"
#include "tls_fixture.hpp"

#include <atomic>
#include <exception>
#include <functional>
#include <poll.h>
#include <thread>

using namespace gatehouse::support;

namespace {

// A server that has the same dialogue with every client.
class ScriptedServer {
  public:
    explicit ScriptedServer(std::function<void(Client&)> script) : script_(std::move(script)), thread_([this] { run(); }) {}
    ~ScriptedServer() {
        stopping_ = true;
        thread_.join();
    }
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;
    const std::string& address() const noexcept { return server_.address(); }

  private:
    void run() {
        while (!stopping_) {
            pollfd waiting{server_.fd(), POLLIN, 0};
            if (::poll(&waiting, 1, 5) <= 0) continue;
            try {
                Client client = server_.accept();
                script_(client);
            } catch (const std::exception&) { // it has gone already
            }
        }
    }

    Server server_;
    const std::function<void(Client&)> script_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

class GatewayChecks : public Tls {
  protected:
    // What the check of this server comes to: "ok", or why not. `health`: further keys; `more`: lines of the plugin.
    static std::string checked(const std::string& address, const std::string& health, const std::string& more = "") {
        const std::string timeout = health.find("timeout") == std::string::npos ? "timeout = \"10s\", " : "";
        Gatehouse host(
            gateway_in_front_of(entry(address), "health = { interval = \"20ms\", " + timeout + health + " }\n" + more));
        std::string row;
        eventually("a check has ended", [&] {
            row = control(host, {"servers", "--json"}).out;
            return row.find("\"check\": \"") != std::string::npos && row.find("\"check\": \"\"") == std::string::npos;
        });
        const std::size_t from = row.find("\"check\": \"") + 10;
        return row.substr(from, row.find("\", \"last error\"", from) - from);
    }
    std::string tls() const { return "tls = { ca = \"" + certificates_.ca() + "\", server_name = \"localhost\" }"; }
};

// --- HTTP -----------------------------------------------------------------------------------------------------------------

TEST_F(GatewayChecks, NginxIsAskedByTheNameOfTheServer) {
    const ConfiguredServer nginx({"nginx", "-c", "CONFIG", "-p", "DIR"}, R"(daemon off; error_log stderr; pid DIR/pid;
        events {}
        http {
          access_log off;
          server { listen 127.0.0.1:PORT default_server; return 503; }
          server { listen 127.0.0.1:PORT; server_name localhost; location = /healthz { return 204; } }
        })");
    const std::string path = "http = \"/healthz\"";
    EXPECT_EQ(checked("127.0.0.1:" + nginx.port(), path), "HTTP status 503");
    EXPECT_EQ(checked("127.0.0.1:" + nginx.port(), path + ", http_host = \"localhost\""), "ok");
    Gatehouse host(gateway_in_front_of(entry("localhost:" + nginx.port()), "health = { interval = \"20ms\", " + path + " }"));
    eventually("the name is good", [&] { return cell(host, "127.0.0.1:" + nginx.port(), "check") == "ok"; });
}

TEST_F(GatewayChecks, NginxAnswersByHttps) {
    const ConfiguredServer nginx({"nginx", "-c", "CONFIG", "-p", "DIR"},
                                 "daemon off; error_log stderr; pid DIR/pid;\nevents {}\nhttp { access_log off;\n"
                                 "server { listen 127.0.0.1:PORT ssl; return 200;\nssl_certificate " +
                                     (certificates_ / "web.pem") + ";\nssl_certificate_key " + (certificates_ / "web.key") +
                                     "; } }");
    const std::string address = "127.0.0.1:" + nginx.port();
    EXPECT_EQ(checked(address, "http = \"/\"", tls()), "ok");
    EXPECT_EQ(checked(address, "http = \"/\", close = \"fin\"", tls()), "ok");
    EXPECT_EQ(checked(address, "http = \"/\", tls = false", tls()), "HTTP status 400") << "plain, on a port for TLS";
}

TEST_F(GatewayChecks, HaproxyAnswersOnAnotherPort) {
    const ReservedAddress unused;
    const ConfiguredServer haproxy({"haproxy", "-db", "-f", "CONFIG"},
                                   "defaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n"
                                   "frontend checks\n bind 127.0.0.1:PORT\n"
                                   " http-request return status 200 if { path /up } { req.hdr(host) -m beg 127.0.0.1: }\n"
                                   " http-request deny deny_status 404\n");
    EXPECT_EQ(checked(unused.address(), "http = \"/up\", port = " + haproxy.port(), "proxy_protocol = \"v2\""), "ok");
    EXPECT_EQ(checked(unused.address(), "http = \"/down\", port = " + haproxy.port()), "HTTP status 404");
    EXPECT_EQ(checked(unused.address(), "http = \"/up\""), "Connection refused");
}

TEST_F(GatewayChecks, InterimAnswersArePassedOver) {
    for (const auto& [last, verdict] :
         {std::pair("HTTP/1.1 200 OK\r\n\r\n", "ok"), std::pair("HTTP/1.1 503 No\r\n\r\n", "HTTP status 503")}) {
        const ScriptedServer server([last = last](Client& client) {
            client.recv_until("\r\n\r\n");
            client.send("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n");
            client.send(last);
        });
        EXPECT_EQ(checked(server.address(), "http = \"/\""), verdict);
    }
}

// --- text and bytes -------------------------------------------------------------------------------------------------------

TEST_F(GatewayChecks, RedisTellsItsRole) {
    const Redis redis;
    EXPECT_EQ(checked(redis.tcp(), "send = \"PING\\r\\n\", expect_hex = \"2b 50 4f 4e 47 0d 0a\""), "ok");
    const auto role = [&](const std::string& wanted) {
        return checked(redis.tcp(), "timeout = \"500ms\", steps = [{ send = \"PING\\r\\n\", expect = \"+PONG\" }, { send = "
                                    "\"INFO replication\\r\\n\", expect = \"role:" +
                                        wanted + "\" }, { send = \"QUIT\\r\\n\", expect = \"+OK\" }]");
    };
    EXPECT_EQ(role("master"), "ok");
    EXPECT_EQ(role("slave"), "step 2: no complete answer within 500 ms");
}

// A greeting that comes in pieces, answers of several lines, and an orderly end.
TEST_F(GatewayChecks, AMailServerSpeaksFirst) {
    const std::string steps = "steps = [{ expect = \"220 \" }, { send = \"EHLO gateway.example\\r\\n\", expect = \"250 \" }, "
                              "{ send = \"QUIT\\r\\n\", expect = \"221\" }]";
    // How the first check ends: the end of the host cuts a later one short.
    enum End { none, in_order, reset };
    const auto end = [&](const std::string& more) {
        std::atomic<End> first{none};
        const ScriptedServer server([&](Client& client) {
            client.send("220-mail.example ES");
            client.send("MTP\r\n220 ready\r\n");
            client.recv_until("EHLO gateway.example\r\n");
            client.send("250-mail.example\r\n250-SIZE 22100000\r\n250 HELP\r\n");
            client.recv_until("QUIT\r\n");
            client.send("221 bye\r\n");
            End nothing_yet = none;
            first.compare_exchange_strong(nothing_yet, client.rest().reset ? reset : in_order);
        });
        EXPECT_EQ(checked(server.address(), steps + more), "ok");
        eventually("it has ended", [&] { return first != none; });
        return first.load();
    };
    EXPECT_EQ(end(", close = \"fin\""), in_order);
    EXPECT_EQ(end(""), reset);
}

TEST_F(GatewayChecks, BytesThatAreNoText) {
    const ScriptedServer server([](Client& client) {
        const std::string question = client.recv_exactly(2);
        client.send(question == std::string("\xd2\0", 2) ? std::string("\0\xff", 2) : "?");
        client.rest();
    });
    EXPECT_EQ(checked(server.address(), "send_hex = \"d2 00\", expect_hex = \"00FF\""), "ok");
    EXPECT_EQ(checked(server.address(), "send_hex = \"d2 01\", expect_hex = \"00FF\""), "the answer is not as expected");
}

// --- TLS ------------------------------------------------------------------------------------------------------------------

TEST_F(GatewayChecks, OpensslIsVerified) {
    const ConfiguredServer server({"openssl", "s_server", "-www", "-accept", "127.0.0.1:PORT", "-cert",
                                   certificates_ / "web.pem", "-key", certificates_ / "web.key"},
                                  "");
    const std::string address = "127.0.0.1:" + server.port();
    for (const char* close : {"close = \"reset\"", "close = \"fin\""}) EXPECT_EQ(checked(address, close, tls()), "ok");
    EXPECT_EQ(checked(address, "send = \"GET / HTTP/1.0\\r\\n\\r\\n\", expect = \"HTTP/1.0 200 ok\"", tls()), "ok");
    EXPECT_EQ(checked(address, "close = \"reset\"", "tls = true").substr(0, 30), "TLS: certificate verify failed");
    const std::string other = "tls = { ca = \"" + certificates_.ca() + "\", server_name = \"other.example\" }";
    EXPECT_NE(checked(address, "close = \"fin\"", other).find("it is not for other.example"), std::string::npos);
    EXPECT_EQ(checked(address, "tls = false", tls()), "ok") << "it accepts connections";
}

TEST_F(GatewayChecks, TlsServersThatSayNothingOrGo) {
    const ScriptedServer silent([](Client& client) { client.rest(); });
    EXPECT_EQ(checked(silent.address(), "timeout = \"100ms\"", tls()), "no TLS handshake within 100 ms");
    const ScriptedServer gone([](Client& client) { client.recv_exactly(5); });
    const std::string why = checked(gone.address(), "close = \"fin\"", tls());
    EXPECT_TRUE(why.starts_with("TLS: the server has ")) << why;
    const ScriptedServer plain([](Client& client) {
        client.send("220 I do not speak TLS\r\n");
        client.rest();
    });
    EXPECT_EQ(checked(plain.address(), "close = \"fin\"", tls()).substr(0, 5), "TLS: ");
}

// A header in plain, the handshake, and then the question.
TEST_F(GatewayChecks, TheProxyHeaderGoesBeforeTls) {
    Gatehouse behind(certificates_.section("web") +
                     listener("up", "http", "tls = \"web\"\nproxy_protocol.from = [\"127.0.0.0/8\"]") +
                     "\n[plugins.http.config]\nroot = \"" + certificates_.dir().path().string() + "\"\n");
    EXPECT_EQ(checked(behind.address("up"), "http = \"/ca.pem\"", tls() + "\nproxy_protocol = \"v2\""), "ok");
    EXPECT_EQ(checked(behind.address("up"), "close = \"fin\"", tls() + "\nproxy_protocol = \"v1\""), "ok");
}

} // namespace
