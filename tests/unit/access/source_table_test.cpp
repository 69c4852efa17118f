#include "access/source_table.hpp"

#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds second = 1'000'000'000;
constexpr Nanoseconds start = 1000 * second;
constexpr std::uint32_t nowhere = SourceTable::nowhere;

IpAddress address(std::string_view text) { return parse_ip_address(text).value_or(IpAddress()); }
IpAddress v4(std::uint32_t number) { return {false, std::uint64_t{number} << 32U, 0}; }

SourceLimits at_most(std::uint32_t most) {
    SourceLimits limits;
    limits.most = most;
    return limits;
}

SourceLimits at_rate(std::uint32_t rate, Milliseconds per, std::uint32_t burst) {
    SourceLimits limits;
    limits.rate = rate;
    limits.per = per;
    limits.burst = burst;
    return limits;
}

class Sources {
  public:
    explicit Sources(const SourceLimits& limits, std::uint32_t max_connections = 1) : rule(limits), table(max_connections) {}

    std::optional<Reason> enter(const IpAddress& source, Nanoseconds now = start) {
        return table.enter(source, rule, now, slot);
    }

    SourceRule rule;
    SourceTable table;
    std::uint32_t slot = nowhere; // of the last one that came in
};

TEST(SourceTable, TheTopOnesAreThoseWithTheMostConnections) {
    Sources sources(at_rate(1, Milliseconds(1000), 10));
    for (int i = 0; i < 3; ++i) sources.enter(address("192.0.2.3"));
    for (int i = 0; i < 2; ++i) sources.enter(address("192.0.2.2"));
    sources.enter(address("192.0.2.1"));
    sources.table.leave(sources.slot); // has nothing but its rate
    const std::vector<SourceTable::Source> top = sources.table.top(2, second, start);
    ASSERT_EQ(top.size(), 2U);
    EXPECT_EQ(top[0].address, address("192.0.2.3"));
    EXPECT_EQ(top[0].open, 3U);
    EXPECT_EQ(top[0].recent, 3U);
    EXPECT_EQ(top[1].address, address("192.0.2.2"));
    EXPECT_EQ(sources.table.top(9, second, start).size(), 3U);
    EXPECT_EQ(sources.table.top(9, second, start + 2 * second).size(), 2U); // one is as if it had never been seen
    EXPECT_TRUE(sources.table.top(0, second, start).empty());
}

TEST(SourceTable, EachSourceHasItsOwnLimit) {
    Sources sources(at_most(2));
    EXPECT_EQ(sources.enter(address("192.0.2.1")), std::nullopt);
    const std::uint32_t first = sources.slot;
    EXPECT_EQ(sources.enter(address("192.0.2.1")), std::nullopt);
    EXPECT_EQ(sources.slot, first);
    EXPECT_EQ(sources.enter(address("192.0.2.1")), Reason::source_full);
    EXPECT_EQ(sources.slot, nowhere); // there is nothing to leave
    EXPECT_EQ(sources.enter(address("192.0.2.2")), std::nullopt);
    sources.table.leave(first);
    sources.table.leave(nowhere);
    EXPECT_EQ(sources.enter(address("192.0.2.1")), std::nullopt);
    EXPECT_EQ(sources.enter(address("192.0.2.1")), Reason::source_full);
    EXPECT_EQ(sources.table.counts(start).remembered, 2U);
}

TEST(SourceTable, ASourceIsANetwork) {
    SourceLimits limits = at_most(1);
    limits.v4_bits = 24;
    limits.v6_bits = 56;
    Sources sources(limits);
    EXPECT_EQ(sources.enter(address("192.0.2.1")), std::nullopt);
    EXPECT_EQ(sources.enter(address("192.0.2.255")), Reason::source_full);
    EXPECT_EQ(sources.enter(address("192.0.3.1")), std::nullopt);
    EXPECT_EQ(sources.enter(address("2001:db8:0:1::1")), std::nullopt);
    EXPECT_EQ(sources.enter(address("2001:db8:0:ff:ffff::1")), Reason::source_full);
    EXPECT_EQ(sources.enter(address("2001:db8:0:100::1")), std::nullopt);
}

TEST(SourceTable, FamiliesAreApart) {
    SourceLimits limits = at_most(1);
    limits.v6_bits = 32;
    Sources sources(limits);
    EXPECT_EQ(sources.enter(address("32.1.13.184")), std::nullopt);
    EXPECT_EQ(sources.enter(address("2001:db8::")), std::nullopt); // the same leading bits
}

TEST(SourceTable, ABurstAndThenTheRate) {
    Sources sources(at_rate(10, Milliseconds(1000), 3));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(sources.enter(v4(1)), std::nullopt) << i;
    EXPECT_EQ(sources.enter(v4(1)), Reason::over_rate);
    EXPECT_EQ(sources.enter(v4(2)), std::nullopt); // another one's bucket
    EXPECT_EQ(sources.enter(v4(1), start + second / 10 - 1), Reason::over_rate);
    EXPECT_EQ(sources.enter(v4(1), start + second / 10), std::nullopt); // those that were refused have cost nothing
    EXPECT_EQ(sources.enter(v4(1), start + second / 10), Reason::over_rate);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(sources.enter(v4(1), start + 10 * second), std::nullopt) << i; // never more than full
    EXPECT_EQ(sources.enter(v4(1), start + 10 * second), Reason::over_rate);
}

