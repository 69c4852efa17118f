// TLS that a plugin begins with its client: with the thread of serve(), and without one; and the mail sink of the samples, with
// curl and openssl.
#include "tls_fixture.hpp"

#include <csignal>
#include <sstream>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

const std::string tls_client = GATEHOUSE_SOURCE_DIR "/tests/e2e/starttls_client.py";

class StartTls : public Tls {
  protected:
    // Listeners "wait" and "now", each with a plugin that does it in its way, for which `more` is; and "direct", with TLS from
    // the first byte on. `section` is for [tls.web].
    Gatehouse both(std::string_view settings = "", std::string_view more = "", std::string_view section = "",
                   std::string_view host = "") const {
        std::string config = std::string(host) + certificates_.section("web", section);
        for (const std::string way : {"wait", "now"})
            config += instance(way, "upgrades", "tls = \"web\", how = \"" + way + "\"" + std::string(settings),
                               "linger_timeout = \"100ms\"\n" + std::string(more));
        config += listener("direct", "wait", "tls = \"web\"");
        return Gatehouse(config, with_fixtures());
    }
    Gatehouse mail() const {
        return Gatehouse(certificates_.section("web") + instance("smtp", "smtp", "tls = \"web\"", "threads.max = 2"),
                         GatehouseOptions{.plugin_path = {sample_dir()}});
    }
    // The lines of the metrics about them.
    static std::string failed_handshakes(const Gatehouse& host) {
        std::istringstream all(run_gatehouse({"metrics", host.dir() / "gatehouse.toml"}).out);
        std::string text;
        for (std::string line; std::getline(all, line);)
            if (line.starts_with("gatehouse_tls_handshake_failures_total{")) text += line + '\n';
        return text;
    }
    // What clients say that do it in these ways, one after the other, of each listener.
    std::string python(Gatehouse& host, const std::vector<std::pair<std::string, std::string>>& ways) const {
        std::vector<std::string> arguments{"python3", tls_client, certificates_.ca()};
        for (const auto& [way, listener] : ways) arguments.push_back(way + ":" + std::to_string(host.port(listener)));
        const Result result = run(arguments);
        EXPECT_EQ(result.status, 0) << result.err << host.tail();
        return result.out;
    }
    // One that has said that it wants TLS, and has heard that it may begin.
    static Client begun(const Gatehouse& host, std::string_view listener) {
        Client client(host.port(listener));
        client.send("TLS\n");
        EXPECT_EQ(client.recv_exactly(3), "go\n");
        return client;
    }
    // What becomes of such a client, of each listener, that sends this and no more.
    static void expect_end(Gatehouse& host, std::string_view bytes, std::string_view reason) {
        for (const std::string way : {"wait", "now"}) {
            Client client = begun(host, way);
            if (!bytes.empty()) client.send(bytes);
            EXPECT_TRUE(client.rest().bytes.empty());
            const std::string address = client.local_address();
            client.close();
            EXPECT_EQ(host.wait_for_closed(way, address)["reason"], reason) << way;
        }
    }
};

const std::string facts = "version=TLSv1.3 sni=localhost alpn=xmpp-server subject=\nstatus -5\nhello\n";

TEST_F(StartTls, HandshakesOfAllKinds) {
    Gatehouse host = both("", "", "alpn = [\"xmpp-server\"]");
    EXPECT_EQ(python(host, {{"whole", "wait"},
                            {"bytes", "wait"},
                            {"garbage", "wait"},
                            {"whole", "now"},
                            {"bytes", "now"},
                            {"garbage", "now"},
                            {"direct", "direct"}}),
              "3\n" + facts + "3\n" + facts + "3\n" + facts + "3\n" + facts + "status -5\nhello\n");
    for (const std::string listener : {"wait", "now"}) {
        host.wait_for_log("closed", {{"listener", listener}, {"reason", "tls_failed"}});
        EXPECT_EQ(host.wait_for_log("closed", {{"listener", listener}, {"tls", "TLSv1.3"}})["reason"], "peer_closed");
        host.wait_for_status(listener, "all have gone", [](const Record& record) { return record["open"] == "0"; });
        EXPECT_EQ(host.status(listener)["handshakes"], "0");
    }
}

// The part of the client that is with the host's kernel belongs to the handshake, which waits for what goes first.
TEST_F(StartTls, WhatIsHandedOverBeforeGoesFirst) {
    Gatehouse host = both(", before = \"8MiB\"", "", "alpn = [\"xmpp-server\"]");
    const std::string heard = std::to_string((8 << 20) + 200 * 1024 + 3) + "\n" + facts;
    EXPECT_EQ(python(host, {{"early", "wait"}, {"early", "now"}}), heard + heard);
}

