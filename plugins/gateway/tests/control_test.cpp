#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

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
    EXPECT_EQ(gateway.command({"servers"}),
              (Rows{{"server", "address", "state", "weight", "share", "connections", "limit", "total", "failures", "check",
                     "last error"},
                    {"a", "192.0.2.1:80", up, 1, none, 0, 9, 0, 1, "connection refused", "connection refused"},
                    {"192.0.2.2:80", "192.0.2.2:80", up, 2, none, 2, none, 2, 0, "ok", ""}}));
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
    gateway.command({"drain", "a", "1ms"});
    while (cut.outcome().open) gateway.settle(); // CTest ends it if it never comes
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
    while (cut.outcome().open) gateway.settle();
    EXPECT_EQ(cut.outcome().reason, "ended");
}

TEST(Control, ADrainThatGoesOnDoesNotHoldUpTheEnd) {
    Plugin gateway(two_servers);
    gateway.command({"drain", "a", "1h"});
}

TEST(Control, RefusesWhatItDoesNotUnderstand) {
    Plugin gateway(two_servers);
    EXPECT_EQ(refusal(gateway, {"disable"}), "usage: disable SERVER");
    EXPECT_EQ(refusal(gateway, {"disable", "a", "b"}), "usage: disable SERVER");
    EXPECT_EQ(refusal(gateway, {"enable"}), "usage: enable SERVER");
    EXPECT_EQ(refusal(gateway, {"drain"}), "usage: drain SERVER [WITHIN]");
    EXPECT_EQ(refusal(gateway, {"servers", "a"}), "usage: servers");
    EXPECT_EQ(refusal(gateway, {"queue", "a"}), "usage: queue");
    EXPECT_EQ(refusal(gateway, {"disable", "c"}), "there is no server \"c\"; the command \"servers\" shows them");
    EXPECT_EQ(refusal(gateway, {"drain", "a", "soon"}), "\"soon\" is not a duration such as \"30s\"");
    EXPECT_EQ(refusal(gateway, {"fly"}), "unknown command \"fly\"");
    EXPECT_EQ(state(gateway, 0), "up");
}

} // namespace
