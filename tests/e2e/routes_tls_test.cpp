// One port for plain protocols and for TLS: ended by a route, for a plugin or for the routes inside, or passed on as it is.
#include "real_servers.hpp"
#include "tls_fixture.hpp"

#include <csignal>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

std::string route(const std::string& lines) { return "[[listeners.routes]]\n" + lines + "\n"; }

class RoutesTls : public Tls {
  protected:
    RoutesTls() {
        certificates_.make("a", {"a.example"});
        certificates_.make("b", {"b.example"});
        certificates_.make("c", {"c.example"});
        std::ofstream(root_ / "index.html") << "hello\n";
    }

    // With a listener "tls" that has these routes, and no plugin of its own.
    std::unique_ptr<Gatehouse> routed(const std::string& routes, const std::string& listener = "",
                                      const std::string& sections = "") const {
        return std::make_unique<Gatehouse>(
            certificates_.section("a", "handshake_timeout = \"500ms\"") + certificates_.section("b", "alpn = [\"x\", \"y\"]") +
                "[plugins.http]\nconfig = { root = \"" + root_.path().string() + "\" }\n" + sections +
                "[[listeners]]\nname = \"tls\"\naddress = \"127.0.0.1:0\"\n" + listener + routes,
            GatehouseOptions{.plugin_path = {fixture_dir()}});
    }

    // What curl gets from https://NAME/ there.
    Result https(const Gatehouse& host, const std::string& name) const {
        const std::string port = std::to_string(host.port("tls"));
        return run({"curl", "-q", "-sS", "--noproxy", "*", "--max-time", "60", "--cacert", certificates_.ca(), "--resolve",
                    name + ":" + port + ":127.0.0.1", "https://" + name + ":" + port + "/"});
    }

    const TempDir root_;
};

TEST_F(RoutesTls, OnePortForTlsAndPlainProtocols) {
    const Sshd sshd;
    const ConfiguredServer passed_on({"openssl", "s_server", "-quiet", "-www", "-accept", "127.0.0.1:PORT", "-cert",
                                      certificates_ / "c.pem", "-key", certificates_ / "c.key"},
                                     "");
    const auto gateway = [](const std::string& name, const std::string& upstream) {
        return "[plugins." + name + "]\nlibrary = \"gateway\"\nconfig = { upstream = \"" + upstream + "\" }\n";
    };
    auto host = routed(route("sni = \"c.example\"\nplugin = \"passed_on\"") +
                           route("sni = \"b.example\"\ntls = \"b\"\nplugin = \"facts\"") + route("tls = \"a\"") +
                           route("probe = true\nplugin = \"http\"") + route("probe = \"ssh\"\nplugin = \"ssh\""),
                       "", gateway("passed_on", "127.0.0.1:" + passed_on.port()) + gateway("ssh", sshd.address()));
    const std::string port = std::to_string(host->port("tls"));

    const Result inside = https(*host, "a.example");
    EXPECT_EQ(inside.out, "hello\n") << inside.err;
    host->wait_for_log("closed", {{"plugin", "http"}, {"tls", "TLSv1.3"}, {"reason", "peer_closed"}});

    const Said named = s_client(host->port("tls"), {"-servername", "b.example", "-alpn", "y"});
    EXPECT_TRUE(named.has("version=TLSv1.3\n") && named.has("alpn=y\n") && named.has("CN = b.example")) << named;
    host->wait_for_log("closed", {{"plugin", "facts"}, {"tls", "TLSv1.3"}});

    const Result through = https(*host, "c.example");
    EXPECT_NE(through.out.find("<HTML>"), std::string::npos) << through.err;
    EXPECT_EQ(host->wait_for_log("closed", {{"plugin", "passed_on"}})["tls"], "");

    const Result plain = run({"curl", "-q", "-sS", "--noproxy", "*", "http://127.0.0.1:" + port + "/"});
    EXPECT_EQ(plain.out, "hello\n") << plain.err;
    const Result ssh = run(sshd.client(port, {Sshd::user() + "@127.0.0.1", "echo", "through", "ssh"}));
    EXPECT_EQ(ssh.out, "through ssh\n") << ssh.err;

    // SSH inside of TLS finds its way as well.
    const std::string tunnel =
        "ProxyCommand=socat - openssl:127.0.0.1:" + port + ",commonname=a.example,cafile=" + certificates_.ca();
    const Result inner_ssh = run(sshd.client(port, {"-o", tunnel, Sshd::user() + "@127.0.0.1", "echo", "inside"}));
    EXPECT_EQ(inner_ssh.out, "inside\n") << inner_ssh.err;
    host->wait_for_log("closed", {{"plugin", "ssh"}, {"tls", "TLSv1.3"}});
    EXPECT_EQ(host->terminate(), 0);
}

