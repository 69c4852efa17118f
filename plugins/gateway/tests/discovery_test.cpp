#include "discovery.hpp"

#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

using namespace gatehouse::kit;
using gateway::AddressKind;

namespace {

gateway::Source named(std::string address, AddressKind kind) {
    gateway::Source source;
    source.address = std::move(address);
    source.kind = kind;
    return source;
}

// "NAME ADDRESS weight rank limit"
std::vector<std::string> specs(const gateway::Source& source, const std::vector<gatehouse::Endpoint>& endpoints) {
    std::vector<std::string> lines;
    for (const auto& spec : gateway::specs_of(source, endpoints))
        lines.push_back(spec.name + ' ' + spec.address + ' ' + std::to_string(spec.weight) + ' ' + std::to_string(spec.rank) +
                        (spec.limit == gateway::Slot::unlimited ? "" : ' ' + std::to_string(spec.limit)));
    return lines;
}
using Lines = std::vector<std::string>;

TEST(Discovery, EachAddressIsAServer) {
    gateway::Source source = named("db.example:80", AddressKind::name);
    source.weight = 3;
    source.max_connections = 7;
    EXPECT_EQ(specs(source, {{"192.0.2.1:80"}, {"[2001:db8::1]:80"}}),
              (Lines{"192.0.2.1:80 192.0.2.1:80 3 0 7", "[2001:db8::1]:80 [2001:db8::1]:80 3 0 7"}));
    source.name = "db";
    source.backup = true;
    EXPECT_EQ(specs(source, {{"192.0.2.1:80"}}), Lines{"db/192.0.2.1:80 192.0.2.1:80 3 65536 7"});
}

TEST(Discovery, RecordsHaveWeightsAndPriorities) {
    gateway::Source source = named("srv:_x._tcp.example", AddressKind::service);
    EXPECT_EQ(
        specs(source, {{"192.0.2.1:80", 10, 5}, {"192.0.2.2:81", 10, 0}, {"192.0.2.3:82", 20, 65535}, {"192.0.2.4:83", 30, 1}}),
        (Lines{"192.0.2.1:80 192.0.2.1:80 5 0", "192.0.2.2:81 192.0.2.2:81 1 0", "192.0.2.3:82 192.0.2.3:82 65535 1",
               "192.0.2.4:83 192.0.2.4:83 1 2"}));
    source.weight = 256;
    EXPECT_EQ(specs(source, {{"192.0.2.3:82", 0, 65535}}), Lines{"192.0.2.3:82 192.0.2.3:82 1048576 0"}) << "bounded";
}

// --- through the plugin ------------------------------------------------------------------------------------------------------

const std::string db = "db.example:80";

std::vector<std::string> texts(Plugin& plugin) {
    std::vector<std::string> lines;
    for (const LogLine& line : plugin.log()) lines.push_back(line.text);
    return lines;
}

TEST(Discovery, ClientsWaitForTheFirstAnswer) {
    Plugin gateway({{"upstream", db}});
    gateway.upstream("192.0.2.1:80", {"welcome"});
    Client client = gateway.connect();
    client.say({"hello"});
    EXPECT_EQ(client.outcome().next, GATEHOUSE_NEXT_WAIT);
    gateway.resolves(db, {{"192.0.2.1:80"}});
    EXPECT_EQ(client.heard(), "welcome");
    ASSERT_EQ(client.outcome().upstreams.size(), 1U);
    EXPECT_EQ(client.outcome().upstreams[0].received, "hello");
    EXPECT_EQ(texts(gateway), Lines{});
}

TEST(Discovery, ANameThatDoesNotResolveIsAWarning) {
    Plugin gateway({{"upstream", db}});
    Client client = gateway.connect();
    gateway.does_not_resolve(db);
    EXPECT_EQ(client.outcome().reason, "upstream_failed");
    EXPECT_EQ(client.outcome().error, "there is no server: db.example:80: no such name");
    ASSERT_EQ(gateway.log().size(), 1U);
    EXPECT_EQ(gateway.log()[0].level, GATEHOUSE_LEVEL_WARNING);
    EXPECT_EQ(gateway.log()[0].text, "the name of the servers does not resolve: db.example:80: no such name");
    gateway.upstream("192.0.2.1:80", {"welcome"});
    gateway.resolves(db, {{"192.0.2.1:80"}});
    EXPECT_EQ(gateway.connect().heard(), "welcome");
}

TEST(Discovery, ConnectionsOutliveTheirServersAddress) {
    Plugin gateway({{"upstream", db}});
    gateway.upstream("192.0.2.1:80", {"one"});
    gateway.upstream("192.0.2.2:80", {"two"});
    gateway.resolves(db, {{"192.0.2.1:80"}});
    Client old = gateway.connect();
    gateway.resolves(db, {{"192.0.2.2:80"}});
    EXPECT_EQ(texts(gateway), (Lines{"server 192.0.2.2:80 is new; 1 of 1 server available",
                                     "server 192.0.2.1:80 is removed; 1 of 1 server available"}));
    EXPECT_EQ(gateway.connect().heard(), "two");
    EXPECT_EQ(old.say({"still here"}).outcome().upstreams[0].received, "still here");
    EXPECT_EQ(gateway.command({"servers"}).size(), 3U);
    old.say({end});
    EXPECT_EQ(gateway.command({"servers"}).size(), 2U);
}

TEST(Discovery, ConnectionsToAnAddressThatIsGoneMayHaveATime) {
    Plugin gateway({{"upstream", db}, {"on_removed", "10m"}});
    gateway.upstream("192.0.2.1:80", {"one"});
    gateway.resolves(db, {{"192.0.2.1:80"}});
    Client old = gateway.connect();
    gateway.resolves(db, {{"192.0.2.2:80"}});
    gateway.pass(std::chrono::minutes(9));
    EXPECT_TRUE(old.outcome().open);
    gateway.pass(std::chrono::minutes(1));
    EXPECT_EQ(old.outcome().reason, "ended");
}

TEST(Discovery, NobodyAnswersAndTheServersStay) {
    Plugin gateway({{"upstream", db}});
    gateway.upstream("192.0.2.1:80", {"one"});
    gateway.resolves(db, {{"192.0.2.1:80"}});
    gateway.does_not_resolve(db, GATEHOUSE_TIMEOUT, "timed out");
    EXPECT_EQ(texts(gateway),
              Lines{"the name of the servers does not resolve: db.example:80: timed out; the last known servers stay"});
    EXPECT_EQ(gateway.connect().heard(), "one");
}

TEST(Discovery, ANameThatIsGoneHasNoServers) {
    Plugin gateway({{"upstream", db}});
    gateway.upstream("192.0.2.1:80", {"one"});
    gateway.resolves(db, {{"192.0.2.1:80"}});
    Client old = gateway.connect();
    gateway.does_not_resolve(db);
    EXPECT_EQ(gateway.connect().outcome().error, "there is no server: db.example:80: no such name");
    EXPECT_TRUE(old.outcome().open);
}

TEST(Discovery, EachServerHasItsCheck) {
    Plugin gateway(
        {{"servers", List{Table{{"address", db}}, Table{{"address", "unix:/run/x"}}}}, {"health", Table{{"interval", "1s"}}}});
    const auto checked = [&] {
        std::vector<std::string> addresses;
        for (const CheckRecord& check : gateway.checks()) addresses.push_back(check.address);
        return addresses;
    };
    EXPECT_EQ(checked(), Lines{"unix:/run/x"});
    gateway.resolves(db, {{"192.0.2.1:80"}, {"192.0.2.2:80"}});
    EXPECT_EQ(checked(), (Lines{"unix:/run/x", "192.0.2.1:80", "192.0.2.2:80"}));
    gateway.resolves(db, {{"192.0.2.2:80"}});
    EXPECT_EQ(checked(), (Lines{"unix:/run/x", "192.0.2.2:80"}));
    gateway.resolves(db, {{"192.0.2.1:80"}, {"192.0.2.2:80"}});
    EXPECT_EQ(checked(), (Lines{"unix:/run/x", "192.0.2.2:80", "192.0.2.1:80"}));
}

TEST(Discovery, SrvRecordsBringPortsAndBackups) {
    const std::string service = "srv:_redis._tcp.example";
    Plugin gateway({{"upstream", service}});
    gateway.upstream("192.0.2.1:6379", {"one"});
    gateway.upstream("192.0.2.2:6380", {"two"});
    gateway.resolves(service, {{"192.0.2.1:6379", 1, 1}, {"192.0.2.2:6380", 2, 1}});
    for (int i = 0; i < 3; ++i) EXPECT_EQ(gateway.connect().heard(), "one");
    gateway.upstream_fails("192.0.2.1:6379", GATEHOUSE_REFUSED);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(gateway.connect().heard(), "two");
}

} // namespace