TEST_F(StartTls, WhatCameInPlainEndsIt) {
    Gatehouse host = both();
    for (const std::string way : {"wait", "now"}) {
        Client client(host.port(way));
        client.send("TLS\nsecret");
        EXPECT_EQ(client.recv_until_eof(), "go\n");
        const std::string address = client.local_address();
        client.close();
        EXPECT_EQ(host.wait_for_log("TLS handshake failed", {{"peer", address}})["error"],
                  "6 bytes in plain came behind the command");
        EXPECT_EQ(host.wait_for_closed(way, address)["reason"], "tls_failed");
    }
}

TEST_F(StartTls, ClientsThatSayNothingOrHalf) {
    Gatehouse host = both("", "first_byte_timeout = \"200ms\"", "handshake_timeout = \"300ms\"");
    expect_end(host, "", "first_byte_timeout");
    expect_end(host, half_hello(), "tls_failed");
    EXPECT_EQ(host.count_logged("handshake_timeout has passed"), 2U);
    Gatehouse impatient = both(", deadline = \"200ms\"");
    expect_end(impatient, half_hello(), "deadline");
    Gatehouse short_lived = both("", "lifetime = \"300ms\"");
    expect_end(short_lived, half_hello(), "lifetime");
}

TEST_F(StartTls, ClientsThatLeave) {
    Gatehouse host = both();
    for (const std::string way : {"wait", "now"}) {
        for (const std::string& sent : {std::string(), half_hello()}) {
            Client reset = begun(host, way);
            if (!sent.empty()) reset.send(sent);
            const std::string address = reset.local_address();
            reset.reset();
            EXPECT_EQ(host.wait_for_closed(way, address)["reason"], "peer_reset") << way;
            Client closed = begun(host, way);
            if (!sent.empty()) closed.send(sent);
            closed.finish();
            EXPECT_TRUE(closed.ends());
            EXPECT_EQ(host.wait_for_closed(way, closed.local_address())["reason"], "peer_closed") << way;
        }
    }
}

TEST_F(StartTls, NeitherIdleTimeNorRateIsAskedForMeanwhile) {
    Gatehouse host =
        both("", "idle_timeout = \"1200ms\"\nmin_rate = \"1MiB\"\nmin_rate_window = \"1s\"", "handshake_timeout = \"1500ms\"");
    std::vector<Client> clients;
    for (const std::string way : {"wait", "now"}) clients.push_back(begun(host, way));
    for (Client& client : clients) client.send(half_hello());
    for (const std::string way : {"wait", "now"}) EXPECT_EQ(host.wait_for_closed(way)["reason"], "tls_failed") << way;
}

TEST_F(StartTls, ADrainLetsItGoOnForItsTime) {
    Gatehouse host = both("", "", "", "[host]\ndrain_timeout = \"300ms\"\n");
    std::vector<Client> clients;
    for (const std::string way : {"wait", "now"}) clients.push_back(begun(host, way));
    for (Client& client : clients) client.send(half_hello());
    host.signal(SIGTERM);
    EXPECT_EQ(host.wait_exit(), 0);
    for (const std::string way : {"wait", "now"}) EXPECT_EQ(host.wait_for_closed(way)["reason"], "drained");
}

TEST_F(StartTls, OrdersEndIt) {
    Gatehouse host = both("", "", "", "[host]\ncontrol = \"c\"\n");
    for (const std::string way : {"wait", "now"}) {
        for (const std::string how : {"close", "reset"}) {
            Client client = begun(host, way);
            client.send(half_hello());
            const bool parks = way == "now"; // and holds no thread
            host.wait_for_status(way, "it has begun", [&](const Record& record) {
                return record["handshakes"] == "1" && record["parked"] == (parks ? "1" : "0") &&
                       record["threads_blocked"] == (parks ? "0" : "1");
            });
            EXPECT_EQ(ask(host, {way, "end", how}).status, 0);
            EXPECT_EQ(client.rest().reset, how == "reset");
            const std::string address = client.local_address();
            client.close();
            EXPECT_EQ(host.wait_for_closed(way, address)["reason"], "ended") << way << ' ' << how;
        }
    }
    // Each has failed once: by the order or, where a thread was at it, by what the order has done to the socket.
    std::istringstream lines(failed_handshakes(host));
    int failures = 0;
    for (std::string line; std::getline(lines, line);) failures += std::stoi(line.substr(line.rfind(' ')));
    EXPECT_EQ(failures, 4);
}

