// What the pool's choice among 64 servers costs a connection: the lock, the choice, and its bookkeeping. In CPU time, since the
// machine may be busy. One thread measures: what several pay for the lock depends on whether they happen to run at once.
#include "pool_fixture.hpp"

#include <array>
#include <cstdio>
#include <ctime>

using namespace gateway;

namespace {

std::int64_t cpu_nanoseconds() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec;
}

struct Cost {
    std::int64_t admit = 0, connected = 0, leave = 0; // nanoseconds for each client
};

// Clients come together, connect and go; the test calls the pool as the gateway does. Returns what each round has cost.
std::vector<Cost> measure(Pool& pool) {
    std::uint64_t key = 0;
    std::vector<Cost> rounds(40);
    for (Cost& cost : rounds) {
        std::array<Visit, 500> clients{};
        for (Visit& client : clients) client.key = hash_of(std::to_string(++key));
        const auto for_each_client = [&](auto what) {
            const std::int64_t start = cpu_nanoseconds();
            for (Visit& client : clients) what(client);
            return (cpu_nanoseconds() - start) / static_cast<std::int64_t>(clients.size());
        };
        cost.admit = for_each_client([&](Visit& client) { pool.admit(client, Clock::now()); });
        cost.connected = for_each_client([&](Visit& client) { pool.connected(client, Clock::now()); });
        cost.leave = for_each_client([&](Visit& client) { pool.leave(client, Clock::now()); });
    }
    return rounds;
}

long median(std::vector<Cost> costs, std::int64_t Cost::* part) {
    std::ranges::sort(costs, {}, part);
    return static_cast<long>(costs[costs.size() / 2].*part);
}

std::vector<ServerSpec> many_servers(std::size_t count) {
    std::vector<ServerSpec> specs;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string name = "server" + std::to_string(i);
        specs.push_back({name, "192.0.2.1:" + std::to_string(1000 + i)});
    }
    return specs;
}

// An order holds the pool's lock, so no client is served meanwhile.
TEST_F(PoolFixture, AnOrderInAFullPoolTakesMilliseconds) {
    make({});
    const std::vector<ServerSpec> specs = many_servers(most_servers);
    pool().set_servers(0, specs, now);
    std::vector<std::int64_t> costs;
    for (std::size_t i = 0; i < 5; ++i) {
        const std::int64_t start = cpu_nanoseconds();
        order(specs[i].name, Order::What::disable);
        costs.push_back(cpu_nanoseconds() - start);
    }
    std::ranges::sort(costs);
    const std::int64_t before = cpu_nanoseconds();
    for (std::size_t i = 0; i < 20; ++i) remove_for(1min, specs[i].name);
    const std::int64_t removed = cpu_nanoseconds();
    pool().tend(now + 1min);
    const std::int64_t back = cpu_nanoseconds() - removed;
    std::printf("an order: %ld us, a removal: %ld us, 20 removals that end: %ld us\n", static_cast<long>(costs[2] / 1000),
                static_cast<long>((removed - before) / 20'000), static_cast<long>(back / 1000));
    EXPECT_EQ(pool().report(now).size(), most_servers);
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    EXPECT_LT(costs[2], 5'000'000);
    EXPECT_LT(back, 5'000'000);
#endif
}

class PoolCost : public PoolFixture, public testing::WithParamInterface<std::pair<const char*, Method>> {};

TEST_P(PoolCost, ChoosingOneOf64ServersTakesLessThanAMicrosecond) {
    Pool::Rules rules;
    rules.balance = GetParam().second;
    make(rules);
    servers(std::vector<std::uint32_t>(64));
    const std::vector<Cost> costs = measure(pool());
    std::printf("%s: admit %ld ns, connected %ld ns, leave %ld ns\n", GetParam().first, median(costs, &Cost::admit),
                median(costs, &Cost::connected), median(costs, &Cost::leave));
    for (const Pool::Report& server : pool().report(Clock::now())) EXPECT_GT(server.total, 0U) << server.server;
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    EXPECT_LT(median(costs, &Cost::admit), 1000);
#endif
}

INSTANTIATE_TEST_SUITE_P(Pool, PoolCost,
                         testing::Values(std::pair("round_robin", Method::round_robin),
                                         std::pair("least_connections", Method::least_connections),
                                         std::pair("source", Method::source), std::pair("random", Method::random)),
                         [](const auto& test) { return test.param.first; });

} // namespace
