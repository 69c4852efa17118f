// The gateway speaks TLS to its servers: openssl, nginx, HAProxy, socat, and this program as one that tells what it was asked.
#include "random_bytes.hpp"
#include "real_servers.hpp"
#include "tls_fixture.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace gatehouse::support;

namespace {

const std::string in_host = "[host]\nplugin_path = \"" + plugin_dir() + "\"\n"; // for what is not run by a Gatehouse object

// A program that listens on a port of the test's choice.
class Program {
  public:
    // `argv_of`: the command, for "127.0.0.1:PORT".
    template <class ArgvOf>
    explicit Program(ArgvOf argv_of) : process_(argv_of(address())) {
        eventually("the server listens", [&] { return !refused(address()); });
    }
    const std::string& address() const noexcept { return reserved_.address(); }
    Process& process() noexcept { return process_; }

  private:
    ReservedAddress reserved_;
    Process process_;
};

class GatewayTls : public Tls {
  public:
    // openssl s_server, which answers every request with what was agreed on.
    std::unique_ptr<Program> s_server(const std::string& certificate, const std::string& key,
                                      std::vector<std::string> options = {"-www"}) const {
        return std::make_unique<Program>([&](const std::string& address) {
            options.insert(options.begin(), {"openssl", "s_server", "-accept", address, "-cert", certificate, "-key", key});
            return options;
        });
    }
    std::unique_ptr<Program> s_server(std::vector<std::string> options = {"-www"}) const {
        return s_server(certificates_ / "web.pem", certificates_ / "web.key", std::move(options));
    }

    // The `tls` key: a table with our authority and these.
    std::string tls(const std::string& more = "") const {
        return "tls = { ca = \"" + certificates_.ca() + "\"" + (more.empty() ? "" : ", " + more) + " }";
    }

    // One that answers "?", behind the listener "up".
    std::string telling_server(std::string_view more = "") const {
        return certificates_.section("web", more) +
               listener("up", "facts", "address = \"unix:" + certificates_ / "up" + "\"\ntls = \"web\"\n");
    }
    std::string its_address() const { return "unix:" + certificates_ / "up"; }

    // What a client of a gateway with this server is not given, and why.
    static std::string failure(const std::string& upstream, const std::string& settings) {
        Gatehouse host(gateway_to(upstream, settings));
        Client client(host.port("gateway"));
        EXPECT_EQ(client.recv_until_eof(), "");
        client.close();
        EXPECT_EQ(host.wait_for_closed("gateway")["cause"], "tls");
        const Record record = host.wait_for_log("no connection to the upstream");
        EXPECT_EQ(record.level(), "warning");
        EXPECT_EQ(record["listener"], "gateway");
        return record["error"];
    }