// A client that has the time of its handshake left does not keep others out: neither from a handshake, nor from the listener.
TEST_F(StartTls, TheOldestGivesWay) {
    Gatehouse host = both("", "max_connections = 2", "max_handshakes = 2", "[host]\ncontrol = \"c\"\n");
    std::vector<Client> clients;
    for (int i = 0; i < 2; ++i) clients.push_back(begun(host, "now"));
    for (Client& client : clients) client.send(half_hello());
    host.wait_for_status("now", "all rest", [](const Record& record) { return record["handshakes"] == "2"; });
    Client newcomer = begun(host, "wait");
    newcomer.send(half_hello());
    EXPECT_EQ(host.wait_for_log("closed", {{"reason", "handshakes_full"}})["listener"], "now");
    newcomer.close();
    host.wait_for_closed("wait");
    clients.push_back(begun(host, "now"));
    clients.back().send(half_hello());
    host.wait_for_status("now", "it is full", [](const Record& record) { return record["handshakes"] == "2"; });
    begun(host, "now");
    const std::string reasons = host.status("now")["reasons"];
    EXPECT_NE(reasons.find("handshakes_full:1"), std::string::npos) << reasons;
    EXPECT_NE(reasons.find("listener_full:1"), std::string::npos) << reasons;
    const std::string failures = failed_handshakes(host);
    for (const std::string why : {"handshakes_full", "listener_full", "gone"}) // each of them once
        EXPECT_NE(failures.find("cause=\"" + why + "\"} 1\n"), std::string::npos) << failures;
}

TEST_F(StartTls, ClientsLookAtTheCertificateAndARenewedOneIsTaken) {
    Gatehouse host = mail();
    const auto ask_smtp = [&](const std::string& authority) {
        return run({"openssl", "s_client", "-starttls", "smtp", "-ign_eof", "-verify_return_error", "-CAfile", authority,
                    "-connect", connect_to(host.port("smtp"))},
                   {.input = "EHLO me\r\nQUIT\r\n"});
    };
    const Result said = ask_smtp(certificates_.ca());
    EXPECT_EQ(said.status, 0) << said.err;
    EXPECT_NE(said.out.find("250 fine\r\n221 goodbye\r\n"), std::string::npos) << said.out;
    EXPECT_NE(said.out.find("subject=CN = localhost"), std::string::npos) << said.out;
    EXPECT_EQ(host.wait_for_closed("smtp")["reason"], "done");
    const std::size_t from = host.log_size();
    EXPECT_NE(ask_smtp(certificates_ / "web.pem").status, 0); // a client that does not trust it
    EXPECT_NE(host.wait_for_log("TLS handshake failed")["error"].find("alert unknown ca"), std::string::npos);
    EXPECT_EQ(host.wait_for_closed("smtp", "", from)["reason"], "tls_failed");
    certificates_.make("web", {"renewed", "127.0.0.1"});
    host.wait_for_log("certificates reloaded");
    EXPECT_NE(ask_smtp(certificates_.ca()).out.find("subject=CN = renewed"), std::string::npos);
}

TEST_F(StartTls, CurlSendsALetterWithTlsOnly) {
    Gatehouse host = mail();
    const std::string letter = certificates_.dir().write("letter", "Subject: hello\r\n\r\nhello\r\n");
    const Result sent = run({"curl", "-q", "-sS", "--noproxy", "*", "--ssl-reqd", "--cacert", certificates_.ca(), "--url",
                             "smtp://" + connect_to(host.port("smtp")), "--mail-from", "a@example.com", "--mail-rcpt",
                             "b@example.com", "--upload-file", letter});
    EXPECT_EQ(sent.status, 0) << sent.err;
    const Record closed = host.wait_for_closed("smtp");
    EXPECT_EQ(closed["tls"], "TLSv1.3");
    EXPECT_EQ(closed["reason"], "done");
    Client mallory(host.port("smtp"));
    mallory.send("STARTTLS\r\nMAIL FROM:<mallory@example.com>\r\n");
    EXPECT_EQ(mallory.recv_until_eof(), "220 this is a mail sink\r\n220 go ahead\r\n");
}

TEST_F(StartTls, CheckKnowsTheSections) {
    const std::string file = certificates_.dir().write(
        "wrong.toml", certificates_.section("web") + "[plugins.smtp]\nconfig = { tls = \"wbe\" }\n" + listener("smtp", "smtp"));
    const Result result = run_gatehouse({"check", "--plugin-path", sample_dir(), file});
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("plugins.smtp.config.tls: there is no [tls.wbe] (did you mean \"web\"?)"), std::string::npos)
        << result.err;
    EXPECT_NE(result.err.find("wrong.toml:"), std::string::npos) << result.err;
}

} // namespace
