// TLS as its clients see it: openssl, GnuTLS, curl, socat.
#include "tls_fixture.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <thread>

using namespace gatehouse::support;

namespace {

// --- versions, certificates -----------------------------------------------------------------------------------------------

TEST_F(Tls, SpeaksBothVersionsAndNoOlderOne) {
    const auto server = host("facts");
    const Said modern = s_client(*server);
    EXPECT_TRUE(modern.has("version=TLSv1.3\ncipher=TLS_AES_")) << modern;
    EXPECT_TRUE(modern.has("Verify return code: 0 (ok)")) << modern;
    EXPECT_TRUE(modern.has("X25519")) << modern;
    EXPECT_TRUE(modern.has("Compression: NONE")) << modern;
    const Said older = s_client(*server, {"-tls1_2"});
    EXPECT_TRUE(older.has("version=TLSv1.2\ncipher=ECDHE-ECDSA-AES")) << older;
    EXPECT_NE(s_client(*server, {"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"}).status, 0);
    const Record failed = server->wait_for_log("TLS handshake failed", {{"listener", "tls"}});
    EXPECT_EQ(failed["error"], "unsupported protocol");
    EXPECT_EQ(server->wait_for_log("closed", {{"peer", failed["peer"]}})["reason"], "tls_failed");
}

TEST_F(Tls, MinVersionAndCiphersAreKept) {
    const auto server =
        host("facts", "min_version = \"1.3\"\nciphersuites = \"TLS_CHACHA20_POLY1305_SHA256\"\ngroups = \"P-384\"");
    const Said modern = s_client(*server);
    EXPECT_TRUE(modern.has("cipher=TLS_CHACHA20_POLY1305_SHA256\n")) << modern;
    EXPECT_TRUE(modern.has("secp384r1")) << modern;
    EXPECT_NE(s_client(*server, {"-tls1_2"}).status, 0);
}

TEST_F(Tls, ThePlainClientIsTold) {
    const auto server = host("facts");
    Client client(server->port("tls"));
    client.send("\x16\x03\x01" + std::string(20'000, 'x'));
    EXPECT_EQ(client.recv_until_eof().substr(0, 3), "\x15\x03\x03"); // an alert, and no reset that would eat it
    const std::string address = client.local_address();
    client.close();
    EXPECT_EQ(server->wait_for_closed("tls", address)["reason"], "tls_failed");
    const std::size_t from = server->log_size();
    Client http(server->port("tls"));
    http.send("GET / HTTP/1.1\r\n\r\n");
    EXPECT_EQ(http.recv_until_eof(), "");
    EXPECT_EQ(server->wait_for_log("TLS handshake failed", {}, from)["error"], "http request");
}

TEST_F(Tls, TheCertificateIsChosenByName) {
    certificates_.make("exact", {"a.example", "b.example"});
    certificates_.make("wild", {"*.example"});
    const auto sni = [&](const std::string& name) {
        return "{ certificate = \"" + certificates_ / (name + ".pem") + "\", key = \"" + certificates_ / (name + ".key") +
               "\" }";
    };
    const auto server = host("facts", "sni = [" + sni("exact") + ", " + sni("wild") + "]");
    const auto subject = [&](std::vector<std::string> options) {
        const Said said = s_client(*server, std::move(options));
        const std::size_t at = said.text.find("subject=CN = ");
        return at == std::string::npos ? said.text : said.text.substr(at + 13, said.text.find('\n', at) - at - 13);
    };
    EXPECT_EQ(subject({"-servername", "b.example"}), "a.example");
    EXPECT_EQ(subject({"-servername", "B.Example", "-tls1_2"}), "a.example");
    EXPECT_EQ(subject({"-servername", "c.example"}), "*.example");
    EXPECT_EQ(subject({"-servername", "d.c.example"}), "localhost"); // a wildcard is for one label
    EXPECT_EQ(subject({"-servername", "example"}), "localhost");
    EXPECT_EQ(subject({"-noservername"}), "localhost");
    EXPECT_TRUE(s_client(*server, {"-servername", "c.example"}).has("sni=c.example\n"));
}

TEST_F(Tls, TheTypeOfKeyIsChosenByTheClient) {
    // The same names twice, with an RSA key the second time.
    const Result made = run({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=rsa", "-addext",
                             "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", certificates_ / "rsa.key", "-out",
                             certificates_ / "rsa.pem"});
    ASSERT_EQ(made.status, 0) << made.err;
    const auto server = host("facts", "sni = [{ certificate = \"" + certificates_ / "rsa.pem" + "\", key = \"" +
                                          certificates_ / "rsa.key" + "\" }]");
    const Said rsa = s_client(*server, {"-sigalgs", "rsa_pss_rsae_sha256", "-CAfile", certificates_ / "rsa.pem"});
    EXPECT_TRUE(rsa.has("subject=CN = rsa")) << rsa;
    const Said ecdsa = s_client(*server);
    EXPECT_TRUE(ecdsa.has("subject=CN = localhost")) << ecdsa;
}

TEST_F(Tls, Alpn) {
    const auto server = host("facts", "alpn = [\"h2\", \"http/1.1\"]");
    EXPECT_TRUE(s_client(*server, {"-alpn", "http/1.1,h2"}).has("alpn=h2\n")); // the server's preference
    EXPECT_TRUE(s_client(*server, {"-alpn", "http/1.0,http/1.1"}).has("alpn=http/1.1\n"));
    EXPECT_TRUE(s_client(*server).has("alpn=\n"));
    const Said refused = s_client(*server, {"-alpn", "imap"});
    EXPECT_TRUE(refused.has("no application protocol")) << refused;
    EXPECT_EQ(server->wait_for_log("TLS handshake failed")["error"], "no application protocol");
}

TEST_F(Tls, AnOcspResponseIsStapled) {
    const Result serial = run({"openssl", "x509", "-in", certificates_ / "web.pem", "-noout", "-serial"});
    std::ofstream(certificates_ / "index") << "V\t370101000000Z\t\t" << serial.out.substr(7, serial.out.find('\n') - 7)
                                           << "\tunknown\t/CN=localhost\n";
    const Result made = run({"openssl", "ocsp", "-index", certificates_ / "index", "-CA", certificates_.ca(), "-rsigner",
                             certificates_.ca(), "-rkey", certificates_ / "ca.key", "-issuer", certificates_.ca(), "-cert",
                             certificates_ / "web.pem", "-ndays", "7", "-respout", certificates_ / "web.ocsp"});
    ASSERT_EQ(made.status, 0) << made.err;
    const auto server = host("facts", "ocsp = \"" + certificates_ / "web.ocsp" + "\"");
    for (const std::string version : {"-tls1_3", "-tls1_2"}) {
        const Said said = s_client(*server, {"-status", version});
        EXPECT_TRUE(said.has("OCSP Response Status: successful")) << said;
        EXPECT_TRUE(said.has("Cert Status: good")) << said;
    }
}

TEST_F(Tls, TheTableSaysHowToTryIt) {
    const auto web = host("http", "", "", "[plugins.http]\nconfig = { root = \"/tmp\" }\n");
    EXPECT_NE(web->out().find("curl https://localhost:" + std::to_string(web->port("tls")) + "/"), std::string::npos)
        << web->out();
    const auto echo = host("echo");
    EXPECT_NE(echo->out().find("openssl s_client -quiet -connect localhost:"), std::string::npos) << echo->out();
}

TEST_F(Tls, CheckSaysWhatDoesNotFit) {
    certificates_.make("other", {"localhost"});
    const std::string text = certificates_.section("web") + listener("tls", "echo", "tls = \"web\"");
    const auto check = [&](const std::string& config) {
        return run_gatehouse({"check", "--plugin-path", plugin_dir(), certificates_.dir().write("conf.toml", config)});
    };
    EXPECT_EQ(check(text).status, 0);
    EXPECT_EQ(check(text).err, "");
    std::filesystem::permissions(certificates_ / "web.key", std::filesystem::perms(0644));
    const Result open = check(text);
    EXPECT_EQ(open.status, 0);
    EXPECT_NE(open.err.find("conf.toml:3:7: tls.web.key: "), std::string::npos) << open.err;
    EXPECT_NE(open.err.find("every user of this machine may use the key"), std::string::npos) << open.err;
    std::filesystem::rename(certificates_ / "other.key", certificates_ / "web.key");
    const Result wrong = check(text);
    EXPECT_EQ(wrong.status, 1);
    EXPECT_EQ(wrong.err, "gatehouse: " + certificates_ / "conf.toml" + ":3:7: tls.web.key: " + certificates_ / "web.key" +
                             ": the key is not the certificate's: key values mismatch\n");
}

TEST_F(Tls, DetectionLooksInside) {
    Gatehouse routed(certificates_.section("web", "alpn = [\"a\", \"facts\"]") +
                         listener("tls", "echo",
                                  "tls = \"web\"\n[[listeners.routes]]\nalpn = [\"facts\"]\nplugin = \"facts\"\n"
                                  "[[listeners.routes]]\nprobe = \"ssh\"\nplugin = \"daytime\"\n"),
                     {.plugin_path = {fixture_dir()}});
    EXPECT_TRUE(s_client(routed, {"-alpn", "facts"}).has("version=TLSv1.3\n"));
    EXPECT_TRUE(s_client(routed, {}, "SSH-2.0-x\r\n").has("20")); // the daytime, whose year it is
}

// --- resumption -----------------------------------------------------------------------------------------------------------

TEST_F(Tls, SessionsAreResumed) {
    const auto server = host("facts");
    for (const std::string version : {"-tls1_3", "-tls1_2"}) {
        const std::string session = certificates_ / "session";
        EXPECT_TRUE(s_client(*server, {version, "-sess_out", session}).has("New, TLSv1"));
        const Said again = s_client(*server, {version, "-sess_in", session});
        EXPECT_TRUE(again.has("Reused, TLSv1")) << again;
        server->signal(SIGHUP); // tickets survive
        server->wait_for_log("certificates reloaded");
        EXPECT_TRUE(s_client(*server, {version, "-sess_in", session}).has("Reused, TLSv1"));
    }
}

TEST_F(Tls, WithoutTicketsNothingIsResumed) {
    const auto server = host("facts", "ticket_lifetime = 0");
    for (const std::string version : {"-tls1_3", "-tls1_2"}) {
        const std::string session = certificates_ / ("session" + version);
        EXPECT_FALSE(s_client(*server, {version, "-sess_out", session}).has("TLS session ticket:"));
        const bool some = std::filesystem::exists(session);
        EXPECT_TRUE(!some || s_client(*server, {version, "-sess_in", session}).has("New, TLSv1"));
    }
}

// --- client certificates --------------------------------------------------------------------------------------------------

class TlsClients : public Tls {
  protected:
    TlsClients() {
        certificates_.make("alice", {"alice.example"});
        stranger_.make("eve", {"eve.example"});
    }
    std::string ca(std::string_view client) const {
        return "client = \"" + std::string(client) + "\"\nclient_ca = \"" + certificates_.ca() + "\"";
    }
    std::vector<std::string> shows(const Certificates& from, const std::string& name) const {
        return {"-cert", from / (name + ".pem"), "-key", from / (name + ".key")};
    }

    const Certificates stranger_;
};

TEST_F(TlsClients, RequiredMeansVerified) {
    const auto server = host("facts", ca("required"));
    for (const std::string version : {"-tls1_3", "-tls1_2"}) {
        std::vector<std::string> options = shows(certificates_, "alice");
        options.push_back(version);
        const Said alice = s_client(*server, options);
        EXPECT_TRUE(alice.has("subject=CN=alice.example\nsans=DNS:alice.example\n")) << alice;
        const std::size_t from = server->log_size();
        EXPECT_FALSE(s_client(*server, {version}).has("version=")) << version;
        EXPECT_EQ(server->wait_for_log("TLS handshake failed", {}, from)["error"], "peer did not return a certificate");
    }
    const std::size_t from = server->log_size();
    EXPECT_FALSE(s_client(*server, shows(stranger_, "eve")).has("version="));
    EXPECT_EQ(server->wait_for_log("TLS handshake failed", {}, from)["error"],
              "certificate verify failed: unable to get local issuer certificate");
}

TEST_F(TlsClients, OptionalMeansVerifiedIfShown) {
    const auto server = host("facts", ca("optional"));
    EXPECT_TRUE(s_client(*server).has("subject=\nsans=\n"));
    EXPECT_TRUE(s_client(*server, shows(certificates_, "alice")).has("subject=CN=alice.example\n"));
    EXPECT_FALSE(s_client(*server, shows(stranger_, "eve")).has("version="));
}

TEST_F(TlsClients, AResumedSessionKnowsItsClient) {
    const auto server = host("facts", ca("required"));
    std::vector<std::string> options = shows(certificates_, "alice");
    const std::string session = certificates_ / "session";
    options.insert(options.end(), {"-sess_out", session});
    ASSERT_TRUE(s_client(*server, options).has("subject=CN=alice.example\n"));
    const Said again = s_client(*server, {"-sess_in", session});
    EXPECT_TRUE(again.has("Reused, TLSv1.3")) << again;
    EXPECT_TRUE(again.has("subject=CN=alice.example\nsans=DNS:alice.example\n")) << again;
    // Whoever was let in by one authority is asked again when it is another one.
    std::filesystem::copy(stranger_.ca(), certificates_.ca() + ".new");
    std::filesystem::rename(certificates_.ca() + ".new", certificates_ / "other.pem");
    std::filesystem::copy(certificates_.ca(), certificates_ / "own-ca.pem");
    std::filesystem::rename(certificates_ / "other.pem", certificates_.ca());
    server->wait_for_log("certificates reloaded");
    const Said refused = s_client(*server, {"-sess_in", session, "-CAfile", certificates_ / "own-ca.pem"});
    EXPECT_FALSE(refused.has("subject=CN=alice.example\nsans")) << refused;
}

// --- the stream -----------------------------------------------------------------------------------------------------------

TEST_F(Tls, HalfCloseIsHeardAndTheAnswerArrives) {
    const auto server = host("facts");
    const std::string port = std::to_string(server->port("tls"));
    const Result socat = run({"socat", "-t30", "-", "openssl:127.0.0.1:" + port + ",cafile=" + certificates_.ca()},
                             {.input = std::string(100'000, 'x')});
    EXPECT_EQ(socat.out, "bytes=100000\n") << socat.err;
    const Result gnutls =
        run({"gnutls-cli", "--logfile", "/dev/null", "--x509cafile", certificates_.ca(), "-p", port, "127.0.0.1"},
            {.input = "hello"});
    EXPECT_NE(gnutls.out.find("bytes=5\n"), std::string::npos) << gnutls.out << gnutls.err;
}

TEST_F(Tls, AStreamThatIsCutIsNoEndWhereThatIsWanted) {
    const auto server = host("facts", "truncation = \"reset\"");
    // TLS 1.3 sends tickets after the handshake; a client that dies without having read them resets, which is another story.
    Process client({"openssl", "s_client", "-quiet", "-tls1_2", "-connect", connect_to(server->port("tls"))}, {.input = "abc"});
    server->wait_for_status("tls", "served", [](const Record& status) {
        return status["wait_us"] != "none" && status.number("threads_blocked") == 1;
    });
    client.signal(SIGKILL);
    const Record closed = server->wait_for_closed("tls");
    EXPECT_EQ(closed["in"], "3");
    EXPECT_EQ(closed["out"], "0"); // the plugin was not told that this was all
    EXPECT_EQ(closed["reason"], "peer_closed");
    EXPECT_EQ(closed["tls"], "TLSv1.2");
}

TEST_F(Tls, ByteByByte) {
    const auto server = host("echo");
    for (const std::string version : {"-tls1_3", "-tls1_2"}) {
        Dribble dribble(server->port("tls"));
        const Result result = run({"openssl", "s_client", "-quiet", "-no_ign_eof", version, "-CAfile", certificates_.ca(),
                                   "-connect", "127.0.0.1:" + dribble.port()},
                                  {.input = "hello, slowly\n"});
        EXPECT_EQ(result.status, 0) << result.err;
    }
    server->wait_for_log("closed", {{"in", "14"}, {"out", "14"}, {"tls", "TLSv1.3"}});
    server->wait_for_log("closed", {{"in", "14"}, {"out", "14"}, {"tls", "TLSv1.2"}});
}

TEST_F(Tls, ClientsInTheMiddleOfAHandshakeHoldNoThread) {
    const auto server = host("facts", "handshake_timeout = \"2s\"", "threads.max = 1");
    std::vector<Client> slow;
    for (int i = 0; i < 40; ++i) {
        slow.emplace_back(server->port("tls"));
        if (i % 2 == 0) slow.back().send(half_hello()); // the others say nothing at all
    }
    EXPECT_TRUE(s_client(*server).has("version=TLSv1.3\n"));
    const Record closed = server->wait_for_closed("tls", slow.front().local_address());
    EXPECT_EQ(closed["reason"], "tls_failed");
    EXPECT_GE(closed.number("ms"), 2000);
    EXPECT_EQ(server->wait_for_log("TLS handshake failed")["error"], "handshake_timeout has passed");
    EXPECT_EQ(server->status("tls").number("threads_most"), 1);
}

TEST_F(Tls, HandshakesAtATimeAreLimited) {
    const auto server = host("facts", "max_handshakes = 2\nhandshake_timeout = \"60s\""); // nobody gives way to it
    // Whoever is not parked is still being looked at, and not silent yet: which is silent for longest is then not known.
    const auto are_silent = [&](int clients, int handshakes) {
        server->wait_for_status("tls", "all are silent", [&](const Record& now) {
            return now.number("parked") == clients && now.number("handshakes") == handshakes;
        });
    };
    const Client silent(server->port("tls"));
    are_silent(1, 0);
    Client first(server->port("tls"));
    first.send(half_hello());
    are_silent(2, 1);
    Client second(server->port("tls"));
    second.send(half_hello());
    are_silent(3, 2);
    Client third(server->port("tls"));
    third.send(half_hello()); // and the one that has been silent for longest gives way
    EXPECT_EQ(server->wait_for_closed("tls", first.local_address())["reason"], "handshakes_full");
    are_silent(3, 2);
    EXPECT_TRUE(s_client(*server).has("version=TLSv1.3\n"));
    EXPECT_EQ(server->wait_for_closed("tls", second.local_address())["reason"], "handshakes_full");
    EXPECT_EQ(server->status("tls").number("handshakes"), 1);
}

TEST_F(Tls, SilenceIsEndedByTheFirstByteTimeout) {
    const auto server = host("facts", "", "first_byte_timeout = \"300ms\"");
    Client silent(server->port("tls"));
    EXPECT_EQ(server->wait_for_closed("tls", silent.local_address())["reason"], "first_byte_timeout");
    // It counts anew after the handshake.
    Process quiet({"openssl", "s_client", "-quiet", "-connect", connect_to(server->port("tls"))});
    const Record closed = server->wait_for_log("closed", {{"tls", "TLSv1.3"}});
    EXPECT_EQ(closed["reason"], "first_byte_timeout");
}

TEST_F(Tls, RenegotiationIsRefused) {
    const auto server = host("facts");
    const Result result =
        run({"openssl", "s_client", "-tls1_2", "-CAfile", certificates_.ca(), "-connect", connect_to(server->port("tls"))},
            {.input = "R\n"});
    EXPECT_NE(result.err.find("no renegotiation"), std::string::npos) << result.err;
    EXPECT_EQ(server->wait_for_closed("tls")["in"], "0");
}

TEST_F(Tls, KeyUpdatesAreAnswered) {
    const auto server = host("echo");
    Process client({"sh", "-c",
                    "(echo before; sleep 0.1; echo K; sleep 0.1; echo k; sleep 0.1; echo after; sleep 30) | "
                    "exec openssl s_client -tls1_3 -CAfile " +
                        certificates_.ca() + " -connect " + connect_to(server->port("tls"))});
    EXPECT_TRUE(client.wait_output([](const std::string& out, const std::string&) {
        return out.find("before\n") != std::string::npos && out.find("after\n") != std::string::npos;
    })) << client.out()
        << client.err();
}

// --- the tools that look for weaknesses -----------------------------------------------------------------------------------

TEST_F(Tls, SslscanFindsNothingOld) {
    const auto server = host("facts");
    const Result result =
        run({"sslscan", "--no-colour", "--ipv4", connect_to(server->port("tls"))}, {}, std::chrono::seconds(100));
    const Said said{result.status, result.out};
    for (const char* line : {"SSLv2     disabled", "SSLv3     disabled", "TLSv1.0   disabled", "TLSv1.1   disabled",
                             "TLSv1.2   enabled", "TLSv1.3   enabled", "Server supports TLS Fallback SCSV",
                             "Session renegotiation not supported", "TLSv1.3 not vulnerable to heartbleed"})
        EXPECT_TRUE(said.has(line)) << line << " in\n" << said;
}

using SlowTls = Tls;

TEST_F(SlowTls, TestsslFindsNoWeakness) {
    const auto server = host("facts");
    const Result result = run({"testssl", "--quiet", "--color", "0", "--warnings", "batch", "--openssl-timeout", "5", "-U",
                               connect_to(server->port("tls"))},
                              {}, std::chrono::seconds(380));
    const Said said{result.status, result.out};
    EXPECT_TRUE(said.has("Heartbleed (CVE-2014-0160)                not vulnerable (OK)")) << said;
    EXPECT_TRUE(said.has("Secure Client-Initiated Renegotiation     not vulnerable (OK)")) << said;
    EXPECT_FALSE(said.has("VULNERABLE")) << said;
}

} // namespace
