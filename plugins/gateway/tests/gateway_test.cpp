#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

#include <string>

using namespace gatehouse::kit;

namespace {

const std::string address = "192.0.2.10:80";
const std::string a = "192.0.2.1:80", b = "192.0.2.2:80";

Table server(const std::string& where, std::int64_t limit = 0) { return {{"address", where}, {"max_connections", limit}}; }
Table pool(const List& servers) { return {{"servers", servers}}; }
Table and_also(Table table, std::string key, Value value) {
    table.entries.push_back({std::move(key), std::move(value)});
    return table;
}

TEST(Gateway, RelaysBothWays) {
    Plugin gateway({{"upstream", address}});
    gateway.upstream(address, {"welcome ", "answer", end});
    const Outcome outcome = gateway.serve({"question ", "thanks", end});
    EXPECT_EQ(outcome.output, "welcome answer");
    EXPECT_EQ(outcome.reason, "peer_closed");
    ASSERT_EQ(outcome.upstreams.size(), 1U);
    EXPECT_EQ(outcome.upstreams[0].address, address);
    EXPECT_EQ(outcome.upstreams[0].received, "question thanks");
    EXPECT_TRUE(outcome.upstreams[0].relayed);
}

TEST(Gateway, ConnectsBeforeTheClientHasSpoken) {
    Plugin gateway({{"upstream", address}});
    gateway.upstream(address, {"220 ready\r\n", end});
    EXPECT_EQ(gateway.connect().outcome().output, "220 ready\r\n");
}

TEST(Gateway, CountsForEachServer) {
    Plugin gateway(pool({and_also(server(a), "name", "one"), server(b)}));
    gateway.upstream(a, {end});
    gateway.upstream_fails(b, GATEHOUSE_REFUSED);
    const auto value = [&](const char* metric, const std::string& name) { return gateway.metric(metric, {name}); };
    for (const std::string& name : {std::string("one"), b}) {
        EXPECT_EQ(value("server_addresses", name), 1) << name;
        EXPECT_EQ(value("server_up", name), 1) << name;
    }
    while (value("server_up", b) == 1) gateway.serve({end});
    EXPECT_EQ(value("server_failures", b), 3) << "so many eject it";
    EXPECT_EQ(value("server_connects", b), 0);
    EXPECT_GE(value("server_connects", "one"), 3);
    EXPECT_EQ(value("server_failures", "one"), 0);
    EXPECT_EQ(value("server_up", "one"), 1);
    EXPECT_EQ(value("server_connections", "one"), 0);
    EXPECT_EQ(value("server_addresses", b), 1);
    EXPECT_EQ(value("server_addresses", "other"), 0);
}

// The host takes no more than 256 rows, and the sums have to be right all the same.
TEST(Gateway, CountsManyServersTogether) {
    List servers;
    for (int i = 0; i < 1000; ++i) servers.items.push_back(server("192.0.2.1:" + std::to_string(i + 1)));
    Plugin gateway(pool(servers));
    EXPECT_EQ(gateway.metric("server_up", {"192.0.2.1:250"}), 1);
    EXPECT_EQ(gateway.metric("server_up", {"other"}), 750);
    EXPECT_EQ(gateway.metric("server_addresses", {"other"}), 750);
}

TEST(Gateway, HasItsTimesFromTheConfiguration) {
    Plugin gateway({{"upstream", address}, {"connect_timeout", "2s"}, {"idle_timeout", "3m"}});
    gateway.upstream(address, {end});
    const Outcome outcome = gateway.serve({end});
    ASSERT_EQ(outcome.upstreams.size(), 1U);
    EXPECT_EQ(outcome.upstreams[0].within, std::chrono::seconds(2));
    EXPECT_EQ(outcome.upstreams[0].idle, std::chrono::minutes(3));
}

TEST(Gateway, WithoutTimesWaitsFiveSecondsAndIdlesLikeTheListener) {
    Plugin gateway({{"upstream", address}});
    gateway.upstream(address, {end});
    const Outcome outcome = gateway.serve({end});
    ASSERT_EQ(outcome.upstreams.size(), 1U);
    EXPECT_EQ(outcome.upstreams[0].within, std::chrono::seconds(5));
    EXPECT_EQ(outcome.upstreams[0].idle, std::chrono::seconds(0));
}

TEST(Gateway, LeavesTheClientCleanlyIfNobodyIsThere) {
    for (const gatehouse_status status : {GATEHOUSE_REFUSED, GATEHOUSE_TIMEOUT, GATEHOUSE_NOT_FOUND, GATEHOUSE_EXHAUSTED}) {
        Plugin gateway({{"upstream", address}});
        gateway.upstream_fails(address, status);
        const Outcome outcome = gateway.serve({"question", end});
        EXPECT_EQ(outcome.output, "");
        EXPECT_EQ(outcome.reason, "upstream_failed");
        EXPECT_EQ(outcome.error, "") << "the host knows better why";
        EXPECT_EQ(outcome.cause, "") << "and which cause that is";
    }
}

TEST(Gateway, TriesAnotherServerBeforeAByteIsSpent) {
    Plugin gateway(pool({server(a), server(b)}));
    gateway.upstream_fails(a, GATEHOUSE_REFUSED);
    gateway.upstream(b, {"welcome"});
    for (int i = 0; i < 5; ++i) {
        const Outcome outcome = gateway.serve({"question", end});
        EXPECT_EQ(outcome.output, "welcome");
        ASSERT_EQ(outcome.upstreams.size(), 1U);
        EXPECT_EQ(outcome.upstreams[0].received, "question");
    }
    ASSERT_EQ(gateway.log().size(), 1U);
    EXPECT_EQ(gateway.log()[0].text, "server 192.0.2.1:80 is ejected for 1s: 3 connections in a row failed, the last one: "
                                     "connection refused; 1 of 2 servers available");
}

TEST(Gateway, NamesAllThatItTried) {
    Plugin gateway(pool({server(a), server(b)}));
    gateway.upstream_fails(a, GATEHOUSE_REFUSED);
    gateway.upstream_fails(b, GATEHOUSE_UNREACHABLE);
    const Outcome outcome = gateway.serve({"question", end});
    EXPECT_EQ(outcome.reason, "upstream_failed");
    EXPECT_EQ(outcome.error, "2 servers tried: server 192.0.2.1:80: connection refused; server 192.0.2.2:80: unreachable");
}

TEST(Gateway, BeginsTlsWithTheNameInTheAddress) {
    for (const auto& [where, name] : {std::pair("192.0.2.10:80", "192.0.2.10"), std::pair("[2001:db8::1]:80", "2001:db8::1")}) {
        Plugin gateway({{"upstream", where}, {"tls", true}});
        gateway.upstream(where, {"welcome", end});
        const Outcome outcome = gateway.serve({"question", end});
        EXPECT_EQ(outcome.output, "welcome");
        ASSERT_EQ(outcome.upstreams.size(), 1U);
        EXPECT_TRUE(outcome.upstreams[0].tls);
        EXPECT_EQ(outcome.upstreams[0].server_name, name);
        EXPECT_EQ(outcome.upstreams[0].plain, "");
    }
}

TEST(Gateway, BeginsTlsWithTheNameThatIsConfigured) {
    Plugin gateway({{"upstream", address}, {"tls", Table{{"server_name", "db.example"}}}, {"proxy_protocol", "v1"}});
    gateway.upstream(address, {end});
    const Outcome outcome = gateway.serve({end});
    ASSERT_EQ(outcome.upstreams.size(), 1U);
    EXPECT_EQ(outcome.upstreams[0].server_name, "db.example");
    EXPECT_TRUE(outcome.upstreams[0].plain.starts_with("PROXY TCP4 ")) << outcome.upstreams[0].plain;
}

TEST(Gateway, OfServersBehindNamesTheNameCounts) {
    Plugin gateway({{"servers", List{Table{{"address", "db.example:5432"}}, Table{{"address", "srv:_db._tcp.example.org"}}}},
                    {"tls", true}});
    gateway.resolves("db.example:5432", {{a}});
    gateway.resolves("srv:_db._tcp.example.org", {{b}});
    for (const std::string& server : {a, b}) gateway.upstream(server, {end});
    for (int i = 0; i < 2; ++i) {
        const Outcome outcome = gateway.serve({end});
        ASSERT_EQ(outcome.upstreams.size(), 1U);
        EXPECT_EQ(outcome.upstreams[0].server_name, outcome.upstreams[0].address == a ? "db.example" : "example.org");
    }
}

TEST(Gateway, TriesAnotherServerIfTlsFails) {
    Plugin gateway(and_also(pool({server(a), server(b)}), "tls", true));
    gateway.upstream_fails_tls(a, GATEHOUSE_FAILED, "certificate verify failed: certificate has expired");
    gateway.upstream(b, {"welcome"});
    for (int i = 0; i < 5; ++i) {
        const Outcome outcome = gateway.serve({"question", end});
        EXPECT_EQ(outcome.output, "welcome");
        EXPECT_EQ(outcome.upstreams.back().received, "question");
    }
    ASSERT_EQ(gateway.log().size(), 1U);
    EXPECT_EQ(gateway.log()[0].text,
              "server 192.0.2.1:80 is ejected for 1s: 3 connections in a row failed, the last one: TLS: certificate verify "
              "failed: certificate has expired; 1 of 2 servers available");
}

TEST(Gateway, NamesAllThatItSpokeTlsWith) {
    Plugin gateway(and_also(pool({server(a), server(b)}), "tls", true));
    gateway.upstream_fails_tls(a, GATEHOUSE_RESET, "the server has reset the connection during the handshake");
    gateway.upstream_fails(b, GATEHOUSE_REFUSED);
    const Outcome outcome = gateway.serve({"question", end});
    EXPECT_EQ(outcome.reason, "upstream_failed");
    EXPECT_EQ(outcome.error,
              "2 servers tried: server 192.0.2.1:80: TLS: the server has reset the connection during the handshake; "
              "server 192.0.2.2:80: connection refused");
    EXPECT_EQ(outcome.upstreams.size(), 1U);
    EXPECT_EQ(outcome.upstreams[0].received, "");
}

TEST(Gateway, DoesNotRetryIfThatIsNotWanted) {
    Plugin gateway(and_also(pool({server(a), server(b)}), "retries", 0));
    gateway.upstream_fails(a, GATEHOUSE_REFUSED);
    gateway.upstream(b, {"welcome"});
    EXPECT_EQ(gateway.serve({end}).reason, "upstream_failed");
    EXPECT_EQ(gateway.serve({end}).output, "welcome");
}

// Once it has connected, the gateway has nothing to do with what the server does.
TEST(Gateway, DoesNotRetryWhatWasConnected) {
    Plugin gateway(pool({server(a), server(b)}));
    gateway.upstream(a, {reset});
    gateway.upstream(b, {"welcome"});
    const Outcome outcome = gateway.serve({"question", end});
    EXPECT_EQ(outcome.output, "");
    EXPECT_EQ(outcome.reason, "upstream_reset");
    EXPECT_EQ(outcome.upstreams.size(), 1U);
}

// --- waiting -----------------------------------------------------------------------------------------------------------------

TEST(Gateway, AClosedConnectionMakesRoomForOneThatWaits) {
    Plugin gateway(pool({server(a, 1)}));
    gateway.upstream(a, {"welcome"});
    Client first = gateway.connect();
    Client second = gateway.connect(), third = gateway.connect();
    EXPECT_EQ(first.heard(), "welcome");
    second.say({"early words"});
    EXPECT_EQ(second.outcome().next, GATEHOUSE_NEXT_WAIT);
    // What is left of five seconds: a busy machine may have used some of them since the client came.
    ASSERT_TRUE(second.outcome().deadline.has_value());
    EXPECT_LE(*second.outcome().deadline, std::chrono::seconds(5));
    EXPECT_GT(*second.outcome().deadline, std::chrono::seconds(2));
    first.say({end});
    EXPECT_EQ(second.heard(), "welcome");
    EXPECT_EQ(second.outcome().upstreams.at(0).received, "early words");
    EXPECT_EQ(second.outcome().deadline, std::nullopt) << "it was for waiting";
    EXPECT_EQ(third.heard(), "");
    second.say({reset});
    EXPECT_EQ(third.heard(), "welcome");
}

TEST(Gateway, WaitingHasAnEnd) {
    Plugin gateway(and_also(pool({server(a, 1)}), "queue", Table{{"timeout", "2s"}}));
    gateway.upstream(a, {"welcome"});
    Client first = gateway.connect(), second = gateway.connect(), third = gateway.connect();
    second.say({pass(std::chrono::milliseconds(2000))});
    EXPECT_EQ(second.outcome().reason, "upstream_failed");
    EXPECT_EQ(second.outcome().error, "all servers were full for 2s");
    EXPECT_EQ(second.outcome().cause, "queue_timeout");
    EXPECT_TRUE(third.outcome().open);
    first.say({end});
    EXPECT_EQ(third.heard(), "welcome");
}

TEST(Gateway, CountsConnectsAndRetries) {
    Plugin gateway(pool({server(a), server(b)}));
    gateway.upstream_fails(a, GATEHOUSE_REFUSED);
    gateway.upstream(b, {"welcome"});
    while (gateway.metric("retries") == 0) gateway.serve({end});
    EXPECT_EQ(gateway.metric("connects", {"refused"}), 1);
    const std::int64_t connected = gateway.metric("connects", {"connected"});
    EXPECT_GE(connected, 1);
    gateway.upstream_fails(b, GATEHOUSE_UNREACHABLE);
    EXPECT_EQ(gateway.serve({end}).reason, "upstream_failed");
    EXPECT_EQ(gateway.metric("connects", {"unreachable"}), 1);
    EXPECT_EQ(gateway.metric("connects", {"connected"}), connected);
    EXPECT_EQ(gateway.metric("queue"), 0);
}

TEST(Gateway, MeasuresTheQueue) {
    Plugin gateway(and_also(pool({server(a, 1)}), "queue", Table{{"timeout", "2s"}}));
    gateway.upstream(a, {"welcome"});
    Client first = gateway.connect(), second = gateway.connect(), third = gateway.connect();
    EXPECT_EQ(gateway.metric("queue"), 0);
    second.say({pass(std::chrono::milliseconds(2000))}); // gives up
    EXPECT_EQ(gateway.metric("queue"), 1);
    first.say({end});
    EXPECT_EQ(third.heard(), "welcome");
    EXPECT_EQ(gateway.metric("queue"), 2);
}

TEST(Gateway, AFullQueueTurnsAway) {
    Plugin gateway(and_also(pool({server(a, 1)}), "queue", Table{{"size", 1}}));
    gateway.upstream(a, {"welcome"});
    gateway.connect();
    gateway.connect();
    const Client third = gateway.connect();
    EXPECT_EQ(third.outcome().reason, "upstream_failed");
    EXPECT_EQ(third.outcome().error, "all servers are full, and the queue is full (1 client)");
    EXPECT_EQ(third.outcome().cause, "pool_full");
}

TEST(Gateway, WhoeverGoesAwayWhileWaitingLeavesTheQueue) {
    Plugin gateway(pool({server(a, 1)}));
    gateway.upstream(a, {"welcome"});
    Client first = gateway.connect(), second = gateway.connect(), third = gateway.connect();
    second.say({reset});
    EXPECT_EQ(second.outcome().reason, "peer_reset");
    first.say({end});
    EXPECT_EQ(third.heard(), "welcome");
    third.say({end});
    EXPECT_EQ(gateway.serve({end}).output, "welcome") << "no place is lost";
}

TEST(Gateway, ADrainEndsTheWait) {
    Plugin gateway(pool({server(a, 1)}));
    gateway.upstream(a, {"welcome"});
    Client first = gateway.connect(), second = gateway.connect();
    gateway.stop();
    EXPECT_EQ(second.outcome().reason, "drained");
    EXPECT_TRUE(first.outcome().open) << "a relayed connection goes on";
}

TEST(Gateway, AStrayWakeUpChangesNothing) {
    Plugin gateway(pool({server(a, 1)}));
    gateway.upstream(a, {"welcome"});
    Client first = gateway.connect(), second = gateway.connect();
    second.say({wake, wake});
    EXPECT_TRUE(second.outcome().open);
    EXPECT_EQ(second.outcome().next, GATEHOUSE_NEXT_WAIT);
    first.say({end});
    EXPECT_EQ(second.heard(), "welcome");
}

TEST(Gateway, AFailedConnectAfterWaitingIsExplained) {
    Plugin gateway(pool({server(a, 1)}));
    gateway.upstream(a, {"welcome"});
    Client first = gateway.connect(), second = gateway.connect(), third = gateway.connect();
    gateway.upstream_fails(a, GATEHOUSE_REFUSED);
    first.say({end});
    EXPECT_EQ(second.outcome().reason, "upstream_failed");
    EXPECT_EQ(third.outcome().reason, "upstream_failed") << "the place went on to the next";
    gateway.upstream(a, {"welcome"});
    EXPECT_EQ(gateway.serve({end}).output, "welcome");
}

// --- health ------------------------------------------------------------------------------------------------------------------

TEST(Gateway, ChecksAsConfigured) {
    Plugin gateway(
        {{"upstream", a},
         {"health",
          Table{{"interval", "1s"}, {"jitter", "100ms"}, {"timeout", "500ms"}, {"send", "PING\r\n"}, {"expect", "+PONG"}}}});
    const auto checks = gateway.checks();
    ASSERT_EQ(checks.size(), 1U);
    EXPECT_EQ(checks[0].address, a);
    EXPECT_EQ(checks[0].send, "PING\r\n");
    EXPECT_EQ(checks[0].first, milliseconds(0));
    EXPECT_EQ(checks[0].interval, milliseconds(1000));
    EXPECT_EQ(checks[0].jitter, milliseconds(100));
    EXPECT_EQ(checks[0].timeout, milliseconds(500));
    EXPECT_EQ(Plugin({{"upstream", a}}).checks().size(), 0U);
}

TEST(Gateway, AllDownAndOneIsBack) {
    Plugin gateway(and_also(pool({server(a), server(b)}), "health", Table{{"expect", "+"}, {"fall", 1}, {"rise", 1}}));
    gateway.upstream(a, {"a"});
    gateway.upstream(b, {"b"});
    gateway.check_answers(a, "-LOADING");
    EXPECT_EQ(gateway.serve({end}).output, "b");
    EXPECT_EQ(gateway.serve({end}).output, "b");
    gateway.check_fails(b, GATEHOUSE_TIMEOUT, "timed out");
    const Outcome outcome = gateway.serve({end});
    EXPECT_EQ(outcome.reason, "upstream_failed");
    EXPECT_EQ(outcome.error, "no server is available: 192.0.2.1:80 is down (the answer is not as expected), 192.0.2.2:80 "
                             "is down (timed out)");
    EXPECT_EQ(outcome.cause, "no_server");
    EXPECT_TRUE(outcome.upstreams.empty());
    gateway.check_answers(a, "+OK");
    EXPECT_EQ(gateway.serve({end}).output, "a");
}

TEST(Gateway, HttpChecksSayTheStatus) {
    Plugin gateway({{"upstream", a}, {"health", Table{{"http", "/healthz"}, {"http_status", "200"}, {"fall", 1}}}});
    gateway.check_answers(a, "HTTP/1.1 503 Service Unavailable\r\n\r\n");
    EXPECT_EQ(gateway.serve({end}).error, "no server is available: 192.0.2.1:80 is down (HTTP status 503)");
}

// --- the client's address ----------------------------------------------------------------------------------------------------

TEST(Gateway, SourceKeepsAClientOnItsServer) {
    Plugin gateway(and_also(pool({server(a), server(b)}), "balance", "source"));
    gateway.upstream(a, {"a"});
    gateway.upstream(b, {"b"});
    std::string all;
    for (int i = 0; i < 50; ++i) {
        const std::string host = "198.51.100." + std::to_string(i) + ':';
        const std::string first = gateway.serve({end}, {.peer = host + "1000"}).output;
        EXPECT_EQ(gateway.serve({end}, {.peer = host + "1001"}).output, first);
        all += first;
    }
    EXPECT_NE(all.find('a'), all.npos);
    EXPECT_NE(all.find('b'), all.npos);
}

TEST(Gateway, AProxyHeaderComesBeforeTheFirstByte) {
    Plugin gateway({{"upstream", a}, {"proxy_protocol", "v1"}});
    gateway.upstream(a, {});
    const Circumstances client{.peer = "198.51.100.7:40000", .local = "203.0.113.1:443"};
    EXPECT_EQ(gateway.serve({"hello", end}, client).upstreams.at(0).received,
              "PROXY TCP4 198.51.100.7 203.0.113.1 40000 443\r\nhello");
}

TEST(Gateway, EveryConnectionHasItsUniqueId) {
    Plugin gateway({{"upstream", a}, {"proxy_protocol", "v2"}, {"proxy_tlvs", List{"unique_id"}}});
    gateway.upstream(a, {});
    const std::string one = gateway.serve({end}).upstreams.at(0).received;
    const std::string two = gateway.serve({end}).upstreams.at(0).received;
    ASSERT_GT(one.size(), 31U);
    EXPECT_EQ(one.substr(0, 28), two.substr(0, 28));
    EXPECT_EQ(one[28], '\x05');
    EXPECT_NE(one.substr(31), two.substr(31));
}

TEST(Gateway, ChecksIntroduceThemselves) {
    Plugin gateway({{"upstream", a}, {"proxy_protocol", "v1"}, {"health", Table{{"expect", "220 "}}}});
    EXPECT_EQ(gateway.checks().at(0).preface, "PROXY UNKNOWN\r\n");
    Plugin connects({{"upstream", a}, {"proxy_protocol", "v1"}, {"health", Table{}}});
    EXPECT_EQ(connects.checks().at(0).send, "") << "the check only connects";
}

TEST(Gateway, ChecksNameTheServersTheyAskAfter) {
    Plugin gateway({{"upstream", "web.example:80"}, {"health", Table{{"http", "/"}, {"close", "fin"}}}});
    gateway.resolves("web.example:80", {{"192.0.2.1:80"}});
    EXPECT_NE(gateway.checks().at(0).send.find("\r\nHost: web.example:80\r\n"), std::string::npos);
    EXPECT_TRUE(gateway.checks().at(0).orderly);
    EXPECT_EQ(gateway.checks().at(0).tls, nullptr);
}

TEST(Gateway, ChecksSpeakTlsAsItsConnectionsDo) {
    const auto check = [](const Table& health) {
        Plugin gateway({{"upstream", "192.0.2.1:443"}, {"tls", true}, {"health", health}});
        return gateway.checks().at(0);
    };
    EXPECT_NE(check({}).tls, nullptr);
    EXPECT_EQ(check({}).server_name, "192.0.2.1");
    EXPECT_EQ(check({{"tls", false}}).tls, nullptr);
    EXPECT_EQ(check({{"port", 80}}).tls, nullptr) << "another port is another service";
    EXPECT_EQ(check({{"port", 80}}).address, "192.0.2.1:80");
    EXPECT_NE(check({{"port", 8443}, {"tls", true}}).tls, nullptr);
}

// That the host lacks something, or that the client's own time was over.
TEST(Gateway, WhatIsNotTheServersFaultDoesNotCountAgainstIt) {
    for (const auto& [status, state] : {std::pair(GATEHOUSE_EXHAUSTED, "up"), std::pair(GATEHOUSE_STOPPING, "up"),
                                        std::pair(GATEHOUSE_UNREACHABLE, "ejected"), std::pair(GATEHOUSE_TIMEOUT, "ejected")}) {
        Plugin gateway(and_also(pool({server(a), server(b)}), "ejection", Table{{"failures", 1}}));
        gateway.upstream_fails(a, status);
        gateway.upstream(b, {"b"});
        for (int i = 0; i < 3; ++i) EXPECT_EQ(gateway.serve({end}).output, "b");
        EXPECT_EQ(gateway.command({"servers"}).at(1).at(2).text, state) << status;
    }
}

TEST(Gateway, AnExhaustedHostSaysNothingAboutAServer) {
    Plugin gateway({{"upstream", a}, {"health", Table{{"fall", 1}}}});
    gateway.upstream(a, {"a"});
    gateway.check_fails(a, GATEHOUSE_EXHAUSTED, "too many open files");
    EXPECT_EQ(gateway.serve({end}).output, "a");
}

} // namespace
