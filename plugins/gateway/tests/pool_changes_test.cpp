// What follows from a change of a server's state, and who is counted, in the pool.
#include "pool_fixture.hpp"

using namespace gateway;

namespace {

class PoolChanges : public PoolFixture {
  protected:
    void start(Pool::Rules rules, const std::vector<std::uint32_t>& limits = {0, 0}) {
        make(rules);
        known = servers(limits).added;
    }
    // Servers a, b, ... of these ranks.
    void start_ranks(Pool::Rules rules, const std::vector<std::uint32_t>& ranks) {
        make(rules);
        std::vector<ServerSpec> specs;
        for (const std::uint32_t rank : ranks) {
            const std::string number = std::to_string(specs.size() + 1);
            specs.push_back({std::string(1, static_cast<char>('a' + specs.size())), "192.0.2." + number + ":80", 1, rank});
        }
        known = pool().set_servers(0, specs, now).added;
    }
    std::string from(std::string_view address) {
        Visit& visit = client();
        pool().comes_from(visit, address);
        return connect(visit);
    }
    // Which servers get the next clients, sorted.
    std::string connect(int count) {
        std::string names;
        for (int i = 0; i < count; ++i) names += PoolFixture::connect(client());
        std::ranges::sort(names);
        return names;
    }
    using PoolFixture::connect;
};

constexpr HealthRules at_once{.rise = 1, .fall = 1};
constexpr HealthRules first_decides{.rise = 3, .fall = 3, .first_check_decides = true};

// --- on_down, on_up ----------------------------------------------------------------------------------------------------------

TEST_F(PoolChanges, KeepsConnectionsOfAServerThatIsDown) {
    start({.health = at_once});
    EXPECT_EQ(connect(2), "ab");
    check("a", "-");
    EXPECT_EQ(cut, Ids{});
}

TEST_F(PoolChanges, CutsConnectionsOfAServerThatIsDown) {
    start({.health = at_once, .changes = {.cut_down = true}});
    EXPECT_EQ(connect(4), "aabb");
    check("a", "-");
    EXPECT_EQ(cut, (Ids{1, 3}));
    EXPECT_EQ(log.back(), "warning: server a (192.0.2.1:80): it is down: the gateway cuts 2 connections");
    check("a", "--");
    check("b", "-+");
    EXPECT_EQ(cut, (Ids{1, 3, 2, 4})) << "each once";
}

TEST_F(PoolChanges, CutsWhoIsStillConnectingOnceItIsConnected) {
    start({.health = at_once, .changes = {.cut_down = true}});
    EXPECT_EQ(admit(client()), "a");
    check("a", "-");
    EXPECT_EQ(cut, Ids{});
    pool().connected(visits[0], now);
    EXPECT_EQ(cut, Ids{1});
}

TEST_F(PoolChanges, AnEjectedServerKeepsItsConnections) {
    start({.health = {.failures = 1}, .changes = {.cut_down = true}});
    EXPECT_EQ(connect(2), "ab");
    EXPECT_EQ(admit(client()), "a");
    fail(visits[2]);
    EXPECT_EQ(report("a").state, "ejected");
    EXPECT_EQ(cut, Ids{});
}

TEST_F(PoolChanges, BackupsGiveTheirClientsBack) {
    start_ranks({.health = at_once, .changes = {.cut_backups = true}}, {0, 1, 2});
    check("a", "-");
    EXPECT_EQ(connect(2), "bb");
    check("b", "-");
    EXPECT_EQ(connect(1), "c");
    check("b", "+");
    EXPECT_EQ(cut, Ids{3}) << "b is no primary, but comes before c";
    check("a", "+");
    EXPECT_EQ(cut, (Ids{3, 1, 2}));
    EXPECT_EQ(connect(1), "a");
    order("a", Order::What::disable);
    EXPECT_EQ(connect(1), "b");
    pool().enable("a", now);
    EXPECT_EQ(cut, (Ids{3, 1, 2, 5})) << "the operator's order is one reason of many";
}

TEST_F(PoolChanges, ConnectionsOfARemovedServerHaveATime) {
    make({.changes = {.cut_removed = 10min}});
    const std::vector both{ServerSpec{"a", "192.0.2.1:80"}, ServerSpec{"b", "192.0.2.2:80"}};
    pool().set_servers(0, both, now);
    EXPECT_EQ(connect(2), "ab");
    pool().set_servers(0, std::span(both).first(1), now);
    EXPECT_EQ(tend(now), now + 10min);
    EXPECT_EQ(cut, Ids{});
    pool().set_servers(0, both, now); // it is back
    EXPECT_EQ(tend(now), std::nullopt);
    pool().set_servers(0, std::span(both).first(1), now + 5min);
    EXPECT_EQ(tend(now + 10min), now + 15min);
    EXPECT_EQ(tend(now + 15min), std::nullopt);
    EXPECT_EQ(cut, Ids{2});
    EXPECT_EQ(log.back(), "warning: server b (192.0.2.2:80): it is removed: the gateway cuts 1 connection");
}

TEST_F(PoolChanges, ARetryOnABackupStays) {
    start_ranks({.health = {.rise = 1, .fall = 1, .failures = 0}, .changes = {.cut_backups = true}}, {0, 1});
    EXPECT_EQ(admit(client()), "a");
    EXPECT_EQ(fail(visits[0]), "b");
    pool().connected(visits[0], now);
    check("b", "-+");
    EXPECT_EQ(cut, Ids{}) << "a has been up all the time";
}

// --- the first check ---------------------------------------------------------------------------------------------------------

TEST_F(PoolChanges, ClientsWaitForTheFirstCheck) {
    start({.queue = {.timeout = 3s}, .health = first_decides});
    EXPECT_EQ(report("a").state, "pending");
    Visit& waits = client();
    EXPECT_EQ(admit(waits), "wait");
    check("a", "-");
    EXPECT_EQ(report("a").state, "down") << "one is enough, the first time";
    EXPECT_EQ(take_woken(), Ids{});
    check("b", "+");
    EXPECT_EQ(take_woken(), Ids{1});
    EXPECT_EQ(connect(waits), "b");
    EXPECT_EQ(report("b").share, 100U);
    check("a", "++");
    EXPECT_EQ(report("a").state, "down") << "from then on `rise` and `fall` count";
}

TEST_F(PoolChanges, WhenNoFirstCheckIsGoodClientsHearIt) {
    start({.health = first_decides});
    Visit& waits = client();
    EXPECT_EQ(admit(waits), "wait");
    check("a", "-");
    check("b", "-", "timed out");
    EXPECT_EQ(take_woken(), Ids{1});
    EXPECT_EQ(admit(waits), "no server is available: a is down (connection refused), b is down (timed out)");
}

TEST_F(PoolChanges, ChecksThatDoNotEndAreTheReason) {
    start({.queue = {.size = 1, .timeout = 3s}, .health = first_decides});
    Visit& waits = client();
    EXPECT_EQ(admit(waits), "wait");
    EXPECT_EQ(admit(client()), "the servers have not been checked yet, and the queue is full (1 client)");
    now += 3s;
    EXPECT_EQ(give_up(waits), "the servers were not checked within 3s");
}

TEST_F(PoolChanges, ABackupDoesNotGetTheFirstClients) {
    start_ranks({.health = first_decides}, {0, 1});
    check("b", "+");
    Visit& waits = client();
    EXPECT_EQ(admit(waits), "wait");
    check("a", "+");
    EXPECT_EQ(connect(waits), "a");
}

TEST_F(PoolChanges, ALaterServerJoinsAfterItsFirstCheck) {
    start({.health = {.slow_start = 10s, .first_check_decides = true}}, {0});
    check("a", "+");
    Order order;
    order.what = Order::What::add;
    order.added = ServerSpec{"b", "192.0.2.2:80"};
    known.push_back(pool().add(order, now).added.front());
    EXPECT_EQ(connect(2), "aa");
    check("a", "---");
    EXPECT_EQ(admit(client()), "no server is available: a is down (connection refused), b is pending");
    now += 5s;
    check("b", "+");
    EXPECT_EQ(report("b").share, 0U) << "its slow start begins now";
    EXPECT_EQ(connect(1), "b");
}

TEST_F(PoolChanges, AServerThatComesBackIsCheckedAnew) {
    const ServerSpec a{"a", "192.0.2.1:80"}, b{"b", "192.0.2.2:80"};
    make({.health = {.slow_start = 10s, .first_check_decides = true}});
    known = pool().set_servers(0, std::vector{a, b}, now).added;
    check("a", "+");
    check("b", "+");
    EXPECT_EQ(connect(2), "ab");
    pool().set_servers(0, std::vector{b}, now);
    EXPECT_EQ(pool().set_servers(0, std::vector{a, b}, now).added.size(), 1U);
    EXPECT_EQ(report("a").state, "pending") << "it may have become a replica meanwhile";
    EXPECT_EQ(report("a").connections, 1U);
    EXPECT_EQ(report("a").check, "");
    EXPECT_EQ(connect(2), "bb");
    check("b", "---");
    EXPECT_EQ(admit(client()), "no server is available: a is pending, b is down (connection refused)");
    check("a", "+");
    EXPECT_EQ(report("a").share, 0U) << "it starts slowly";
    EXPECT_EQ(connect(1), "a");
}

TEST_F(PoolChanges, AServerThatCannotBeCheckedIsGood) {
    start({.health = first_decides}, {0});
    pool().without_checks(server("a"), now);
    EXPECT_EQ(connect(1), "a");
}

// --- panic -------------------------------------------------------------------------------------------------------------------

TEST_F(PoolChanges, InPanicAllCountAsGood) {
    start({.health = at_once, .changes = {.panic = 50, .cut_down = true}}, {0, 0, 0, 0});
    EXPECT_EQ(connect(4), "abcd");
    check("a", "-");
    check("b", "-");
    EXPECT_EQ(connect(4), "ccdd") << "half of them is not less than half";
    take_log();
    const Ids cut_before = cut;
    check("c", "-");
    EXPECT_EQ(connect(4), "abcd");
    EXPECT_EQ(cut, cut_before) << "their checks are not believed";
    EXPECT_EQ(take_log().back(), "warning: panic: 1 of 4 servers up, less than 50%: all of them count as good");
    EXPECT_EQ(report("c").state, "down");
    EXPECT_TRUE(report("c").in_panic);
    EXPECT_FALSE(report("d").in_panic);
    check("c", "+");
    EXPECT_EQ(take_log().back(), "warning: server b (192.0.2.2:80): it is down: the gateway cuts 1 connection");
    EXPECT_FALSE(report("a").in_panic);
    EXPECT_EQ(connect(4), "ccdd");
}

TEST_F(PoolChanges, InPanicAnEjectedServerTakesManyAtATime) {
    start({.health = {.failures = 1, .backoff = 1h, .max_backoff = 1h}, .changes = {.panic = 60}});
    EXPECT_EQ(admit(client()), "a");
    fail(visits[0]);
    std::string names;
    for (int i = 0; i < 4; ++i) names += admit(client());
    std::ranges::sort(names);
    EXPECT_EQ(names, "aabb");
    for (Visit& visit : visits) pool().connected(visit, now);
    EXPECT_EQ(report("a").state, "up");
}

TEST_F(PoolChanges, AGoodBackupIsBetterThanPanic) {
    start_ranks({.health = at_once, .changes = {.panic = 50}}, {0, 0, 0, 1});
    for (const char* name : {"a", "b", "c"}) check(name, "-");
    EXPECT_EQ(connect(2), "dd");
    check("d", "-");
    EXPECT_EQ(connect(3), "abc") << "if there is none, the primaries count as good";
}

TEST_F(PoolChanges, ThereIsNoPanicWhileTheFirstChecksRun) {
    start({.health = first_decides, .changes = {.panic = 50}}, {0, 0, 0});
    check("a", "-");
    EXPECT_EQ(log.size(), 1U) << log.back();
    EXPECT_FALSE(report("a").in_panic);
    Visit& waits = client();
    EXPECT_EQ(admit(waits), "wait");
    check("b", "+");
    EXPECT_EQ(connect(waits), "b");
    EXPECT_EQ(connect(2), "bb");
    check("c", "-");
    EXPECT_EQ(log.back(), "warning: panic: 1 of 3 servers up, less than 50%: all of them count as good");
    EXPECT_EQ(connect(3), "abc");
}

TEST_F(PoolChanges, DisabledAndUncheckedServersAreNoReasonToPanic) {
    start({.health = first_decides, .changes = {.panic = 60}}, {0, 0, 0, 0});
    check("a", "+");
    order("b", Order::What::disable);
    EXPECT_EQ(connect(2), "aa");
    check("c", "-");
    check("d", "+");
    EXPECT_EQ(connect(2), "ad") << "two of three";
    order("d", Order::What::disable);
    EXPECT_EQ(connect(4), "aacc") << "one of two";
}

// --- weights, limits, sources ------------------------------------------------------------------------------------------------

TEST_F(PoolChanges, AWeightOfZeroTakesNoClientsUntilAnOrder) {
    make({});
    known = pool().set_servers(0, std::vector{ServerSpec{"a", "192.0.2.1:80", 0}}, now).added;
    EXPECT_EQ(report("a").state, "up");
    EXPECT_EQ(admit(client()), "no server is available: a has a weight of 0");
    Order order;
    order.what = Order::What::weight;
    order.value = 2;
    order.until = now + 1h;
    order.reason = "while b is away";
    pool().order("a", order, now);
    EXPECT_EQ(
        take_log().back(),
        "info: server a (192.0.2.1:80) has a weight of 2, by the operator for 1h: while b is away; 1 of 1 server available");
    EXPECT_EQ(connect(1), "a");
    now += 1h;
    pool().tend(now);
    EXPECT_EQ(report("a").weight, 0U);
    EXPECT_EQ(take_log().front(), "info: server a (192.0.2.1:80) has a weight of 0, since the time of an order is over; 0 of 1 "
                                  "server available");
}

TEST_F(PoolChanges, AHigherLimitTakesThoseWhoWait) {
    start({}, {1});
    EXPECT_EQ(connect(1), "a");
    EXPECT_EQ(admit(client()), "wait");
    Order order;
    order.what = Order::What::limit;
    order.value = 2;
    pool().order("a", order, now);
    EXPECT_EQ(take_woken(), Ids{2});
    EXPECT_EQ(connect(visits[1]), "a");
    EXPECT_EQ(admit(client()), "wait");
    order.value = 0;
    pool().order("a", order, now);
    EXPECT_EQ(take_log().back(), "info: server a (192.0.2.1:80) has no limit, by the operator; 1 of 1 server available");
    EXPECT_EQ(take_woken(), Ids{3});
}

TEST_F(PoolChanges, AnOrderOutlivesItsServer) {
    make({});
    const std::vector both{ServerSpec{"a", "192.0.2.1:80"}, ServerSpec{"b", "192.0.2.2:80"}};
    pool().set_servers(0, both, now);
    order("b", Order::What::disable);
    pool().set_servers(0, std::span(both).first(1), now);
    pool().set_servers(0, both, now);
    EXPECT_EQ(report("b").state, "disabled");
    EXPECT_EQ(connect(2), "aa");
    pool().set_servers(0, std::span(both).first(1), now);
    pool().enable("b", now); // by its name, since the order is still known
    EXPECT_TRUE(pool().orders().list().empty());
}

TEST_F(PoolChanges, OrdersAreBounded) {
    start({}, std::vector<std::uint32_t>(65));
    for (int i = 1; i <= 64; ++i)
        for (const Order::What what : {Order::What::disable, Order::What::weight, Order::What::limit, Order::What::remove})
            order("192.0.2." + std::to_string(i) + ":80", what);
    EXPECT_THROW(order("192.0.2.65:80", Order::What::disable), std::invalid_argument);
    pool().take_back(7, now);
    order("192.0.2.65:80", Order::What::disable);
    EXPECT_EQ(pool().orders().list().size(), 256U);
}

TEST_F(PoolChanges, OneSourceHasSoManyConnectionsToEachServer) {
    make({});
    ServerSpec a{"a", "192.0.2.1:80"}, b{"b", "192.0.2.2:80"}, backup{"c", "192.0.2.3:80", 1, 1};
    a.per_source = 1;
    b.per_source = 2;
    known = pool().set_servers(0, std::vector{a, b, backup}, now).added;
    std::string names;
    for (int i = 0; i < 3; ++i) names += from("198.51.100.7");
    std::ranges::sort(names);
    EXPECT_EQ(names, "abb");
    const std::string why = "198.51.100.7 has as many connections as it may have (max_per_source) to each server with room";
    EXPECT_EQ(from("198.51.100.7"), why) << "no backup, and no waiting";
    EXPECT_EQ(from("198.51.100.8").size(), 1U);
    pool().leave(visits[0], now);
    EXPECT_EQ(from("198.51.100.7").size(), 1U);
    EXPECT_EQ(from("198.51.100.7"), why);
    for (Visit& visit : visits) pool().leave(visit, now);
    EXPECT_EQ(report("a").connections + report("b").connections, 0U);
    EXPECT_EQ(from("198.51.100.7").size(), 1U);
}

TEST_F(PoolChanges, ASourceWaitsWhereOnlyTheServersAreFull) {
    make({});
    ServerSpec a{"a", "192.0.2.1:80"};
    a.limit = 2;
    a.per_source = 1;
    known = pool().set_servers(0, std::vector{a}, now).added;
    EXPECT_EQ(from("2001:db8::1"), "a");
    EXPECT_EQ(from("2001:db8:0:1::1"), "a") << "another /64";
    EXPECT_EQ(from("192.0.2.9"), "wait");
    EXPECT_EQ(from("2001:db8::2"), "wait") << "the first /64 again";
    pool().leave(visits[0], now);
    EXPECT_EQ(take_woken(), Ids{3});
    pool().leave(visits[1], now);
    EXPECT_EQ(take_woken(), Ids{4});
    EXPECT_EQ(admit(visits[3]), "a") << "its /64 has no other place any more";
}

TEST_F(PoolChanges, ASourceBeyondItsLimitHoldsUpNobody) {
    make({});
    ServerSpec a{"a", "192.0.2.1:80"}, b{"b", "192.0.2.2:80"};
    a.limit = 2;
    a.per_source = b.limit = 1;
    pool().set_servers(0, std::vector{a, b}, now);
    const std::string why = " has as many connections as it may have (max_per_source) to each server with room";
    EXPECT_EQ(from("198.51.100.7"), "a");
    EXPECT_EQ(from("198.51.100.8"), "b");
    EXPECT_EQ(from("198.51.100.7"), "198.51.100.7" + why) << "it would wait for b only";
    EXPECT_EQ(from("198.51.100.9"), "a") << "a has places";
    EXPECT_EQ(from("198.51.100.7"), "wait") << "all are full, for everybody";
    EXPECT_EQ(from("198.51.100.10"), "wait");
    take_woken();
    pool().leave(visits[3], now);
    EXPECT_EQ(take_woken(), (Ids{5, 6})) << "a has a place, and the first of the queue may not have it";
    EXPECT_EQ(admit(visits[4]), "198.51.100.7" + why);
    EXPECT_EQ(connect(visits[5]), "a");
}

TEST_F(PoolChanges, ASourceBeyondItsLimitDoesNotWaitForAFirstCheck) {
    make({.health = first_decides});
    ServerSpec a{"a", "192.0.2.1:80"}, b{"b", "192.0.2.2:80"};
    a.per_source = 1;
    known = pool().set_servers(0, std::vector{a, b}, now).added;
    check("a", "+");
    EXPECT_EQ(from("198.51.100.7"), "a");
    EXPECT_TRUE(from("198.51.100.7").starts_with("198.51.100.7 has as many"));
    EXPECT_EQ(from("198.51.100.8"), "a");
}

TEST(Callers, RememberWhoIsThereAndNoMore) {
    Callers callers;
    Callers::Entry* const one = callers.enter(caller_of("2001:db8::1"));
    EXPECT_EQ(callers.enter(caller_of("2001:db8::ffff:1")), one);
    EXPECT_EQ(callers.size(), 1U);
    callers.leave(one);
    EXPECT_EQ(callers.size(), 1U);
    callers.leave(one);
    EXPECT_EQ(callers.size(), 0U);
}

// --- errors ------------------------------------------------------------------------------------------------------------------

TEST_F(PoolChanges, TheLastErrorGoesWithTheRecovery) {
    start({.health = at_once}, {0});
    now += 5s;
    EXPECT_EQ(admit(client()), "a");
    fail(visits[0], "timed out");
    EXPECT_EQ(report("a").last_error, "timed out");
    EXPECT_EQ(report("a").last_error_at, now);
    check("a", "+");
    EXPECT_EQ(report("a").last_error, "timed out") << "it has not been down, and a check is no connection";
    check("a", "-+");
    EXPECT_EQ(report("a").last_error, "");
    EXPECT_EQ(admit(client()), "a");
    fail(visits[1]);
    EXPECT_EQ(report("a").last_error, "connection refused");
    EXPECT_EQ(connect(1), "a");
    EXPECT_EQ(report("a").last_error, "") << "a connection has come about";
    EXPECT_EQ(report("a").failures, 2U);
}

} // namespace