TEST(SourceTable, OverAnyTimeTheRateHolds) {
    Sources sources(at_rate(7, Milliseconds(60'000), 5));
    int admitted = 0;
    for (Nanoseconds now = start; now < start + 600 * second; now += second / 3) admitted += sources.enter(v4(1), now) ? 0 : 1;
    EXPECT_GE(admitted, 70);
    EXPECT_LE(admitted, 75);
}

TEST(SourceTable, WithoutABurstItIsTheRate) {
    Sources sources(at_rate(4, Milliseconds(1000), 0));
    for (int i = 0; i < 4; ++i) EXPECT_EQ(sources.enter(v4(1)), std::nullopt);
    EXPECT_EQ(sources.enter(v4(1)), Reason::over_rate);
}

TEST(SourceTable, ExtremesDoNotOverflow) {
    Sources sources(at_rate(1, std::chrono::hours(1), 1'000'000));
    EXPECT_EQ(sources.enter(v4(1), never / 4), std::nullopt);
    Sources fast(at_rate(1'000'000, Milliseconds(1), 1'000'000));
    EXPECT_EQ(fast.enter(v4(1)), std::nullopt);
}

TEST(SourceTable, WhatIsOverIsForgotten) {
    Sources sources(at_rate(1, Milliseconds(1000), 1));
    EXPECT_EQ(sources.enter(v4(1)), std::nullopt);
    sources.table.leave(sources.slot);
    EXPECT_EQ(sources.table.counts(start).remembered, 1U);
    EXPECT_EQ(sources.table.counts(start + second).remembered, 0U);
}

// A flood of sources: the table does not grow, those with connections keep their count, and their limit holds throughout.
TEST(SourceTable, AFloodOfSourcesForgetsOnlyThoseWithoutConnections) {
    Sources sources(at_most(1));
    std::vector<std::uint32_t> held;
    for (std::uint32_t i = 0; i < 256; ++i) { // few, so that no 8 of them meet
        ASSERT_EQ(sources.enter(v4(i)), std::nullopt);
        held.push_back(sources.slot);
    }
    for (std::uint32_t i = 0; i < 1'000'000; ++i) {
        ASSERT_EQ(sources.enter(v4(1'000'000 + i)), std::nullopt);
        sources.table.leave(sources.slot);
    }
    for (std::uint32_t i = 0; i < 256; ++i) EXPECT_EQ(sources.enter(v4(i)), Reason::source_full) << i;
    EXPECT_EQ(sources.table.counts(start).remembered, 256U);
    EXPECT_EQ(sources.table.counts(start).uncounted, 0U);
    for (const std::uint32_t slot : held) sources.table.leave(slot);
    EXPECT_EQ(sources.table.counts(start).remembered, 0U);
}

TEST(SourceTable, WithARateTheNearestToAFreshStartIsForgottenFirst) {
    Sources sources(at_rate(1, Milliseconds(1000), 1));
    for (std::uint32_t i = 0; i < 100'000; ++i) {
        ASSERT_EQ(sources.enter(v4(i), start + i), std::nullopt);
        sources.table.leave(sources.slot);
    }
    EXPECT_EQ(sources.table.counts(start).remembered, SourceTable::least);    // all of it, and no more
    EXPECT_EQ(sources.enter(v4(99'999), start + 100'000), Reason::over_rate); // the latest are those that stay
    EXPECT_EQ(sources.enter(v4(0), start + 100'000), std::nullopt);
}

TEST(SourceTable, WhenAllHaveConnectionsANewcomerComesInUncounted) {
    Sources sources(at_most(1));
    std::uint32_t uncounted = 0;
    for (std::uint32_t i = 0; i < 2 * SourceTable::least; ++i) {
        ASSERT_EQ(sources.enter(v4(i)), std::nullopt);
        uncounted += sources.slot == nowhere ? 1 : 0;
    }
    const SourceTable::Counts counts = sources.table.counts(start);
    EXPECT_EQ(counts.uncounted, uncounted);
    EXPECT_EQ(counts.remembered + counts.uncounted, 2 * SourceTable::least);
    EXPECT_GE(uncounted, SourceTable::least);
}

// As many sources with connections as there may be connections: next to none is uncounted.
TEST(SourceTable, HasRoomForAllThatMayBeOpen) {
    constexpr std::uint32_t most = 100'000;
    Sources sources(at_most(1), most);
    for (std::uint32_t i = 0; i < most; ++i) ASSERT_EQ(sources.enter(v4(i * 256)), std::nullopt);
    EXPECT_LT(sources.table.counts(start).uncounted, most / 50);
}

TEST(SourceTable, FromManyThreads) {
    const SourceRule rule(at_most(3));
    SourceTable table(1000);
    std::vector<std::thread> threads;
    std::atomic<int> most{0};
    std::array<std::atomic<int>, 8> inside{};
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 20'000; ++i) {
                const auto source = static_cast<std::uint32_t>(i % 8);
                std::uint32_t slot = nowhere;
                if (table.enter(v4(source), rule, start, slot)) continue;
                const int now = inside[source].fetch_add(1) + 1;
                int seen = most.load();
                while (now > seen && !most.compare_exchange_weak(seen, now)) {
                }
                inside[source].fetch_sub(1);
                table.leave(slot);
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_LE(most.load(), 3);
    EXPECT_EQ(table.counts(start).remembered, 0U);
}

} // namespace
} // namespace gatehouse::host
