// Which of its servers the gateway sends clients to, and how many of them.
#include "gateway_pool.hpp"
#include "named_server.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <vector>

using namespace gatehouse::support;

namespace {

class GatewayBalance : public testing::Test {
  protected:
    std::string three(const std::string& balance) const {
        return gateway_in_front_of(entry(a_.address()) + ", " + entry(b_.address()) + ", " + entry(c_.address()),
                                   "balance = \"" + balance +
                                       "\"\nhealth = { interval = \"20ms\", rise = 1, fall = 1, timeout = \"30s\" }");
    }

    NamedServer a_{"a"}, b_{"b"}, c_{"c"};
};

TEST_F(GatewayBalance, TakesTurnsByWeight) {
    Gatehouse host(gateway_in_front_of(entry(a_.address(), "weight = 2") + ", " + entry(b_.address())));
    EXPECT_EQ(reached(host, 9), "abaabaaba");
}

TEST_F(GatewayBalance, TheFewestConnectionsAreAskedFirst) {
    Gatehouse host(three("least_connections"));
    std::vector<Client> clients;
    std::map<char, int> connections;
    const auto add = [&] {
        clients.emplace_back(host.port("gateway"));
        return clients.back().recv_until("\n").front();
    };
    for (int i = 0; i < 9; ++i) ++connections[add()];
    EXPECT_EQ(connections, (std::map<char, int>{{'a', 3}, {'b', 3}, {'c', 3}}));
    b_.stop(); // which ends its three
    wait_for_text(host, "server " + b_.address() + " is down");
    b_.start();
    wait_for_text(host, "server " + b_.address() + " is up");
    host.wait_for_status("gateway", "six are left", [](const Record& now) { return now["open"] == "6"; });
    for (int i = 0; i < 3; ++i) EXPECT_EQ(add(), 'b');
}

// One client, one server, however often it comes; and only the clients of a server that goes get another, until it is back.
TEST_F(GatewayBalance, ASourceStaysWithItsServer) {
    Gatehouse host(three("source"));
    const auto all = [&] {
        std::map<std::string, char> servers;
        for (int i = 1; i <= 60; ++i) {
            const std::string source = "127.0.9." + std::to_string(i);
            servers[source] = reached_from(host, source);
        }
        return servers;
    };
    const std::map<std::string, char> first = all();
    for (int again = 0; again < 4; ++again) EXPECT_EQ(all(), first);
    for (const char name : {'a', 'b', 'c'})
        EXPECT_GE(std::ranges::count_if(first, [&](const auto& one) { return one.second == name; }), 5) << name;
    b_.stop();
    wait_for_text(host, "server " + b_.address() + " is down");
    for (const auto& [source, server] : all()) {
        EXPECT_NE(server, 'b');
        EXPECT_TRUE(server == first.at(source) || first.at(source) == 'b') << source << " has lost its server for nothing";
    }
    b_.start();
    wait_for_text(host, "server " + b_.address() + " is up");
    EXPECT_EQ(all(), first);
}

TEST_F(GatewayBalance, AtRandomEachGetsItsShare) {
    Gatehouse host(three("random"));
    const std::string names = reached(host, 300);
    for (const char name : {'a', 'b', 'c'}) {
        EXPECT_GE(std::ranges::count(names, name), 50) << names; // 100 are to be expected; their deviation is 8
        std::set<char> next;                                     // in turn, it would always be the same
        for (std::size_t at = names.find(name); at < names.size() - 1; at = names.find(name, at + 1))
            next.insert(names[at + 1]);
        EXPECT_GE(next.size(), 2U) << names;
    }
}

// --- slow start ----------------------------------------------------------------------------------------------------------

TEST_F(GatewayBalance, AServerThatComesBackBeginsWithNextToNothing) {
    Gatehouse host(
        gateway_in_front_of(entry(a_.address(), "name = \"a\"") + ", " + entry(b_.address(), "name = \"b\""),
                            "slow_start = \"1d\"\nhealth = { interval = \"20ms\", rise = 1, fall = 1, timeout = \"30s\" }"));
    EXPECT_EQ(reached(host, 10), "ababababab"); // at the start all have their whole weight
    b_.stop();
    wait_for_text(host, "server b (" + b_.address() + ") is down");
    EXPECT_EQ(reached(host, 10), "aaaaaaaaaa");
    b_.start();
    wait_for_text(host, "server b (" + b_.address() + ") is up");
    const std::string names = reached(host, 100);
    EXPECT_LE(std::ranges::count(names, 'b'), 2) << names; // 1/256 of its weight
    EXPECT_EQ(cell(host, "b", "share"), "0");
    EXPECT_EQ(cell(host, "a", "share"), "null");
}

TEST_F(GatewayBalance, AServerThatComesBackGetsItsShareGradually) {
    Gatehouse host(gateway_in_front_of(entry(a_.address(), "name = \"a\"") + ", " + entry(b_.address(), "name = \"b\""),
                                       "slow_start = \"2s\""));
    ASSERT_EQ(control(host, {"disable", "b"}).status, 0);
    EXPECT_EQ(reached(host, 4), "aaaa");
    ASSERT_EQ(control(host, {"enable", "b"}).status, 0);
    int share = 0, steps = 0; // in percent, as the operator sees it
    eventually("it has its whole weight", [&] {
        const std::string text = cell(host, "b", "share");
        const int now = text == "null" ? 100 : std::stoi(text);
        EXPECT_GE(now, share);
        if (std::exchange(share, now) != now) ++steps;
        return now == 100;
    });
    EXPECT_GE(steps, 2) << "not all at once";
    const std::string names = reached(host, 10);
    EXPECT_NEAR(static_cast<double>(std::ranges::count(names, 'b')), 5, 1) << names;
}

} // namespace
