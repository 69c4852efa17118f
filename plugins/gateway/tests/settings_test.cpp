#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

using namespace gatehouse::kit;

namespace {

const std::string an_address = "192.0.2.10:80";
const std::string forms = "expected \"host:port\", \"[v6]:port\", \"unix:/path\" or \"srv:NAME\"";

Table with(std::string key, Value value) { return {{"upstream", an_address}, {std::move(key), std::move(value)}}; }
Table with_server(const Table& server) { return {{"servers", List{server}}}; }
Table health(std::string key, Value value) { return with("health", Table{{std::move(key), std::move(value)}}); }

TEST(Settings, NeedAnUpstreamOrServers) {
    const std::string missing = "upstream: missing (" + forms + "; or \"servers\")";
    EXPECT_EQ(Plugin::refusal({}), missing);
    EXPECT_EQ(Plugin::refusal({{"upstream", ""}}), missing);
    EXPECT_EQ(Plugin::refusal({{"servers", List{}}}), missing);
    EXPECT_EQ(Plugin::refusal({{"upstream", an_address}, {"servers", List{Table{{"address", an_address}}}}}),
              "upstream: given beside servers (expected \"upstream\" or \"servers\")");
}

TEST(Settings, AServerThatComesWithTheClient) {
    const Table sni{{"upstream_from", "sni"}, {"port", 443}, {"allow_upstreams", List{"10.8.0.0/16", "2001:db8::1"}}};
    EXPECT_EQ(Plugin::refusal(sni), "");
    EXPECT_EQ(Plugin::refusal({{"upstream_from", "route"}}), "");
    EXPECT_EQ(
        Plugin::refusal({{"upstream_from", "sni"}}),
        "port: missing (expected the servers' port, such as 443)\n"
        "allow_upstreams: missing (expected the networks of your servers, such as [\"10.8.0.0/16\"]; without them any client "
        "could reach any address from here)");
    EXPECT_EQ(Plugin::refusal({{"upstream_from", "route"}, {"upstream", an_address}, {"port", 1}}),
              "upstream: given beside upstream_from (expected one of the two)\n"
              "port: without effect (expected upstream_from = \"sni\")");
    EXPECT_EQ(
        Plugin::refusal({{"upstream_from", "route"}, {"allow_upstreams", List{"10.8.0.1/16"}}}),
        "allow_upstreams[0]: \"10.8.0.1/16\" is not a network (expected one such as \"10.8.0.0/16\" or \"2001:db8::/32\")");
    EXPECT_EQ(Plugin::refusal(with("allow_upstreams", List{"10.8.0.0/16"})),
              "allow_upstreams: without effect (expected upstream_from beside it)");
    const Table shop{{"name", "shop"}, {"servers", List{Table{{"address", an_address}}}}};
    EXPECT_EQ(Plugin::refusal({{"upstream_from", "route"}, {"pools", List{shop}}}), "");
    EXPECT_EQ(Plugin::refusal({{"upstream_from", "route"}, {"pools", List{shop, shop}}}),
              "pools[1].name: \"shop\" is the name of another pool");
    EXPECT_EQ(Plugin::refusal({{"upstream_from", "route"}, {"pools", List{Table{{"name", "shop"}}}}}),
              "pools[0].servers: missing (expected an array of servers)");
    EXPECT_EQ(Plugin::refusal(with("pools", List{shop})), "pools: without effect (expected upstream_from = \"route\")");
}

TEST(Settings, TakeEveryFormOfAddress) {
    for (const std::string good : {"127.0.0.1:80", "[::1]:65535", "db.example:5432", "localhost:1", "unix:/run/x", "unix:@x",
                                   "srv:_redis._tcp.example"}) {
        EXPECT_EQ(Plugin::refusal({{"upstream", good}}), "") << good;
        EXPECT_EQ(Plugin::refusal(with_server({{"address", good}})), "") << good;
    }
}

TEST(Settings, RefuseWhatIsNoAddress) {
    const std::string all = ", a server is at one address, not at all of them";
    const std::string port = ", the port is not a number from 1 to 65535";
    for (const auto& [bad, why] : std::vector<std::pair<std::string, std::string>>{
             {"localhost", ", the port is missing"},
             {"[::1]", ", the port is missing"},
             {":80", all},
             {"*:80", all},
             {"0.0.0.0:80", all},
             {"[::]:80", all},
             {"localhost:0", port},
             {"localhost:http", port},
             {"::1", ", an IPv6 address needs brackets and a port"},
             {"::1:80", ", an IPv6 address needs brackets and a port"},
             {"unix:", ", the path is missing"},
             {"unix:/" + std::string(107, 'x'), ", the path has 108 bytes, and at most 107 fit"},
             {"/run/x", ", a unix socket begins with unix:"},
             {"http://a:80", ", leave http:// and the path behind the port out"},
             {"srv:_redis._tcp.example:6379", ", a srv: name has no port, its records have"},
             {"srv:", ""},
             {"a b:80", ""}}) {
        const std::string what = "is not an address: \"" + bad + "\"" + why + " (" + forms + ")";
        EXPECT_EQ(Plugin::refusal({{"upstream", bad}}), "upstream: " + what);
        EXPECT_EQ(Plugin::refusal(with_server({{"address", bad}})), "servers[0].address: " + what);
    }
    EXPECT_EQ(Plugin::refusal(with_server({{"name", "a"}})), "servers[0].address: missing (expected a string)");
}

TEST(Settings, ReadHowTlsIsSpoken) {
    EXPECT_EQ(Plugin::refusal(with("tls", true)), "");
    EXPECT_EQ(Plugin::refusal(with("tls", false)), "");
    EXPECT_EQ(Plugin::refusal(with("tls", Table{{"ca", "ca.pem"},
                                                {"server_name", "db.example"},
                                                {"verify", true},
                                                {"certificate", "me.pem"},
                                                {"key", "me.key"},
                                                {"alpn", List{"postgresql"}}})),
              "");
    EXPECT_EQ(Plugin::refusal(with("tls", "yes")), "tls: wrong type: string (expected a table)");
    EXPECT_EQ(Plugin::refusal(with("tls", Table{{"verify", false}, {"ca", "ca.pem"}})),
              "tls.ca: without effect (verify is false)");
    EXPECT_EQ(Plugin::refusal(with("tls", Table{{"key", "me.key"}})),
              "tls.key: without effect (expected a certificate beside it)");
    EXPECT_EQ(Plugin::refusal(with("tls", Table{{"cert", "me.pem"}})),
              "tls.cert: unknown key (known here: ca, server_name, certificate, key, verify, alpn)");
}

TEST(Settings, NeedAServerNameForUnixSockets) {
    const std::string missing = "tls.server_name: missing (expected the name that the server's certificate has to be for, or "
                                "verify = false: a unix socket has none)";
    const auto unix_with = [](Value tls) { return Table{{"upstream", "unix:/run/x"}, {"tls", std::move(tls)}}; };
    EXPECT_EQ(Plugin::refusal(unix_with(true)), missing);
    EXPECT_EQ(Plugin::refusal(unix_with(Table{{"verify", true}})), missing);
    EXPECT_EQ(Plugin::refusal(unix_with(Table{{"verify", false}})), "");
    EXPECT_EQ(Plugin::refusal(unix_with(Table{{"server_name", "x.example"}})), "");
}

TEST(Settings, ChecksSpeakTlsOnlyAsTheServersDo) {
    const auto checked = [](const Table& health) {
        return Plugin::refusal({{"upstream", an_address}, {"tls", true}, {"health", health}});
    };
    for (const bool tls : {true, false}) EXPECT_EQ(checked({{"http", "/healthz"}, {"tls", tls}}), "");
    EXPECT_EQ(Plugin::refusal(health("tls", false)), "");
    EXPECT_EQ(Plugin::refusal(health("tls", true)),
              "health.tls: the servers have no TLS (expected \"tls\" beside \"health\" as "
              "well, which says how to verify them)");
}

TEST(Settings, HealthInBytes) {
    for (const char* good : {"d2", "d2 00 0A", "D200  0a", " 0f "})
        EXPECT_EQ(Plugin::refusal(with("health", Table{{"send_hex", good}, {"expect_hex", good}})), "") << good;
    for (const std::string bad : {"d", "d2 0", "0x12", "g0", "d2,00", "-1", "+1", "1 2"})
        EXPECT_EQ(Plugin::refusal(health("expect_hex", bad)),
                  "health.expect_hex: \"" + bad + "\" is not hexadecimal (expected pairs of digits, such as \"d2 00 0a\")");
    EXPECT_EQ(Plugin::refusal(health("send_hex", "d2")),
              "health.send_hex: without effect (expected an \"expect\" for the answer as well)");
    EXPECT_EQ(Plugin::refusal(with("health", Table{{"send", "x"}, {"send_hex", "d2"}, {"expect", "y"}})),
              "health.send_hex: given beside send (expected one of the two)");
    EXPECT_EQ(Plugin::refusal(health("expect_hex", std::string(64 * 1024 + 2, '0'))),
              "health.expect_hex: it must have at most 32KiB");
}

TEST(Settings, HealthInSteps) {
    const Table banner{{"expect", "220"}};
    EXPECT_EQ(Plugin::refusal(health("steps", List{banner, Table{{"send", "QUIT\r\n"}, {"expect_hex", "32"}}})), "");
    EXPECT_EQ(Plugin::refusal(health("steps", List{banner, Table{{"send", "QUIT\r\n"}}})),
              "health.steps[1].expect: missing (expected \"expect\", \"expect_hex\" or \"contains\" in each step)");
    EXPECT_EQ(Plugin::refusal(health("steps", List{Table{{"expect", "x"}, {"until", "y"}}})),
              "health.steps[0].until: unknown key (known here: send, send_hex, expect, expect_hex, contains)");
    EXPECT_EQ(Plugin::refusal(with("health", Table{{"expect", "x"}, {"steps", List{banner}}})),
              "health.steps: given beside send or expect (expected those in the steps)");
    EXPECT_EQ(Plugin::refusal(with("health", Table{{"http", "/"}, {"steps", List{banner}}})),
              "health.http: given beside send, expect or steps (expected \"http\", or those)");
    List many;
    many.items.assign(33, banner);
    EXPECT_EQ(Plugin::refusal(health("steps", many)), "health.steps: more than 32 steps");
}

TEST(Settings, HealthElsewhereAndItsEnd) {
    EXPECT_EQ(Plugin::refusal(health("port", 8080)), "");
    EXPECT_EQ(Plugin::refusal(health("port", 0)), "health.port: out of range: 0 (expected an integer from 1 to 65535)");
    EXPECT_EQ(Plugin::refusal({{"upstream", "unix:/run/x"}, {"health", Table{{"port", 80}}}}),
              "health.port: a unix socket has none: \"unix:/run/x\"");
    for (const char* good : {"reset", "fin"}) EXPECT_EQ(Plugin::refusal(health("close", good)), "");
    EXPECT_EQ(Plugin::refusal(health("close", "rst")), "health.close: unknown value \"rst\" (expected \"reset\" or \"fin\")");
}

TEST(Settings, ChecksAtAnotherAddress) {
    const auto at = [](const Table& health, const std::string& server = an_address) {
        return Plugin::refusal({{"upstream", server}, {"health", health}});
    };
    for (const char* good : {"10.0.0.9", "[2001:db8::9]", "unix:/run/agent"}) EXPECT_EQ(at({{"address", good}}), "") << good;
    EXPECT_EQ(at({{"address", "10.0.0.9"}, {"port", 8008}}, "unix:/run/x"), "");
    EXPECT_EQ(at({{"address", "10.0.0.9"}}, "unix:/run/x"),
              "health.port: missing (\"unix:/run/x\" is a unix socket and has none)");
    EXPECT_EQ(at({{"address", "unix:/run/agent"}, {"port", 80}}), "health.port: a unix socket has none: \"unix:/run/agent\"");
    for (const std::string bad : {"10.0.0.9:80", "agent.example", "2001:db8::9"})
        EXPECT_EQ(at({{"address", bad}}),
                  "health.address: is not an address: \"" + bad +
                      "\" (expected an IP address, IPv6 in brackets, without a port, or \"unix:/path\")");
}

TEST(Settings, WhatFollowsAChange) {
    const Table checked{{"upstream", an_address},
                        {"health", Table{{"start", "down"}}},
                        {"on_down", "cut"},
                        {"on_up", "cut_backups"},
                        {"panic", 30}};
    EXPECT_EQ(Plugin::refusal(checked), "");
    for (const char* good : {"keep", "cut", "10m"}) EXPECT_EQ(Plugin::refusal(with("on_removed", good)), "") << good;
    EXPECT_EQ(Plugin::refusal(with("on_removed", "later")),
              "on_removed: unknown value \"later\" (expected \"keep\", \"cut\" or a duration: \"10m\")");
    EXPECT_EQ(Plugin::refusal(with("on_down", "cut")),
              "on_down: without effect (expected \"health\": only checks call a server down)");
    EXPECT_EQ(Plugin::refusal(with("panic", 101)), "panic: out of range: 101 (expected an integer from 0 to 100)");
    EXPECT_EQ(Plugin::refusal(health("start", "off")), "health.start: unknown value \"off\" (expected \"up\" or \"down\")");
}

TEST(Settings, APoolHasALimit) {
    List servers;
    for (int i = 0; i < 4097; ++i) servers.items.emplace_back(Table{{"address", "192.0.2.1:" + std::to_string(i + 1)}});
    EXPECT_EQ(Plugin::refusal({{"servers", servers}}), "servers: more than 4096 (expected several pools)");
}

TEST(Settings, CheckEveryServer) {
    EXPECT_EQ(Plugin::refusal(with_server(
                  {{"address", an_address}, {"name", "a"}, {"weight", 256}, {"backup", true}, {"max_connections", 1'000'000}})),
              "");
    EXPECT_EQ(Plugin::refusal(with_server({{"address", an_address}, {"weight", 257}})),
              "servers[0].weight: out of range: 257 (expected an integer from 0 to 256)");
    EXPECT_EQ(Plugin::refusal(with_server({{"address", an_address}, {"max_connections", -1}})),
              "servers[0].max_connections: out of range: -1 (expected an integer from 0 to 1000000)");
    EXPECT_EQ(Plugin::refusal(with_server({{"address", an_address}, {"name", "a b"}})),
              "servers[0].name: \"a b\" is not a name (expected at most 64 characters without blanks)");
    const Table a{{"address", an_address}, {"name", "a"}};
    const auto beside_a = [&](const Table& other) { return Plugin::refusal({{"servers", List{a, other}}}); };
    EXPECT_EQ(beside_a({{"address", "192.0.2.11:80"}, {"name", "a"}}), "servers[1].name: \"a\" is the name of another server");
    EXPECT_EQ(beside_a({{"address", "192.0.2.11:80"}, {"name", an_address}}),
              "servers[1].name: \"192.0.2.10:80\" is the name of another server");
    EXPECT_EQ(beside_a({{"address", an_address}, {"name", "b"}}),
              "servers[1].address: \"192.0.2.10:80\" is the address of another server");
    EXPECT_EQ(Plugin::refusal(with_server({{"address", an_address}, {"wieght", 1}})),
              "servers[0].wieght: unknown key (known here: address, name, weight, backup, max_connections, max_per_source)");
}

TEST(Settings, Balance) {
    for (const char* good : {"round_robin", "least_connections", "source", "random"})
        EXPECT_EQ(Plugin::refusal(with("balance", good)), "") << good;
    EXPECT_EQ(Plugin::refusal(with("balance", "sauce")), "balance: unknown value \"sauce\" (expected \"round_robin\", "
                                                         "\"least_connections\", \"source\" or \"random\")");
}

TEST(Settings, Times) {
    EXPECT_EQ(Plugin::refusal(with("connect_timeout", "0s")),
              "connect_timeout: out of range: \"0s\" (expected a duration from 1ms to 1d)");
    EXPECT_EQ(Plugin::refusal(with("connect_timeout", "2d")),
              "connect_timeout: out of range: \"2d\" (expected a duration from 1ms to 1d)");
    EXPECT_EQ(Plugin::refusal(with("slow_start", "2d")),
              "slow_start: out of range: \"2d\" (expected a duration of at most 1d)");
    EXPECT_EQ(Plugin::refusal(with("queue", Table{{"timeout", "0s"}})),
              "queue.timeout: out of range: \"0s\" (expected a duration from 1ms to 1d)");
    EXPECT_EQ(Plugin::refusal(with("retries", 101)), "retries: out of range: 101 (expected an integer from 0 to 100)");
    EXPECT_EQ(Plugin::refusal(with("queue", Table{{"size", 0}, {"timeout", "1h"}})), "");
    EXPECT_EQ(Plugin::refusal(with("ejection", Table{{"backoff", "10s"}, {"max_backoff", "5s"}})),
              "ejection.max_backoff: it must be at least the backoff");
    EXPECT_EQ(Plugin::refusal(with("ejection", Table{{"backoff", "0s"}})),
              "ejection.backoff: out of range: \"0s\" (expected a duration from 1ms to 1d)");
    EXPECT_EQ(Plugin::refusal(with("ejection", Table{{"failures", 0}})), "");
}

TEST(Settings, Health) {
    EXPECT_EQ(Plugin::refusal(with("health", Table{})), "");
    EXPECT_EQ(Plugin::refusal(with("health", Table{{"send", "PING\r\n"}, {"expect", "+PONG"}})), "");
    EXPECT_EQ(Plugin::refusal(with(
                  "health", Table{{"http", "/healthz"}, {"http_host", "www.example"}, {"http_status", "200,204,301-308"}})),
              "");
    EXPECT_EQ(Plugin::refusal(health("interval", "9ms")),
              "health.interval: out of range: \"9ms\" (expected a duration from 10ms to 1d)");
    EXPECT_EQ(Plugin::refusal(health("jitter", "3s")), "health.jitter: it must be at most the interval");
    EXPECT_EQ(Plugin::refusal(health("timeout", "0s")),
              "health.timeout: out of range: \"0s\" (expected a duration from 1ms to 1d)");
    EXPECT_EQ(Plugin::refusal(health("rise", 0)), "health.rise: out of range: 0 (expected an integer from 1 to 1000)");
    EXPECT_EQ(Plugin::refusal(health("fall", 0)), "health.fall: out of range: 0 (expected an integer from 1 to 1000)");
    EXPECT_EQ(Plugin::refusal(health("send", "x")),
              "health.send: without effect (expected an \"expect\" for the answer as well)");
    EXPECT_EQ(Plugin::refusal(with("health", Table{{"send", std::string(32 * 1024 + 1, 'x')}, {"expect", "y"}})),
              "health.send: it must have at most 32KiB");
    EXPECT_EQ(Plugin::refusal(health("expect", std::string(32 * 1024 + 1, 'x'))), "health.expect: it must have at most 32KiB");
    EXPECT_EQ(Plugin::refusal(health("http", "healthz")), "health.http: \"healthz\" is not a path (expected \"/path\")");
    EXPECT_EQ(Plugin::refusal(health("http", "/a b")), "health.http: \"/a b\" is not a path (expected \"/path\")");
    EXPECT_EQ(Plugin::refusal(with("health", Table{{"http", "/"}, {"http_host", "a b"}})),
              "health.http_host: \"a b\" is not a value of the Host field");
    EXPECT_EQ(Plugin::refusal(health("http_status", "200")),
              "health.http_status: for HTTP checks only (expected http = \"/path\")");
    EXPECT_EQ(Plugin::refusal(health("http_host", "a")), "health.http_host: for HTTP checks only (expected http = \"/path\")");
    EXPECT_EQ(Plugin::refusal(with("health", Table{{"http", "/"}, {"send", "x"}, {"expect", "y"}})),
              "health.http: given beside send, expect or steps (expected \"http\", or those)");
}

TEST(Settings, StatusCodes) {
    for (const std::string bad :
         {"20", "99", "600", "200-", "-200", "300-200", "200,", ",200", "200 ", "2xx", "200-300-400", "x"})
        EXPECT_EQ(Plugin::refusal(with("health", Table{{"http", "/"}, {"http_status", bad}})),
                  "health.http_status: \"" + bad +
                      "\" is not a list of status codes (expected \"200\", \"200-399\" or \"200,204,301-308\")");
}

TEST(Settings, ProxyProtocol) {
    for (const char* good : {"v1", "v2"}) EXPECT_EQ(Plugin::refusal(with("proxy_protocol", good)), "");
    EXPECT_EQ(Plugin::refusal(with("proxy_protocol", "v3")),
              "proxy_protocol: unknown value \"v3\" (expected \"v1\" or \"v2\")");
    EXPECT_EQ(Plugin::refusal({{"upstream", an_address}, {"proxy_protocol", "v1"}, {"proxy_tlvs", List{"unique_id"}}}),
              "proxy_tlvs: only version 2 has them (expected proxy_protocol = \"v2\")");
    EXPECT_EQ(Plugin::refusal({{"upstream", an_address}, {"proxy_protocol", "v2"}, {"proxy_tlvs", List{"unique_id", "id"}}}),
              "proxy_tlvs[1]: unknown value \"id\" (expected \"unique_id\", \"crc32c\", \"tls\", \"alpn\" or \"authority\")");
}

TEST(Settings, WrongTypes) {
    EXPECT_EQ(Plugin::refusal(with("queue", 5)), "queue: wrong type: integer (expected a table)");
    EXPECT_EQ(Plugin::refusal(with("health", true)), "health: wrong type: boolean (expected a table)");
    EXPECT_EQ(Plugin::refusal({{"servers", an_address}}).substr(0, 42), "servers: wrong type: string (expected an a");
    EXPECT_EQ(Plugin::refusal({{"servers", List{an_address}}}).substr(0, 10), "servers[0]");
}

TEST(Settings, ANameNeedsAHostThatFollowsIt) {
    EXPECT_EQ(Plugin::start_failure({{"upstream", "db.example:80"}}, Extensions::none),
              "this host has no discovery (gatehouse.discovery/1)");
}

} // namespace