// The name that was asked for counts inside as well.
TEST_F(RoutesTls, NamesAndProtocolsDecideInside) {
    auto host = routed(route("sni = \"a.example\"\nprobe = \"http\"\nplugin = \"daytime\"") + route("tls = \"b\"") +
                       route("alpn = \"y\"\nplugin = \"facts\"") + route("sni = \"*.example\"\nplugin = \"http\""));
    EXPECT_TRUE(s_client(host->port("tls"), {"-alpn", "y"}).has("alpn=y\n"));
    const std::string get = "GET / HTTP/1.0\r\n\r\n";
    EXPECT_TRUE(s_client(host->port("tls"), {"-servername", "b.example"}, get).has("hello\n"));
    EXPECT_FALSE(s_client(host->port("tls"), {"-servername", "a.example"}, get).has("hello\n"));
    host->wait_for_log("closed", {{"plugin", "daytime"}, {"tls", "TLSv1.3"}});
}

// A name that was asked for in TLS which has been ended does not mean that what is inside looks like TLS.
TEST_F(RoutesTls, ARouteForTlsInsideTakesNoneOfTheOthers) {
    auto host = routed(route("tls = \"a\"") + route("probe = \"tls\"\nplugin = \"echo\"") +
                       route("sni = \"a.example\"\nplugin = \"http\""));
    const Result inside = https(*host, "a.example");
    EXPECT_EQ(inside.out, "hello\n") << inside.err;
}

// The name that a proxy was asked for does not mean that what it passes on is TLS.
TEST_F(RoutesTls, ANameFromAProxyIsNoClientHello) {
    auto host = routed(route("sni = \"a.example\"\ntls = \"a\"\nplugin = \"echo\"") + route("probe = true\nplugin = \"http\""),
                       "proxy_protocol = { from = [\"127.0.0.0/8\"] }\n");
    std::string rest("\x7f\0\0\x02\x7f\0\0\x01\x12\x34\x00\x50", 12); // addresses and ports
    rest += std::string("\x02\x00\x09", 3) + "a.example";             // PP2_TYPE_AUTHORITY
    std::string header("\r\n\r\n\0\r\nQUIT\n\x21\x11\0", 15);
    header += static_cast<char>(rest.size());
    Client client(host->port("tls"));
    client.send(header + rest + "GET / HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(client.recv_until_eof().ends_with("hello\n"));
}

// Without a close_notify: who has said nothing has cut nothing.
TEST_F(RoutesTls, WhoLeavesInSilenceHasClosed) {
    auto host = routed(route("tls = \"a\"") + route("probe = \"ssh\"\nplugin = \"echo\""));
    Process client({"openssl", "s_client", "-ign_eof", "-tls1_2", "-no_ticket", "-connect", connect_to(host->port("tls"))});
    ASSERT_TRUE(client.wait_output([](const std::string& out, const std::string& /*err*/) {
        return out.find("SSL handshake has read") != std::string::npos; // so that nothing is unread when it goes
    }));
    client.signal(SIGKILL);
    EXPECT_EQ(host->wait_for_closed("tls")["reason"], "peer_closed");
}

TEST_F(RoutesTls, WhatNobodyTakesInsideIsClosed) {
    auto host = routed(route("tls = \"a\"") + route("probe = \"ssh\"\nplugin = \"echo\""));
    const Said said = s_client(host->port("tls"), {"-servername", "a.example"}, "GET / HTTP/1.0\r\n\r\n");
    EXPECT_EQ(said.status, 0) << said; // closed in an orderly way
    host->wait_for_log("closed", {{"reason", "no_match"}, {"tls", "TLSv1.3"}});
}

TEST_F(RoutesTls, SilenceInsideMeansThatTheServerSpeaksFirst) {
    auto host = routed(route("tls = \"a\"") + route("probe = \"ssh\"\nplugin = \"echo\""),
                       "on_silence = { after = \"300ms\", plugin = \"daytime\" }\n");
    const Said said = s_client(host->port("tls"), {"-servername", "a.example"}, "");
    EXPECT_TRUE(said.has("20")) << said; // the year, at least
    host->wait_for_log("closed", {{"plugin", "daytime"}, {"tls", "TLSv1.3"}, {"reason", "done"}});
}

TEST_F(RoutesTls, AHandshakeThatStopsIsEndedAndHoldsNoThread) {
    auto host =
        routed(route("tls = \"a\"\nplugin = \"echo\"") + route("probe = \"ssh\"\nplugin = \"echo\""), "threads.max = 1\n");
    Client slow(host->port("tls"));
    slow.send(half_hello());
    host->wait_for_status("tls", "a handshake", [](const Record& now) { return now["handshakes"] == "1"; });
    Client plain(host->port("tls"));
    plain.send("SSH-2.0-x\r\n");
    EXPECT_EQ(plain.recv_exactly(11), "SSH-2.0-x\r\n");
    EXPECT_EQ(host->wait_for_closed("tls", slow.local_address())["reason"], "tls_failed");
    EXPECT_EQ(host->wait_for_log("TLS handshake failed")["error"], "handshake_timeout has passed");
    host->wait_for_status("tls", "none", [](const Record& now) { return now["handshakes"] == "0"; });
}

} // namespace
