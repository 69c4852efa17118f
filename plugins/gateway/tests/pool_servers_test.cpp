#include "pool_fixture.hpp"

using namespace gateway;

namespace {

class PoolServers : public PoolFixture {
  protected:
    void start(const std::vector<std::uint32_t>& limits, Pool::Rules rules = {}) {
        make(rules);
        known = servers(limits).added;
    }
};

constexpr Pool::Rules quick{.health = {.rise = 1, .fall = 2, .failures = 2, .backoff = 1s}};

TEST_F(PoolServers, EachChangeOfStateIsLoggedOnce) {
    start({0, 0}, quick);
    check("a", "+++");
    EXPECT_EQ(take_log(), Lines{});
    check("a", "--", "HTTP status 503");
    check("a", "---");
    EXPECT_EQ(take_log(), Lines{"warning: server a (192.0.2.1:80) is down: 2 checks in a row failed, the last one: HTTP status "
                                "503; 1 of 2 servers available"});
    check("b", "--");
    EXPECT_EQ(take_log(),
              (Lines{"warning: server b (192.0.2.2:80) is down: 2 checks in a row failed, the last one: connection "
                     "refused; 0 of 2 servers available",
                     "error: no server is available: a is down (connection refused), b is down (connection refused)"}));
    check("a", "+++");
    EXPECT_EQ(take_log(), Lines{"info: server a (192.0.2.1:80) is up; 1 of 2 servers available"});
    EXPECT_EQ(report("a").check, "ok");
    EXPECT_EQ(report("b").check, "connection refused");
}

TEST_F(PoolServers, EjectionAndReturnAreLoggedOnce) {
    start({0, 0}, quick);
    const auto fail_on_a = [this] {
        Visit& visit = client();
        while (admit(visit) != "a") pool().leave(visit, now);
        pool().connect_failed(visit, "timed out", true, now);
    };
    fail_on_a();
    EXPECT_EQ(take_log(), Lines{});
    fail_on_a();
    EXPECT_EQ(take_log(),
              Lines{"warning: server a (192.0.2.1:80) is ejected for 1s: 2 connections in a row failed, the last one: "
                    "timed out; 1 of 2 servers available"});
    now += 1s;
    fail_on_a(); // on trial
    EXPECT_EQ(take_log(), Lines{});
    now += 2s;
    Visit& trial = client();
    while (admit(trial) != "a") pool().leave(trial, now);
    pool().connected(trial, now);
    EXPECT_EQ(take_log(), Lines{"info: server a (192.0.2.1:80) is up; 2 of 2 servers available"});
}

TEST_F(PoolServers, APoolOfOneEjectsNobody) {
    start({0}, quick);
    for (int i = 0; i < 10; ++i) {
        Visit& visit = client();
        ASSERT_EQ(admit(visit), "a");
        EXPECT_EQ(fail(visit), "server a (192.0.2.1:80): connection refused");
    }
    EXPECT_EQ(report("a").state, "up");
}

TEST_F(PoolServers, AHostWithoutDescriptorsEjectsNobody) {
    start({0, 0}, {.health = {.failures = 1}});
    for (int i = 0; i < 5; ++i) {
        Visit& visit = client();
        ASSERT_EQ(admit(visit).size(), 1U);
        pool().connect_failed(visit, "out of descriptors", false, now);
    }
    EXPECT_EQ(report("a").state, "up");
    EXPECT_EQ(report("b").state, "up");
    EXPECT_EQ(report("a").connections, 0U);
    EXPECT_EQ(report("a").failures, 0U);
    EXPECT_EQ(report("a").last_error, "");
}

TEST_F(PoolServers, WhenAllAreDownClientsHearItAtOnce) {
    start({1, 1}, quick);
    connect(client());
    connect(client());
    Visit &waiting = client(), &other = client();
    EXPECT_EQ(admit(waiting), "wait");
    EXPECT_EQ(admit(other), "wait");
    check("a", "--");
    EXPECT_EQ(admit(waiting), "wait");
    check("b", "--", "timed out");
    EXPECT_EQ(take_woken(), (Ids{3, 4}));
    const std::string why = "no server is available: a is down (connection refused), b is down (timed out)";
    EXPECT_EQ(admit(waiting), why);
    EXPECT_EQ(give_up(other), why);
    EXPECT_EQ(admit(client()), why);
    check("b", "+");
    pool().leave(visits[1], now);
    EXPECT_EQ(connect(client()), "b");
}

TEST_F(PoolServers, AServerThatComesBackTakesThoseWhoWait) {
    start({1, 1}, quick);
    check("b", "--");
    connect(client());
    EXPECT_EQ(admit(client()), "wait");
    check("b", "+");
    EXPECT_EQ(take_woken(), Ids{2});
    EXPECT_EQ(connect(visits[1]), "b");
}

TEST_F(PoolServers, ManyUnavailableOnesAreCounted) {
    start({0, 0, 0, 0, 0}, quick);
    for (const char* name : {"a", "b", "c", "d", "e"}) check(name, "--", "timed out");
    EXPECT_EQ(admit(client()),
              "no server is available: a is down (timed out), b is down (timed out), c is down (timed out) and "
              "2 more");
}

TEST_F(PoolServers, SlowStartRaisesTheWeight) {
    start({0, 0}, {.health = {.rise = 1, .fall = 1, .slow_start = 10s}});
    check("a", "-+");
    const auto on_a = [this] {
        int count = 0;
        for (int i = 0; i < 1000; ++i) {
            Visit& visit = client();
            count += admit(visit) == "a" ? 1 : 0;
            pool().leave(visit, now);
        }
        return count;
    };
    EXPECT_LT(on_a(), 20);
    now += 5s;
    EXPECT_EQ(report("a").share, 50U);
    EXPECT_NEAR(on_a(), 333, 20);
    now += 5s;
    EXPECT_NEAR(on_a(), 500, 20);
}

TEST_F(PoolServers, DisabledOnesGetNoNewConnections) {
    start({0, 0});
    connect(client());
    order("a", Order::What::disable);
    order("a", Order::What::disable);
    EXPECT_EQ(take_log(), Lines{"info: server a (192.0.2.1:80) is disabled, by the operator; 1 of 2 servers available"});
    EXPECT_EQ(report("a").state, "disabled");
    EXPECT_EQ(report("a").connections, 1U);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(connect(client()), "b");
    pool().enable("192.0.2.1:80", now); // by its address, too
    EXPECT_EQ(take_log(), Lines{"info: server a (192.0.2.1:80) is enabled, by the operator; 2 of 2 servers available"});
    EXPECT_THROW(pool().enable("z", now), std::invalid_argument);
}

TEST_F(PoolServers, WhenAllAreDisabledThatIsTheReason) {
    start({0});
    order("a", Order::What::disable);
    EXPECT_EQ(log.back(), "error: no server is available: a is disabled");
    EXPECT_EQ(admit(client()), "no server is available: a is disabled");
}

TEST_F(PoolServers, AnEnabledServerTakesThoseWhoWait) {
    start({1, 1});
    order("b", Order::What::disable);
    connect(client());
    EXPECT_EQ(admit(client()), "wait");
    pool().enable("b", now);
    EXPECT_EQ(take_woken(), Ids{2});
}

TEST_F(PoolServers, ADrainCutsWhatIsLeft) {
    start({0, 0});
    for (int i = 0; i < 4; ++i) connect(client()); // 1 and 3 are on a
    EXPECT_EQ(tend(now), std::nullopt);
    order("a", Order::What::drain, now + 30s);
    EXPECT_EQ(take_log(), Lines{"info: server a (192.0.2.1:80) is to drain, by the operator; 1 of 2 servers available"});
    EXPECT_EQ(connect(client()), "b");
    EXPECT_EQ(report("a").state, "draining");
    pool().leave(visits[0], now);
    now += 29s;
    EXPECT_EQ(tend(now), now + 1s);
    EXPECT_EQ(cut, Ids{});
    now += 1s;
    EXPECT_EQ(tend(now), std::nullopt);
    EXPECT_EQ(cut, Ids{3});
    EXPECT_EQ(take_log(), Lines{"warning: server a (192.0.2.1:80): its time to drain is over: the gateway cuts 1 connection"});
    pool().leave(visits[2], now);
    EXPECT_EQ(report("a").state, "drained");
}

TEST_F(PoolServers, ADrainDoesNotFollowAClientToAnotherServer) {
    start({0, 0});
    EXPECT_EQ(admit(client()), "a"); // connecting
    EXPECT_EQ(admit(client()), "b");
    order("a", Order::What::drain, now);
    EXPECT_EQ(tend(now), std::nullopt);
    EXPECT_EQ(cut, Ids{});
    EXPECT_EQ(fail(visits[0]), "b");
    pool().connected(visits[0], now);
    EXPECT_EQ(cut, Ids{}) << "it has found another server";
}

TEST_F(PoolServers, ADrainCutsWhoHasStillBeenConnecting) {
    start({0});
    EXPECT_EQ(admit(client()), "a");
    order("a", Order::What::drain, now);
    tend(now);
    pool().connected(visits[0], now);
    EXPECT_EQ(cut, Ids{1});
}

TEST_F(PoolServers, TheOnlyEnabledServerIsNotEjected) {
    start({0, 0});
    order("b", Order::What::disable);
    for (int i = 0; i < 5; ++i) {
        Visit& visit = client();
        EXPECT_EQ(admit(visit), "a") << "there is no other";
        pool().connect_failed(visit, "connection refused", true, now);
    }
    EXPECT_EQ(connect(client()), "a");
}

TEST_F(PoolServers, EnablingEndsADrain) {
    start({0, 0});
    connect(client());
    order("a", Order::What::drain, now + 30s);
    pool().enable("a", now);
    EXPECT_EQ(tend(now + 1h), std::nullopt);
    EXPECT_EQ(cut, Ids{});
}

// --- added and removed by the operator --------------------------------------------------------------------------------------

const std::string c_address = "192.0.2.3:80";

TEST_F(PoolServers, WhatIsAddedAndRemovedHasItsReasonInTheLog) {
    start({0, 0});
    add({"c", c_address}, 1h, "a busy day");
    EXPECT_EQ(take_log(), Lines{"info: server c (192.0.2.3:80) is new, by the operator for 1h: a busy day; 3 of 3 servers "
                                "available"});
    remove_for(5min, "a", "disks");
    EXPECT_EQ(take_log(),
              Lines{"info: server a (192.0.2.1:80) is removed, by the operator for 5m: disks; 2 of 2 servers available"});
    now += 5min;
    pool().tend(now);
    EXPECT_EQ(take_log(),
              Lines{"info: server a (192.0.2.1:80) is new, since the time of an order is over; 3 of 3 servers available"});
}

TEST_F(PoolServers, AnAddedServerIsRemovedForATimeOrForGood) {
    start({0});
    add({"c", c_address});
    remove_for(1h, "c");
    EXPECT_EQ(pool().report(now).size(), 1U);
    EXPECT_EQ(pool().orders().list().size(), 2U);
    try {
        add({"d", c_address});
        FAIL() << "c will be back";
    } catch (const std::invalid_argument& problem) {
        EXPECT_STREQ(problem.what(), "\"c\" is a server that order 2 has removed; \"order remove 2\" brings it back");
    }
    now += 1h;
    EXPECT_EQ(pool().tend(now).added.size(), 1U);
    EXPECT_EQ(report("c").address, c_address);
    remove_for(1h, "c");
    order("c", Order::What::remove);
    EXPECT_EQ(pool().orders().list().size(), 0U) << "there is nothing that could come back";
    now += 1h;
    pool().tend(now);
    EXPECT_EQ(pool().report(now).size(), 1U);
    add({"c", c_address});
    EXPECT_EQ(pool().report(now).size(), 2U);
}

TEST_F(PoolServers, AnAddressMayBeAddedAgainUnderAnotherName) {
    start({0});
    add({"c", c_address});
    order("a", Order::What::disable);
    EXPECT_EQ(connect(client()), "c");
    order("c", Order::What::remove);
    add({"d", c_address});
    EXPECT_EQ(report("c").state, "removed");
    EXPECT_EQ(report("c").connections, 1U);
    EXPECT_EQ(connect(client()), "d");
    order("d", Order::What::disable);
    EXPECT_EQ(report("d").state, "disabled");
    pool().leave(visits[0], now);
    EXPECT_EQ(pool().report(now).size(), 2U);
    EXPECT_EQ(report("d").connections, 1U);
}

TEST_F(PoolServers, AFullListOfOrdersStillTakesThoseThatReplaceOne) {
    make({});
    std::vector<ServerSpec> specs;
    for (std::size_t i = 0; i <= Orders::most; ++i) {
        const std::string name = 's' + std::to_string(i);
        specs.push_back({name, "192.0.2.1:" + std::to_string(1000 + i)});
    }
    pool().set_servers(0, specs, now);
    add({"c", c_address});
    for (std::size_t i = 1; i < Orders::most; ++i) order(specs[i].name, Order::What::disable);
    EXPECT_THROW(order("s0", Order::What::disable), std::invalid_argument);
    EXPECT_THROW(order("s1", Order::What::remove), std::invalid_argument);
    order("s1", Order::What::drain);
    order("s2", Order::What::disable);
    EXPECT_THROW(remove_for(1h, "c"), std::invalid_argument);
    order("c", Order::What::remove);
    EXPECT_EQ(pool().orders().list().size(), Orders::most - 1);
    order("s0", Order::What::disable);
    EXPECT_THROW(add({"c", c_address}), std::invalid_argument);
}

// --- names -----------------------------------------------------------------------------------------------------------------

const ServerSpec x{"x", "192.0.2.101:80"}, y{"y", "192.0.2.102:80"};

TEST_F(PoolServers, ClientsWaitForTheFirstAnswer) {
    make({.queue = {.timeout = 3s}});
    Visit &one = client(), &two = client();
    EXPECT_EQ(admit(one), "wait");
    EXPECT_EQ(admit(two), "wait");
    now += 3s;
    EXPECT_EQ(give_up(two), "the names of the servers were not resolved within 3s");
    pool().set_servers(0, std::vector{x}, now);
    EXPECT_EQ(take_woken(), Ids{1});
    EXPECT_EQ(connect(one), "x");
    EXPECT_EQ(log, Lines{}) << "the pool does not log the servers of the first answer";
}

TEST_F(PoolServers, WithoutAQueueNobodyWaitsForTheFirstAnswer) {
    make({.queue = {.size = 0}});
    EXPECT_EQ(admit(client()), "the names of the servers have not been resolved yet");
}

TEST_F(PoolServers, AFailureIsAnAnswer) {
    make({});
    EXPECT_EQ(admit(client()), "wait");
    pool().source_failed(0, "db.example:80: no such name", now);
    EXPECT_EQ(take_woken(), Ids{1});
    EXPECT_EQ(admit(visits[0]), "there is no server: db.example:80: no such name");
    EXPECT_EQ(admit(client()), "there is no server: db.example:80: no such name");
    pool().set_servers(0, std::vector{x}, now);
    EXPECT_EQ(connect(client()), "x");
}

TEST_F(PoolServers, OneNameOfTwoIsEnough) {
    make({}, 2);
    EXPECT_EQ(admit(client()), "wait");
    pool().set_servers(1, std::vector{x}, now);
    EXPECT_EQ(connect(visits[0]), "x");
    EXPECT_EQ(connect(client()), "x");
}

TEST_F(PoolServers, ARemovedServerCanBeDrainedInTime) {
    make({});
    pool().set_servers(0, std::vector{x, y}, now);
    EXPECT_EQ(connect(client()), "x");
    pool().set_servers(0, std::vector{y}, now);
    order("x", Order::What::drain, now);
    tend(now);
    EXPECT_EQ(cut, Ids{1});
}

TEST_F(PoolServers, ARemovedServerDrainsAndIsForgotten) {
    make({});
    pool().set_servers(0, std::vector{x, y}, now);
    EXPECT_EQ(connect(client()), "x");
    EXPECT_EQ(connect(client()), "y");
    const Pool::Changes changes = pool().set_servers(0, std::vector{y}, now);
    ASSERT_EQ(changes.removed.size(), 1U);
    EXPECT_EQ(changes.removed[0]->name, "x");
    EXPECT_EQ(take_log(), Lines{"info: server x (192.0.2.101:80) is removed; 1 of 1 server available"});
    EXPECT_EQ(report("x").state, "removed");
    EXPECT_EQ(report("x").connections, 1U);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(connect(client()), "y");
    pool().leave(visits[0], now);
    EXPECT_EQ(pool().report(now).size(), 1U);
    for (std::size_t i = 1; i < visits.size(); ++i) pool().leave(visits[i], now);
    EXPECT_EQ(report("y").connections, 0U);
}

TEST_F(PoolServers, ARemovedServerMayComeBackWithItsConnections) {
    make({});
    pool().set_servers(0, std::vector{x, y}, now);
    EXPECT_EQ(connect(client()), "x");
    pool().set_servers(0, std::vector{y}, now);
    const Pool::Changes changes = pool().set_servers(0, std::vector{x, y}, now);
    ASSERT_EQ(changes.added.size(), 1U) << "its check is to be started again";
    EXPECT_EQ(report("x").state, "up");
    EXPECT_EQ(report("x").connections, 1U);
    EXPECT_EQ(pool().report(now).size(), 2U);
}

TEST_F(PoolServers, ARemovedServerWithoutConnectionsIsForgottenAtOnce) {
    make({});
    pool().set_servers(0, std::vector{x, y}, now);
    pool().set_servers(0, std::vector{y}, now);
    EXPECT_EQ(pool().report(now).size(), 1U);
    pool().set_servers(0, {}, now);
    EXPECT_EQ(pool().report(now).size(), 0U);
    EXPECT_EQ(log.back(), "error: there is no server: the names of the servers have no addresses");
    EXPECT_EQ(admit(client()), "there is no server: the names of the servers have no addresses");
}

TEST_F(PoolServers, AConnectToAServerThatIsBeingRemoved) {
    make({});
    pool().set_servers(0, std::vector{x, y}, now);
    Visit& one = client();
    EXPECT_EQ(admit(one), "x");
    pool().set_servers(0, std::vector{y}, now);
    EXPECT_EQ(fail(one), "y");
    EXPECT_EQ(pool().report(now).size(), 1U);
}

TEST_F(PoolServers, ChangedRecordsChangeTheServer) {
    make({});
    pool().set_servers(0, std::vector{x, y}, now);
    ServerSpec heavy = x, backup = y;
    heavy.weight = 5;
    backup.rank = 1;
    const Pool::Changes changes = pool().set_servers(0, std::vector{heavy, backup}, now);
    EXPECT_TRUE(changes.added.empty());
    EXPECT_TRUE(changes.removed.empty());
    EXPECT_EQ(report("x").weight, 5U);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(connect(client()), "x");
}

TEST_F(PoolServers, AnAddressThatIsNamedTwiceIsOneServer) {
    make({});
    EXPECT_EQ(pool().set_servers(0, std::vector{x, x, y}, now).added.size(), 2U);
}

TEST_F(PoolServers, NewServersAreLoggedAndStartSlowly) {
    make({.health = {.slow_start = 10s}});
    pool().set_servers(0, std::vector{x}, now);
    EXPECT_EQ(report("x").share, 100U);
    pool().set_servers(0, std::vector{x, y}, now);
    EXPECT_EQ(take_log(), Lines{"info: server y (192.0.2.102:80) is new; 2 of 2 servers available"});
    EXPECT_EQ(report("y").share, 0U);
}

TEST_F(PoolServers, FailingNamesKeepTheirServers) {
    make({});
    pool().set_servers(0, std::vector{x}, now);
    pool().source_failed(0, "db.example:80: timed out", now);
    EXPECT_EQ(connect(client()), "x");
}

TEST_F(PoolServers, APoolHasALimit) {
    make({}, 2);
    const auto many = [](const std::string& net, std::size_t count) {
        std::vector<ServerSpec> specs;
        for (std::size_t i = 0; i < count; ++i) {
            const std::string address = net + std::to_string(i / 250) + '.' + std::to_string(i % 250) + ":80";
            specs.push_back({address, address});
        }
        return specs;
    };
    EXPECT_EQ(pool().set_servers(0, many("10.0.", 4000), now).added.size(), 4000U);
    EXPECT_EQ(pool().set_servers(1, many("10.1.", 1024), now).added.size(), 96U);
    EXPECT_EQ(take_log(), Lines{"warning: the pool has no room for 928 servers of 1024 servers behind a name: it takes 4096"});
    EXPECT_EQ(pool().set_servers(1, many("10.1.", 1024), now).added.size(), 0U);
    EXPECT_EQ(take_log(), Lines{}) << "it has been said";
    EXPECT_EQ(pool().set_servers(0, {}, now).removed.size(), 4000U);
    take_log();
    EXPECT_EQ(pool().set_servers(1, many("10.1.", 1024), now).added.size(), 928U);
    EXPECT_EQ(pool().report(now).size(), 1024U);
    const Lines lines = take_log();
    ASSERT_EQ(lines.size(), 9U) << "a line each for a few";
    EXPECT_EQ(lines.back(), "info: and so for 920 more servers: each is new; 1024 of 1024 servers available");
}

} // namespace
