// What the pool's choice among 64 servers costs a connection: the lock, the choice, and its bookkeeping. In CPU time, since the
// machine may be busy. Two threads compete for the lock, so the figures include the cost of waiting for it.
#include "pool_fixture.hpp"

#include <array>
#include <cstdio>
#include <ctime>
#include <thread>

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
std::vector<Cost> measure(Pool& pool, std::uint64_t key) {
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

class PoolCost : public PoolFixture, public testing::WithParamInterface<std::pair<const char*, Method>> {};

TEST_P(PoolCost, ChoosingOneOf64ServersTakesLessThanAMicrosecond) {
    Pool::Rules rules;
    rules.balance = GetParam().second;
    make(rules);
    servers(std::vector<std::uint32_t>(64));
    std::vector<Cost> others;
    std::thread other([&] { others = measure(pool(), 1U << 20U); });
    std::vector<Cost> costs = measure(pool(), 0);
    other.join();
    costs.insert(costs.end(), others.begin(), others.end());
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
