// Pools for addresses that come with the clients.
#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace gatehouse::kit;
using namespace std::chrono_literals;

namespace {

const std::string one = "192.0.2.1:80", other = "192.0.2.2:80";

Circumstances routed_to(const std::string& value) { return {.route_value = value}; }
Circumstances asking_for(const std::string& name) { return {.server_name = name}; }

Table by_route(Table more = {}) {
    more.entries.push_back({"upstream_from", "route"});
    return more;
}
Table by_name(Table more = {}) {
    more.entries.push_back({"upstream_from", "sni"});
    more.entries.push_back({"port", 443});
    more.entries.push_back({"allow_upstreams", List{"192.0.2.0/24"}});
    return more;
}

std::vector<std::string> servers(Plugin& gateway) {
    std::vector<std::string> lines;
    const Rows rows = gateway.command({"servers"}); // the first has the names of the columns
    for (std::size_t i = 1; i < rows.size(); ++i) lines.push_back(rows[i].back().text + ' ' + rows[i][1].text);
    return lines;
}
using Lines = std::vector<std::string>;

TEST(Sites, TheMapSaysWhereAClientGoes) {
    Plugin gateway(by_route());
    gateway.upstream(one, {"one", end});
    gateway.upstream(other, {"two", end});
    EXPECT_EQ(servers(gateway), Lines{});
    EXPECT_EQ(gateway.serve({end}, routed_to(one)).output, "one");
    EXPECT_EQ(gateway.serve({end}, routed_to(other)).output, "two");
    EXPECT_EQ(gateway.serve({end}, routed_to(one)).output, "one");
    EXPECT_EQ(servers(gateway), (Lines{one + ' ' + one, other + ' ' + other}));
}

TEST(Sites, TheMapMayNameAPool) {
    Plugin gateway(by_route(
        {{"pools", List{Table{{"name", "shop"}, {"servers", List{Table{{"address", one}}, Table{{"address", other}}}}}}}}));
    gateway.upstream(one, {"one", end});
    gateway.upstream(other, {"two", end});
    EXPECT_EQ(gateway.serve({end}, routed_to("pool=shop")).output, "one");
    EXPECT_EQ(gateway.serve({end}, routed_to("pool=shop")).output, "two");
    EXPECT_EQ(gateway.serve({end}, routed_to("pool=blog")).error,
              "the map of the route names the pool \"blog\", which is not among `pools`");
}

TEST(Sites, SayWhyAClientGoesNowhere) {
    Plugin gateway(by_route());
    const Outcome outcome = gateway.serve({end});
    EXPECT_EQ(outcome.reason, "upstream_failed");
    EXPECT_EQ(outcome.error, "no route with a map has taken this client (expected sni_map in the route)");
    EXPECT_EQ(gateway.serve({end}, routed_to("root=/srv")).error,
              "the map of the route has \"root=/srv\", which is no server's address");
}

TEST(Sites, ANameIsResolvedAndItsAddressesHaveToBeAllowed) {
    Plugin gateway(by_name());
    gateway.upstream("192.0.2.7:443", {"welcome", end});
    Client client = gateway.connect(asking_for("Shop.example"));
    gateway.resolves("shop.example:443", {{"198.51.100.1:443"}, {"192.0.2.7:443"}});
    EXPECT_EQ(client.heard(), "welcome");
    EXPECT_EQ(servers(gateway), Lines{"shop.example 192.0.2.7:443"});

    for (const char* name : {"shop.example", "SHOP.example.", "shop.EXAMPLE"})
        EXPECT_EQ(gateway.serve({end}, asking_for(name)).output, "welcome") << name;
    EXPECT_EQ(servers(gateway).size(), 1U) << "it is the same name";

    Client stray = gateway.connect(asking_for("evil.example"));
    gateway.resolves("evil.example:443", {{"198.51.100.1:443"}, {"127.0.0.1:443"}});
    EXPECT_EQ(stray.outcome().reason, "upstream_failed");
    EXPECT_EQ(stray.outcome().error,
              "there is no server: evil.example:443, 198.51.100.1:443, is in none of the networks of allow_upstreams");
    EXPECT_EQ(stray.outcome().upstreams.size(), 0U);
}

TEST(Sites, ANameThatClientsChooseMeansNothingElse) {
    Plugin gateway(by_name());
    for (const std::string name : {"unix:/run/a", "srv:_x._tcp.example", "a:80", "-a.example", "a b"})
        EXPECT_EQ(gateway.serve({end}, asking_for(name)).error, "the client asks for a name that no server can have") << name;
    EXPECT_EQ(gateway.serve({end}).error, "the client asks for no server name");
    EXPECT_EQ(gateway.serve({end}, asking_for("127.0.0.1")).error,
              "there is no server: 127.0.0.1:443 is in none of the networks of allow_upstreams");
    EXPECT_EQ(gateway.log().size(), 0U) << "clients must not fill the log";
}

TEST(Sites, AnAddressOfAMapHasToBeAllowedAsWell) {
    Plugin gateway(by_route({{"allow_upstreams", List{"192.0.2.1"}}}));
    gateway.upstream(one, {"one", end});
    EXPECT_EQ(gateway.serve({end}, routed_to(one)).output, "one");
    EXPECT_EQ(gateway.serve({end}, routed_to(other)).error,
              "there is no server: " + other + " is in none of the networks of allow_upstreams");
    EXPECT_EQ(gateway.serve({end}, routed_to("unix:/run/a")).error,
              "there is no server: unix:/run/a is in none of the networks of allow_upstreams");
}

TEST(Sites, APoolWithoutClientsGoesInTime) {
    Plugin gateway(by_route({{"idle_pool", "10s"}}));
    gateway.upstream(one, {end});
    gateway.upstream(other, {end});
    Client stays = gateway.connect(routed_to(one));
    gateway.serve({end}, routed_to(other));
    EXPECT_EQ(servers(gateway).size(), 2U);
    gateway.pass(20s);
    EXPECT_EQ(servers(gateway), Lines{one + ' ' + one});
    stays.say({end});
    gateway.pass(5s);
    EXPECT_EQ(servers(gateway).size(), 1U);
    gateway.pass(20s);
    EXPECT_EQ(servers(gateway), Lines{});
}

TEST(Sites, ANewPoolTakesThePlaceOfTheOneIdleLongest) {
    Plugin gateway(by_route({{"max_pools", 2}}));
    for (const std::string& address : {one, other, std::string("192.0.2.3:80")}) gateway.upstream(address, {});
    gateway.connect(routed_to(one)); // and it stays
    {
        Client second = gateway.connect(routed_to(other));
        second.say({end});
    }
    gateway.connect(routed_to("192.0.2.3:80"));
    EXPECT_EQ(servers(gateway), (Lines{one + ' ' + one, "192.0.2.3:80 192.0.2.3:80"}));
    EXPECT_EQ(gateway.serve({end}, routed_to(other)).error, "all 2 pools have clients (max_pools)");
}

TEST(Sites, TakeNoOrders) {
    Plugin gateway(by_route());
    gateway.upstream(one, {end});
    gateway.serve({end}, routed_to(one));
    try {
        gateway.command({"disable", one});
        FAIL() << "it has taken the order";
    } catch (const Refused& refused) {
        EXPECT_STREQ(refused.what(),
                     "the pools of this gateway come and go with its clients (upstream_from): they take no orders");
    }
    EXPECT_EQ(gateway.command({"orders"}).size(), 1U);
    EXPECT_EQ(gateway.command({"queue"}).size(), 2U);
}

} // namespace
