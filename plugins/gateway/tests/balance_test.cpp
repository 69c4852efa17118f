#include "balance.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>
#include <vector>

using namespace gateway;

namespace {

constexpr std::array methods{Method::round_robin, Method::least_connections, Method::source, Method::random};

std::vector<Slot> slots_of(const std::vector<std::uint32_t>& weights) {
    std::vector<Slot> slots(weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
        slots[i].identity = hash_of("192.0.2." + std::to_string(i) + ":80");
        slots[i].weight = weights[i] * Slot::one;
    }
    return slots;
}

std::vector<Slot> slots_of(std::size_t count) { return slots_of(std::vector<std::uint32_t>(count, 1)); }

std::uint64_t client(int number) { return hash_of("198.51.100." + std::to_string(number)); }

// The chosen one's index as a letter; '-': full, '=': full for this source, '!': none.
char letter(Balancer::Choice choice) {
    if (choice.kind == Balancer::Choice::full) return '-';
    if (choice.kind == Balancer::Choice::source_full) return '=';
    return choice.kind == Balancer::Choice::none ? '!' : static_cast<char>('a' + choice.index);
}

std::string choices(Balancer& balancer, std::vector<Slot>& slots, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += letter(balancer.choose(slots, client(i), {}));
    return text;
}

// How many of `count` clients each server gets; connections stay open.
std::vector<int> shares(Method method, std::vector<Slot>& slots, int count) {
    Balancer balancer(method);
    std::vector<int> result(slots.size());
    for (int i = 0; i < count; ++i) {
        const auto choice = balancer.choose(slots, client(i), {});
        ++result[choice.index];
        ++slots[choice.index].connections;
    }
    return result;
}

TEST(Balance, RoundRobinIsSmooth) {
    Balancer balancer(Method::round_robin);
    auto slots = slots_of({5, 1, 1});
    EXPECT_EQ(choices(balancer, slots, 14), "aabacaaaabacaa");
    auto equal = slots_of(3);
    EXPECT_EQ(choices(balancer, equal, 7), "abcabca");
}

TEST(Balance, RoundRobinLeavesOutWhatIsFullOrUnusable) {
    Balancer balancer(Method::round_robin);
    auto slots = slots_of(4);
    slots[1].usable = false;
    slots[2].limit = 3;
    slots[2].connections = 3;
    EXPECT_EQ(choices(balancer, slots, 4), "adad");
}

TEST(Balance, LeastConnectionsMeansForItsWeight) {
    auto slots = slots_of({1, 2, 4});
    EXPECT_EQ(shares(Method::least_connections, slots, 700), (std::vector{100, 200, 400}));
    Balancer balancer(Method::least_connections);
    slots[1].connections = 3;
    EXPECT_EQ(letter(balancer.choose(slots, 0, {})), 'b');
}

TEST(Balance, LeastConnectionsTakesTurnsWhereTheyAreEqual) {
    Balancer balancer(Method::least_connections);
    auto slots = slots_of(3);
    std::string text = choices(balancer, slots, 9); // none of them keeps its connection
    for (const char c : {'a', 'b', 'c'}) EXPECT_EQ(std::ranges::count(text, c), 3) << text;
}

TEST(Balance, EveryMethodHonoursWeights) {
    for (const Method method : methods) {
        auto slots = slots_of({1, 2, 3, 4});
        const auto result = shares(method, slots, 20'000);
        for (int i = 0; i < 4; ++i)
            EXPECT_NEAR(result[static_cast<std::size_t>(i)], 2000 * (i + 1), 300) << static_cast<int>(method);
    }
}

TEST(Balance, SourceKeepsAClientOnItsServer) {
    Balancer first(Method::source, 1), second(Method::source, 2);
    auto slots = slots_of(10);
    for (int i = 0; i < 1000; ++i)
        EXPECT_EQ(first.choose(slots, client(i), {}).index, second.choose(slots, client(i), {}).index);
}

// Removing one of N servers moves the clients that it had, about 1/N of all, and no others; they spread over all that are left.
TEST(Balance, SourceMovesOnlyTheClientsOfARemovedServer) {
    constexpr int clients = 20'000;
    for (const int count : {2, 3, 10, 64}) {
        for (int removed = 0; removed < count; removed += std::max(1, count / 5)) {
            Balancer balancer(Method::source);
            auto slots = slots_of(static_cast<std::size_t>(count));
            std::vector<std::size_t> before;
            for (int i = 0; i < clients; ++i) before.push_back(balancer.choose(slots, client(i), {}).index);
            slots[static_cast<std::size_t>(removed)].usable = false;
            int moved = 0;
            std::map<std::size_t, int> moved_to;
            for (int i = 0; i < clients; ++i) {
                const std::size_t now = balancer.choose(slots, client(i), {}).index;
                if (now == before[static_cast<std::size_t>(i)]) continue;
                EXPECT_EQ(before[static_cast<std::size_t>(i)], static_cast<std::size_t>(removed));
                ++moved;
                ++moved_to[now];
            }
            const double expected = static_cast<double>(clients) / count;
            EXPECT_NEAR(moved, expected, 5 * std::sqrt(expected)) << count;
            EXPECT_GE(moved_to.size(), static_cast<std::size_t>(count - 1) * 9 / 10);
        }
    }
}

TEST(Balance, SourceMovesFewClientsWhenAWeightChanges) {
    constexpr int clients = 20'000;
    Balancer balancer(Method::source);
    auto slots = slots_of(10);
    std::vector<std::size_t> before;
    for (int i = 0; i < clients; ++i) before.push_back(balancer.choose(slots, client(i), {}).index);
    slots[4].weight = 2 * Slot::one;
    int moved = 0;
    for (int i = 0; i < clients; ++i) {
        const std::size_t now = balancer.choose(slots, client(i), {}).index;
        if (now == before[static_cast<std::size_t>(i)]) continue;
        EXPECT_EQ(now, 4U);
        ++moved;
    }
    EXPECT_NEAR(moved, clients * (2.0 / 11 - 1.0 / 10), 300);
}

// Ten thousand connections in a row to 100 servers: the fullest has far less than one chosen at random would have.
TEST(Balance, TwoAtRandomEvensOut) {
    auto slots = slots_of(100);
    const auto result = shares(Method::random, slots, 10'000);
    EXPECT_LE(*std::ranges::max_element(result), 110);
    EXPECT_GE(*std::ranges::min_element(result), 85);
}

TEST(Balance, BackupsTakeOverWhenNobodyElseIsUsable) {
    for (const Method method : methods) {
        Balancer balancer(method);
        auto slots = slots_of(4);
        slots[2].rank = slots[3].rank = 1;
        for (const char c : choices(balancer, slots, 20)) EXPECT_TRUE(c == 'a' || c == 'b') << c;
        slots[0].usable = false;
        EXPECT_EQ(choices(balancer, slots, 5), "bbbbb");
        slots[1].limit = slots[1].connections = 1; // full is not gone: its clients wait
        EXPECT_EQ(choices(balancer, slots, 2), "--");
        slots[1].usable = false;
        for (const char c : choices(balancer, slots, 20)) EXPECT_TRUE(c == 'c' || c == 'd') << c;
        slots[2].usable = slots[3].usable = false;
        EXPECT_EQ(choices(balancer, slots, 2), "!!");
    }
}

TEST(Balance, WhatWasTriedInVainIsLeftOut) {
    for (const Method method : methods) {
        Balancer balancer(method);
        auto slots = slots_of(3);
        slots[2].rank = 1;
        const std::vector<std::uint64_t> first{slots[0].identity}, both{slots[0].identity, slots[1].identity},
            all{slots[0].identity, slots[1].identity, slots[2].identity};
        EXPECT_EQ(letter(balancer.choose(slots, 7, first)), 'b');
        EXPECT_EQ(letter(balancer.choose(slots, 7, both)), 'c');
        EXPECT_EQ(letter(balancer.choose(slots, 7, all)), '!');
    }
}

TEST(Balance, ASourceWaitsOnlyWhileThereIsNoRoomForOthersEither) {
    for (const Method method : methods) {
        Balancer balancer(method);
        auto slots = slots_of(2);
        slots[0].per_source = 1;
        slots[1].limit = 1;
        const std::vector<Held> held{{slots[0].identity, 1}};
        const auto choice = [&] { return letter(balancer.choose(slots, 7, {}, held)); };
        EXPECT_EQ(choice(), 'b');
        slots[1].connections = 1;
        EXPECT_EQ(choice(), '=') << "a has room, though not for this source";
        slots[0].limit = slots[0].connections = 1;
        EXPECT_EQ(choice(), '-') << "both are full for everybody";
        slots[1].usable = false;
        EXPECT_EQ(choice(), '-') << "its own place on a may get free";
    }
}

TEST(Balance, WithoutServersThereIsNone) {
    for (const Method method : methods) {
        std::vector<Slot> slots;
        Balancer balancer(method);
        EXPECT_EQ(choices(balancer, slots, 2), "!!");
    }
}

} // namespace