    static std::string fetch(std::uint16_t port, const std::string& path = "/") {
        const Result result =
            run({"curl", "-q", "-sS", "--noproxy", "*", "--max-time", "60", "http://" + connect_to(port) + path});
        EXPECT_EQ(result.status, 0) << result.err;
        return result.out;
    }
};

std::string ask(std::uint16_t port) {
    Client client(port);
    client.send("?");
    return client.recv_until_eof();
}

// --- it works -------------------------------------------------------------------------------------------------------------

TEST_F(GatewayTls, CurlThroughAPlainListener) {
    for (const char* version : {"-tls1_2", "-tls1_3"}) {
        const auto server = s_server({"-www", version});
        Gatehouse host(gateway_to(server->address(), tls()));
        const std::string answer = fetch(host.port("gateway"));
        EXPECT_NE(answer.find(version[6] == '2' ? "New, TLSv1.2, Cipher is ECDHE" : "New, TLSv1.3, Cipher is TLS_"),
                  std::string::npos)
            << answer;
    }
}

TEST_F(GatewayTls, CurlThroughAListenerWithTls) {
    const auto server = s_server();
    const auto host =
        this->host("gateway", "", "", "[plugins.gateway.config]\nupstream = \"" + server->address() + "\"\n" + tls() + '\n');
    EXPECT_NE(curl(*host, {}).find("New, TLSv1.3, Cipher is TLS_"), std::string::npos);
    const Record closed = host->wait_for_closed("tls");
    EXPECT_EQ(closed["tls"], "TLSv1.3");
}

// RFC 6066 3: an address is not asked for, and RFC 6125: it has to be among the alternative names.
TEST_F(GatewayTls, AsksForNamesAndNotForAddresses) {
    Gatehouse host(
        telling_server("alpn = [\"facts\"]") +
            instance("named", "gateway",
                     "upstream = \"" + its_address() + "\", " +
                         tls("server_name = \"localhost\", alpn = [\"other\", \"facts\"]")) +
            instance("numbered", "gateway", "upstream = \"" + its_address() + "\", " + tls("server_name = \"127.0.0.1\"")),
        {.plugin_path = {fixture_dir()}});
    const std::string named = ask(host.port("named"));
    EXPECT_NE(named.find("version=TLSv1.3\n"), std::string::npos) << named;
    EXPECT_NE(named.find("sni=localhost\nalpn=facts\nsubject=\n"), std::string::npos) << named;
    const std::string numbered = ask(host.port("numbered"));
    EXPECT_NE(numbered.find("sni=\nalpn=\n"), std::string::npos) << numbered;
}

TEST_F(GatewayTls, TheNameIsTheHostOfTheAddress) {
    Gatehouse host(certificates_.section("web") + listener("up", "facts", "tls = \"web\"\n"), {.plugin_path = {fixture_dir()}});
    const std::string port = std::to_string(host.port("up"));
    Gatehouse gateway(gateway_to("localhost:" + port, tls()));
    const std::string answer = ask(gateway.port("gateway"));
    EXPECT_NE(answer.find("sni=localhost\n"), std::string::npos) << answer;
}

TEST_F(GatewayTls, TheProxyHeaderComesBeforeTheHandshake) {
    for (const char* version : {"v1", "v2"}) {
        Gatehouse host(telling_server() + "proxy_protocol = { from = [\"unix\"] }\n" +
                           instance("gateway", "gateway",
                                    "upstream = \"" + its_address() + "\", proxy_protocol = \"" + version + "\", " +
                                        tls("server_name = \"localhost\"")),
                       {.plugin_path = {fixture_dir()}});
        Client client(host.port("gateway"));
        client.send("?");
        const std::string answer = client.recv_until_eof();
        EXPECT_NE(answer.find("sni=localhost\n"), std::string::npos) << answer;
        const std::string peer = client.local_address();
        client.close();
        EXPECT_EQ(host.wait_for_closed("up", peer)["tls"], "TLSv1.3");
    }
}

// All of it at once: the header in plain, then TLS with both certificates and a name.
TEST_F(GatewayTls, HaProxyReadsTheHeaderBeforeTheHandshake) {
    certificates_.make("me", {"me.example"});
    std::ifstream certificate(certificates_ / "web.pem");
    std::ifstream key(certificates_ / "web.key");
    std::ostringstream both; // HAProxy wants them in one file
    both << certificate.rdbuf() << key.rdbuf();
    const ConfiguredServer haproxy(
        {"/usr/sbin/haproxy", "-db", "-f", "CONFIG"},
        "defaults\nmode http\ntimeout client 60s\ntimeout server 60s\ntimeout connect 60s\nfrontend f\nbind 127.0.0.1:PORT "
        "accept-proxy ssl crt " +
            certificates_.dir().write("both.pem", both.str()) + " ca-file " + certificates_.ca() +
            " verify required\nhttp-request return status 200 content-type text/plain lf-string \"%[src] %[ssl_fc_protocol] "
            "%[ssl_fc_sni] %[ssl_c_s_dn(CN)]\"\n");
    for (const char* version : {"v1", "v2"}) {
        Gatehouse host(gateway_to("127.0.0.1:" + haproxy.port(),
                                  std::string("proxy_protocol = \"") + version + "\", " +
                                      tls("server_name = \"localhost\", certificate = \"" + certificates_ / "me.pem" +
                                          "\", key = \"" + certificates_ / "me.key" + "\"")));
        const Result result = run({"curl", "-q", "-sS", "--noproxy", "*", "--max-time", "60", "--interface", "127.0.0.9",
                                   "http://" + connect_to(host.port("gateway")) + "/"});
        EXPECT_EQ(result.out, "127.0.0.9 TLSv1.3 localhost me.example") << result.err;
    }
}

TEST_F(GatewayTls, TheClientsCertificateIsShown) {
    certificates_.make("me", {"me.example"});
    const std::string mine = "server_name = \"localhost\", certificate = \"" + certificates_ / "me.pem" + "\", key = \"" +
                             certificates_ / "me.key" + "\"";
    Gatehouse host(
        telling_server("client = \"required\"\nclient_ca = \"" + certificates_.ca() + "\"") +
            instance("known", "gateway", "upstream = \"" + its_address() + "\", " + tls(mine)) +
            instance("unknown", "gateway", "upstream = \"" + its_address() + "\", " + tls("server_name = \"localhost\"")),
        {.plugin_path = {fixture_dir()}});
    const std::string known = ask(host.port("known"));
    EXPECT_NE(known.find("subject=CN=me.example\nsans=DNS:me.example\n"), std::string::npos) << known;
    // In TLS 1.3 the server says so after the client's side of the handshake is done.
    Client unknown(host.port("unknown"));
    EXPECT_TRUE(unknown.rest().reset);
    EXPECT_EQ(host.wait_for_closed("unknown")["reason"], "upstream_reset");
    EXPECT_EQ(host.wait_for_log("TLS handshake failed")["error"], "peer did not return a certificate");
}

// In TLS 1.2 it says so in time.
TEST_F(GatewayTls, AServerThatWantsACertificateRefuses) {
    const auto server = s_server({"-www", "-tls1_2", "-Verify", "1", "-verify_return_error", "-CAfile", certificates_.ca()});
    EXPECT_EQ(failure(server->address(), tls()),
              "upstream " + server->address() + ": TLS: sslv3 alert handshake failure (SSL alert number 40)");
    certificates_.make("me", {"me.example"});
    Gatehouse host(gateway_to(server->address(), tls("certificate = \"" + certificates_ / "me.pem" + "\", key = \"" +
                                                     certificates_ / "me.key" + "\"")));
    EXPECT_NE(fetch(host.port("gateway")).find("Cipher is ECDHE"), std::string::npos);
}

TEST_F(GatewayTls, RelativeFilesAreBesideTheConfiguration) {
    const auto server = s_server();
    const std::string conf = certificates_.dir().write(
        "gateway.toml",
        gateway_to(server->address(), "tls = { ca = \"ca.pem\", certificate = \"web.pem\", key = \"web.key\" }") + in_host);
    const Result result = run_gatehouse({"check", conf});
    EXPECT_EQ(result.status, 0) << result.err;
}

// --- it is refused --------------------------------------------------------------------------------------------------------

TEST_F(GatewayTls, WhoseCertificateIsNotBelieved) {
    const auto server = s_server();
    const std::string where = "upstream " + server->address() + ": TLS: certificate verify failed: ";
    const Certificates others;
    others.make("other", {"localhost"});
    EXPECT_EQ(failure(server->address(), "tls = true"), where + "unable to get local issuer certificate");
    EXPECT_EQ(failure(server->address(), "tls = { ca = \"" + others.ca() + "\" }"),
              where + "unable to get local issuer certificate");
    EXPECT_EQ(failure(server->address(), tls("server_name = \"db.example\"")),
              where + "hostname mismatch (it is not for db.example)");
    EXPECT_EQ(failure(server->address(), tls("server_name = \"127.0.0.2\"")),
              where + "IP address mismatch (it is not for 127.0.0.2)");
    const std::string self_signed = std::string(GATEHOUSE_SOURCE_DIR) + "/tests/unit/tls/files/expired";
    const auto old = s_server(self_signed + ".pem", self_signed + ".key");
    EXPECT_EQ(failure(old->address(), "tls = { ca = \"" + self_signed + ".pem\", server_name = \"old.example\" }"),
              "upstream " + old->address() + ": TLS: certificate verify failed: certificate has expired");
    EXPECT_EQ(failure(old->address(), "tls = { server_name = \"old.example\" }"),
              "upstream " + old->address() + ": TLS: certificate verify failed: self-signed certificate");
}

TEST_F(GatewayTls, UnlessNobodyAsks) {
    const std::string self_signed = std::string(GATEHOUSE_SOURCE_DIR) + "/tests/unit/tls/files/expired";
    const auto server = s_server(self_signed + ".pem", self_signed + ".key");
    Gatehouse host(gateway_to(server->address(), "tls = { verify = false }"));
    EXPECT_NE(fetch(host.port("gateway")).find("New, TLSv1.3"), std::string::npos);
}

TEST_F(GatewayTls, WhoDoesNotSpeakTls) {
    const Server silent;
    EXPECT_EQ(failure(silent.address(), tls() + ", connect_timeout = \"200ms\""),
              "upstream " + silent.address() + ": TLS: the handshake took too long");
    Server rude;
    Gatehouse host(gateway_to(rude.address(), tls()));
    for (const char* answer : {"", "220 ready when you are\r\n"}) {
        const std::size_t from = host.log_size();
        Client client(host.port("gateway"));
        {
            Client end = rude.accept();
            end.send(answer);
            end.finish();
            EXPECT_EQ(client.recv_until_eof(), "");
        }
        EXPECT_EQ(host.wait_for_log("no connection to the upstream", {}, from)["error"],
                  "upstream " + rude.address() + ": TLS: " +
                      (*answer == '\0' ? "the server has closed the connection during the handshake" : "wrong version number"));
    }
}

TEST_F(GatewayTls, AGoodServerIsTriedNext) {
    const Certificates others;
    others.make("other", {"127.0.0.1"});
    const auto bad = s_server(others / "other.pem", others / "other.key");
    const auto good = s_server();
    Gatehouse host(instance("gateway", "gateway",
                            "servers = [ { address = \"" + bad->address() + "\", name = \"bad\" }, { address = \"" +
                                good->address() + "\", name = \"good\" } ], " + tls()));
    for (int i = 0; i < 6; ++i) EXPECT_NE(fetch(host.port("gateway")).find("New, TLSv1.3"), std::string::npos);
    host.wait_for_log("server bad (" + bad->address() +
                      ") is ejected for 1s: 3 connections in a row failed, the last one: TLS: certificate verify failed: "
                      "unable to get local issuer certificate; 1 of 2 servers available");
}

TEST_F(GatewayTls, WhatIsWrongIsSaidAtItsKey) {
    const auto problems = [&](const std::string& value, const std::string& more = "",
                              const std::string& upstream = "127.0.0.1:1") {
        const std::string conf =
            certificates_.dir().write("bad.toml", "[plugins.gateway.config]\nupstream = \"" + upstream + "\"\ntls = " + value +
                                                      "\n" + more + "\n" + listener("gateway", "gateway") + in_host);
        const Result result = run_gatehouse({"check", conf});
        EXPECT_NE(result.status, 0) << value;
        std::string text = result.err;
        for (const std::string& part : {std::string("gatehouse: "), certificates_.dir().path().string() + '/'})
            for (std::size_t at = 0; (at = text.find(part)) != std::string::npos;) text.erase(at, part.size());
        return text;
    };
    certificates_.dir().write("empty.pem", "nothing");
    const std::string key = "plugins.gateway.config.tls";
    EXPECT_EQ(problems("3"), "bad.toml:3:7: " + key + ": wrong type: integer (expected a table)\n");
    EXPECT_EQ(problems("{ ca = \"none.pem\" }"),
              "bad.toml:3:14: " + key + ".ca: none.pem: cannot be opened: No such file or directory\n");
    EXPECT_EQ(problems("{ ca = \"empty.pem\" }"), "bad.toml:3:14: " + key +
                                                      ".ca: empty.pem: has no certificate (expected PEM text with -----BEGIN "
                                                      "CERTIFICATE-----)\n");
    EXPECT_EQ(problems("{ certificate = \"web.pem\" }"),
              "bad.toml:3:23: " + key +
                  ".certificate: web.pem: has no private key (expected PEM text with -----BEGIN PRIVATE KEY-----)\n");
    EXPECT_EQ(problems("{ certificate = \"ca.pem\", key = \"web.key\" }"),
              "bad.toml:3:39: " + key + ".key: web.key: the key is not the certificate's: key values mismatch\n");
    EXPECT_EQ(problems("{ key = \"web.key\" }"),
              "bad.toml:3:15: " + key + ".key: without effect (expected a certificate beside it)\n");
    EXPECT_EQ(problems("{ ca = \"ca.pem\", verify = false }"),
              "bad.toml:3:14: " + key + ".ca: without effect (verify is false)\n");
    EXPECT_EQ(problems("{ server_name = \"\" }"),
              "bad.toml:3:23: " + key + ".server_name: empty (leave it out for the default)\n");
    EXPECT_EQ(problems("{ verfy = false }"), "bad.toml:3:9: " + key + ".verfy: unknown key (did you mean \"verify\"?)\n");
    for (const std::string nothing_said : {"true", "{ verify = true }"})
        EXPECT_NE(problems(nothing_said, "", "unix:/run/x")
                      .find(key + ".server_name: missing (expected the name that the server's certificate has to be for, or "
                                  "verify = false: a unix socket has none)\n"),
                  std::string::npos);
}

// --- it is relayed --------------------------------------------------------------------------------------------------------

// RFC 8446 6.1: a half-close is a close_notify, both ways; sha256sum says nothing before the end.
TEST_F(GatewayTls, HalfCloseAndManyBytesToTheServer) {
    const Program server([&](const std::string& address) {
        return std::vector<std::string>{"socat", "-t60",
                                        "openssl-listen:" + port_of(address) + ",bind=127.0.0.1,reuseaddr,fork,verify=0,cert=" +
                                            certificates_ / "web.pem" + ",key=" + certificates_ / "web.key",
                                        "exec:sha256sum"};
    });
    const std::string bytes = random_bytes(32U << 20U, 1);
    const std::string file = certificates_.dir().write("bytes", bytes);
    const std::string sum = run({"sh", "-c", "sha256sum < " + file}).out;
    Gatehouse host(certificates_.section("web") +
                   instance("plain", "gateway", "upstream = \"" + server.address() + "\", " + tls()) +
                   instance("tls", "gateway", "upstream = \"" + server.address() + "\", " + tls(), "tls = \"web\"\n"));
    Client client(host.port("plain"));
    client.send(bytes);
    client.finish();
    EXPECT_EQ(client.recv_until_eof(), sum);
    EXPECT_EQ(host.wait_for_closed("plain")["in"], std::to_string(bytes.size()));
    const Result socat = run(
        {"sh", "-c", "socat -t60 - openssl:" + connect_to(host.port("tls")) + ",cafile=" + certificates_.ca() + " < " + file});
    EXPECT_EQ(socat.out, sum) << socat.err;
}

TEST_F(GatewayTls, ManyBytesFromNginx) {
    const std::string bytes = random_bytes(48U << 20U, 2);
    const TempDir root;
    std::filesystem::permissions(root.path(), std::filesystem::perms::all);
    std::ofstream(root / "big.bin", std::ios::binary) << bytes;
    std::string temporary;
    for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
        temporary += std::string(kind) + "_temp_path " + root / kind + ";\n";
    const Program nginx([&](const std::string& address) {
        const std::string conf =
            root.write("nginx.conf", "daemon off; master_process off; error_log stderr; pid " + root / "pid" +
                                         ";\nevents {}\nhttp {\naccess_log off;\n" + temporary + "server {\nlisten " + address +
                                         " ssl;\nssl_certificate " + certificates_ / "web.pem" + ";\nssl_certificate_key " +
                                         certificates_ / "web.key" + ";\nroot " + root.path().string() + ";\n}\n}\n");
        return std::vector<std::string>{"/usr/sbin/nginx", "-e", "stderr", "-p", root.path().string(), "-c", conf};
    });
    const std::string upstream = "upstream = \"" + nginx.address() + "\", " + tls();
    Gatehouse host(certificates_.section("web") + instance("plain", "gateway", upstream) +
                   instance("tls", "gateway", upstream, "tls = \"web\"\n"));
    EXPECT_TRUE(fetch(host.port("plain"), "/big.bin") == bytes);
    EXPECT_TRUE(curl(host, {}, "/big.bin") == bytes);
}

// Both ways at once, and then the server's end first.
TEST_F(GatewayTls, AnEchoIsWhole) {
    Gatehouse host(
        certificates_.section("web") +
        listener("up", "echo", "address = \"unix:" + certificates_ / "up" + "\"\ntls = \"web\"\n") +
        instance("gateway", "gateway", "upstream = \"" + its_address() + "\", " + tls("server_name = \"localhost\"")));
    const std::string bytes = random_bytes(16U << 20U, 3);
    Client client(host.port("gateway"));
    std::thread sender([&] {
        client.send(bytes);
        client.finish();
    });
    const std::string back = client.recv_until_eof();
    sender.join();
    EXPECT_TRUE(back == bytes);
    EXPECT_EQ(host.wait_for_closed("gateway")["reason"], "peer_closed");
}

TEST_F(GatewayTls, AStreamThatIsCutIsCutOnTheOtherSideToo) {
    const auto server = s_server({"-rev"});
    Gatehouse host(gateway_to(server->address(), tls()));
    Client client(host.port("gateway"));
    client.send("abc\n");
    EXPECT_EQ(client.recv_exactly(4), "cba\n");
    server->process().signal(SIGKILL);
    EXPECT_TRUE(client.rest().reset);
    EXPECT_EQ(host.wait_for_closed("gateway")["reason"], "upstream_reset");
}

// What a server says in the same packet as the end of its handshake has no event of its own.
TEST_F(GatewayTls, AServerMaySpeakFirst) {
    Gatehouse host(
        certificates_.section("web") +
        listener("up", "daytime", "address = \"unix:" + certificates_ / "up" + "\"\ntls = \"web\"\n") +
        instance("gateway", "gateway", "upstream = \"" + its_address() + "\", " + tls("server_name = \"localhost\"")));
    for (int i = 0; i < 20; ++i) {
        Client client(host.port("gateway"));
        EXPECT_TRUE(client.recv_until_eof().ends_with("\r\n"));
    }
}

} // namespace
