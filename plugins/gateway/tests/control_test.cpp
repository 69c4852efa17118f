#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

using namespace gatehouse::kit;

namespace {

const Table two_servers{{"servers", List{Table{{"address", "192.0.2.1:80"}, {"name", "a"}, {"max_connections", 9}},
                                         Table{{"address", "192.0.2.2:80"}, {"weight", 2}}}},
                        {"health", Table{}}};

const ValueRecord up = gatehouse::Value::state("up");
const ValueRecord none;

std::string refusal(Plugin& plugin, const std::vector<std::string>& words) {
    try {
        plugin.command(words);
        return "";
    } catch (const Refused& refused) {
        return refused.what();
    }
}

std::string state(Plugin& plugin, std::size_t server) { return plugin.command({"servers"}).at(server + 1).at(2).text; }

TEST(Control, ShowsTheServers) {
    Plugin gateway(two_servers);
    gateway.upstream_fails("192.0.2.1:80", GATEHOUSE_REFUSED);
    gateway.upstream("192.0.2.2:80", {});
    gateway.connect();
    gateway.connect();
    gateway.check_answers("192.0.2.2:80");
    gateway.check_fails("192.0.2.1:80", GATEHOUSE_REFUSED, "connection refused");
    const Rows rows = gateway.command({"servers"});
    EXPECT_EQ(rows, (Rows{{"server", "address", "state", "panic", "weight", "share", "connections", "limit", "total",
                           "failures", "check", "last error", "error at"},
                          {"a", "192.0.2.1:80", up, none, 1, none, 0, 9, 0, 1, "connection refused", "connection refused",
                           rows.at(1).at(12)},
                          {"192.0.2.2:80", "192.0.2.2:80", up, none, 2, none, 2, none, 2, 0, "ok", "", none}}));
    EXPECT_EQ(rows.at(1).at(12).type, GATEHOUSE_TYPE_TIME);
}

TEST(Control, ShowsTheQueue) {
    Plugin gateway(
        {{"servers", List{Table{{"address", "192.0.2.1:80"}, {"max_connections", 1}}}}, {"queue", Table{{"size", 1}}}});
    gateway.upstream("192.0.2.1:80", {});
    for (int i = 0; i < 3; ++i) gateway.connect();
    EXPECT_EQ(gateway.command({"queue"}), (Rows{{"waiting", "size", "waited", "timed out", "refused"}, {1, 1, 1, 0, 1}}));
}

TEST(Control, DisablesAndEnables) {
    Plugin gateway(two_servers);
    gateway.upstream("192.0.2.1:80", {"a"});
    gateway.upstream("192.0.2.2:80", {"b"});
    EXPECT_EQ(gateway.command({"disable", "192.0.2.2:80"}), Rows{});
    EXPECT_EQ(state(gateway, 1), "disabled");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(gateway.connect().heard(), "a");
    gateway.command({"enable", "192.0.2.2:80"});
    gateway.command({"disable", "a"});
    for (int i = 0; i < 3; ++i) EXPECT_EQ(gateway.connect().heard(), "b");
}

TEST(Control, DrainsWithoutEnd) {
    Plugin gateway(two_servers);
    gateway.upstream("192.0.2.1:80", {"a"});
    gateway.upstream("192.0.2.2:80", {"b"});
    gateway.command({"disable", "192.0.2.2:80"});
    Client old = gateway.connect();
    gateway.command({"enable", "192.0.2.2:80"});
    gateway.command({"drain", "a"});
    EXPECT_EQ(state(gateway, 0), "draining");
    EXPECT_EQ(gateway.connect().heard(), "b");
    old.say({"bye", end});
    EXPECT_EQ(old.outcome().reason, "upstream_closed");
    EXPECT_EQ(state(gateway, 0), "drained");
}

TEST(Control, DrainsInTime) {
    Plugin gateway(two_servers);
    gateway.upstream("192.0.2.1:80", {"a"});
    gateway.command({"disable", "192.0.2.2:80"});
    Client cut = gateway.connect();
    gateway.command({"drain", "a", "10ms"});
    gateway.pass(std::chrono::milliseconds(9));
    EXPECT_TRUE(cut.outcome().open);
    gateway.pass(std::chrono::milliseconds(1));
    EXPECT_EQ(cut.outcome().reason, "ended");
    EXPECT_EQ(state(gateway, 0), "drained");
}

TEST(Control, ALaterDrainMayEndEarlier) {
    Plugin gateway(two_servers);
    gateway.upstream("192.0.2.1:80", {"a"});
    gateway.command({"disable", "192.0.2.2:80"});
    Client cut = gateway.connect();
    gateway.command({"drain", "a", "1h"});
    gateway.command({"drain", "a", "0s"});
    gateway.pass(std::chrono::milliseconds(0));
    EXPECT_EQ(cut.outcome().reason, "ended");
}

TEST(Control, ADrainThatGoesOnDoesNotHoldUpTheEnd) {
    Plugin gateway(two_servers);
    gateway.command({"drain", "a", "1h"});
}

using std::chrono::minutes;

TEST(Control, AnOrderEndsInTime) {
    Plugin gateway(two_servers);
    gateway.upstream("192.0.2.1:80", {"a"});
    gateway.upstream("192.0.2.2:80", {"b"});
    gateway.command({"weight", "a", "7", "for", "1h", "reason", "half", "of", "its", "disks"});
    gateway.command({"disable", "192.0.2.2:80", "for", "10m"});
    const Rows rows = gateway.command({"orders"});
    EXPECT_EQ(rows, (Rows{{"order", "what", "server", "value", "since", "until", "reason"},
                          {1, "weight", "a", "7", rows.at(1).at(4), rows.at(1).at(5), "half of its disks"},
                          {2, "disable", "192.0.2.2:80", "", rows.at(2).at(4), rows.at(2).at(5), ""}}));
    EXPECT_EQ(rows.at(1).at(5).number - rows.at(1).at(4).number, 3'600'000);
    gateway.pass(minutes(9));
    EXPECT_EQ(gateway.connect().heard(), "a");
    gateway.pass(minutes(1));
    EXPECT_EQ(state(gateway, 1), "up");
    EXPECT_EQ(gateway.command({"orders"}).size(), 2U);
    EXPECT_EQ(gateway.command({"servers"}).at(1).at(4), ValueRecord(7));
    gateway.pass(minutes(50));
    EXPECT_EQ(gateway.command({"servers"}).at(1).at(4), ValueRecord(1));
    EXPECT_EQ(gateway.command({"orders"}).size(), 1U);
}

TEST(Control, AddsAndRemovesServers) {
    Plugin gateway(two_servers);
    gateway.upstream("192.0.2.3:80", {"c"});
    gateway.command({"add", "192.0.2.3:80", "name=c", "weight=3", "max_connections=5", "for", "1h"});
    EXPECT_EQ(gateway.checks().size(), 3U) << "with the settings of the pool";
    gateway.command({"remove", "a", "for", "30m"});
    gateway.command({"remove", "192.0.2.2:80"});
    EXPECT_EQ(gateway.checks().size(), 1U);
    EXPECT_EQ(gateway.connect().heard(), "c");
    gateway.pass(minutes(30));
    EXPECT_EQ(gateway.checks().size(), 2U);
    EXPECT_EQ(gateway.command({"servers"}).size(), 3U) << "a is back, c is still there";
    gateway.command({"order", "remove", "3"});
    EXPECT_EQ(gateway.command({"servers"}).size(), 4U);
    gateway.command({"remove", "c"});
    EXPECT_EQ(gateway.command({"orders"}).size(), 1U) << "c is gone, and the order with it";
}

TEST(Control, RefusesToAddWhatCannotBe) {
    Plugin gateway(two_servers);
    EXPECT_EQ(refusal(gateway, {"add", "192.0.2.1:80"}), "there is a server a (192.0.2.1:80) already");
    EXPECT_EQ(refusal(gateway, {"add", "192.0.2.3:80", "name=a"}), "there is a server a (192.0.2.1:80) already");
    EXPECT_EQ(refusal(gateway, {"add", "db.example:80"}),
              "\"db.example:80\" is a name (expected an address; names are for the configuration)");
    EXPECT_EQ(refusal(gateway, {"add", "192.0.2.3"}), "\"192.0.2.3\" is not an address, the port is missing");
    EXPECT_EQ(refusal(gateway, {"add", "192.0.2.3:80", "weight=257"}), "\"257\" is not a weight (expected 0 to 256)");
    EXPECT_EQ(refusal(gateway, {"add", "192.0.2.3:80", "colour=red"}).substr(0, 18), "usage: add ADDRESS");
    gateway.command({"remove", "a"});
    EXPECT_EQ(refusal(gateway, {"add", "192.0.2.1:80", "name=a"}),
              "\"a\" is a server that order 1 has removed; \"order remove 1\" brings it back");
    EXPECT_EQ(gateway.command({"orders"}).size(), 2U);
}

TEST(Control, AddsServersThatLimitEachSource) {
    EXPECT_EQ(
        refusal(*std::make_unique<Plugin>(two_servers), {"add", "192.0.2.3:80", "max_per_source=1"}),
        "this pool does not count the connections of a source (expected max_per_source at a server of its configuration)");
    Plugin gateway({{"servers", List{Table{{"address", "192.0.2.1:80"}, {"max_per_source", 5}}}}});
    gateway.upstream("192.0.2.3:80", {"c"});
    EXPECT_EQ(refusal(gateway, {"add", "192.0.2.3:80", "max_per_source=many"}),
              "\"many\" is not a number of connections (expected 0 to 1000000)");
    gateway.command({"add", "192.0.2.3:80", "max_per_source=1"});
    gateway.command({"disable", "192.0.2.1:80"});
    EXPECT_EQ(gateway.connect().heard(), "c");
    EXPECT_EQ(gateway.connect().outcome().reason, "upstream_failed");
}

TEST(Control, AUnixSocketThatIsAddedNeedsANameForItsCertificate) {
    const std::vector<std::string> add{"add", "unix:/run/x"};
    Plugin gateway({{"upstream", "192.0.2.1:80"}, {"tls", true}});
    EXPECT_EQ(refusal(gateway, add), "\"unix:/run/x\" has no name that its certificate could be for (expected a unix socket in "
                                     "the pool's configuration, with tls.server_name or tls.verify = false)");
    Plugin named({{"upstream", "unix:/run/y"}, {"tls", Table{{"server_name", "x.example"}}}});
    EXPECT_EQ(refusal(named, add), "");
    Plugin plain({{"upstream", "192.0.2.1:80"}});
    EXPECT_EQ(refusal(plain, add), "");
}

TEST(Control, RefusesWhatItDoesNotUnderstand) {
    Plugin gateway(two_servers);
    EXPECT_EQ(refusal(gateway, {"disable"}), "usage: disable SERVER [for TIME] [reason TEXT]");
    EXPECT_EQ(refusal(gateway, {"disable", "a", "b"}), "usage: disable SERVER [for TIME] [reason TEXT]");
    EXPECT_EQ(refusal(gateway, {"enable"}), "usage: enable SERVER");
    EXPECT_EQ(refusal(gateway, {"drain"}), "usage: drain SERVER [WITHIN] [for TIME] [reason TEXT]");
    EXPECT_EQ(refusal(gateway, {"servers", "a"}), "usage: servers");
    EXPECT_EQ(refusal(gateway, {"queue", "a"}), "usage: queue");
    EXPECT_EQ(refusal(gateway, {"disable", "c"}), "there is no server \"c\"; the command \"servers\" shows them");
    EXPECT_EQ(refusal(gateway, {"drain", "a", "soon"}), "\"soon\" is not a duration such as \"30s\"");
    EXPECT_EQ(refusal(gateway, {"disable", "a", "for", "ever"}), "\"ever\" is not a duration such as \"30s\"");
    EXPECT_EQ(refusal(gateway, {"disable", "a", "for", "0s"}), "an order for no time has no effect");
    EXPECT_EQ(refusal(gateway, {"disable", "a", "reason", "two\nlines"}),
              "a reason has at most 256 bytes and no control characters");
    EXPECT_EQ(refusal(gateway, {"weight", "a", "-1"}), "\"-1\" is not a weight (expected 0 to 256)");
    EXPECT_EQ(refusal(gateway, {"limit", "a"}), "usage: limit SERVER CONNECTIONS [for TIME] [reason TEXT]");
    EXPECT_EQ(refusal(gateway, {"order", "remove", "1"}), "there is no order 1; the command \"orders\" shows them");
    EXPECT_EQ(refusal(gateway, {"order", "forget", "1"}), "usage: order remove NUMBER");
    EXPECT_EQ(refusal(gateway, {"fly"}), "unknown command \"fly\"");
    EXPECT_EQ(state(gateway, 0), "up");
}

} // namespace
