// The word that says who owns a connection.
#include "connection/owner.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace gatehouse::host {
namespace {

using Claim = Owner::Claim;

TEST(OwnerTest, EachUseHasAGenerationOfItsOwn) {
    Owner owner;
    EXPECT_EQ(owner.take() >> 32U, 1U);
    owner.release();
    EXPECT_EQ(owner.take() >> 32U, 2U);
}

TEST(OwnerTest, ANoteIsLeftForTheOwner) {
    Owner owner;
    const std::uint64_t id = owner.take() | 5;
    EXPECT_EQ(owner.claim(id, Owner::woken), Claim::noted);
    EXPECT_EQ(owner.claim(id, Owner::event), Claim::noted);
    EXPECT_FALSE(owner.rest()); // it has to look at them first
    EXPECT_TRUE(owner.take(Owner::woken));
    EXPECT_FALSE(owner.take(Owner::woken));
    EXPECT_FALSE(owner.rest());
    EXPECT_TRUE(owner.take(Owner::event));
    EXPECT_TRUE(owner.rest());
    EXPECT_TRUE(owner.resting());
    EXPECT_EQ(owner.claim(id, Owner::event), Claim::owned);
    EXPECT_FALSE(owner.noted(Owner::event)); // the claimer knows why it has come
    EXPECT_FALSE(owner.resting());
}

TEST(OwnerTest, AStaleIdClaimsNothing) {
    Owner owner;
    const std::uint64_t id = owner.take();
    owner.release();
    EXPECT_EQ(owner.claim(id, Owner::woken), Claim::gone);
    EXPECT_FALSE(owner.leave(id, Owner::ordered));
    owner.take();
    EXPECT_EQ(owner.claim(id, Owner::woken), Claim::gone);
}

TEST(OwnerTest, WhoHoldsItKeepsTheSlot) {
    Owner owner;
    const std::uint64_t id = owner.take();
    ASSERT_TRUE(owner.hold(id));
    std::atomic<bool> released{false};
    std::thread releasing([&] {
        owner.release();
        released.store(true);
    });
    EXPECT_EQ(owner.claim(id, Owner::event), Claim::noted);
    EXPECT_FALSE(released.load());
    owner.let_go();
    releasing.join();
    EXPECT_FALSE(owner.hold(id));
}

TEST(OwnerDeathTest, ASlotIsReleasedOnce) {
    Owner owner;
    owner.take();
    owner.release();
    EXPECT_DEATH(owner.release(), "impossible state at owner.cpp:[0-9]+: .*running_bit");
}

TEST(OwnerDeathTest, ATakenSlotIsNotTakenAgain) {
    Owner owner;
    owner.take();
    EXPECT_DEATH(owner.take(), "impossible state at owner.cpp");
}

TEST(OwnerDeathTest, WhatRestsDoesNotRestAgain) {
    Owner owner;
    owner.take();
    ASSERT_TRUE(owner.rest());
    EXPECT_DEATH(owner.rest(), "impossible state at owner.cpp");
}

// Four threads claim: there is never more than one owner, and no note is lost.
TEST(OwnerTest, OneOwnerAtATimeUnderAHailOfClaims) {
    constexpr int rounds = 20'000;
    Owner owner;
    const std::uint64_t id = owner.take();
    std::atomic<int> owners{0};
    std::atomic<std::uint64_t> seen{0}; // claims that an owner has answered
    std::atomic<std::uint64_t> claimed{0};
    std::uint64_t plain = 0; // belongs to the owner, so it needs no atomic: TSan holds that against us
    const auto own = [&] {
        EXPECT_EQ(owners.fetch_add(1), 0);
        ++plain;
        owners.fetch_sub(1);
        for (;;) { // as Parking::rest(): the owner answers notes before it rests
            if (owner.take(Owner::woken)) {
                ++plain;
                seen.fetch_add(1);
            }
            if (owner.rest()) return;
        }
    };
    own();
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int j = 0; j < rounds; ++j) {
                const Claim claim = owner.claim(id, Owner::woken);
                ASSERT_NE(claim, Claim::gone);
                claimed.fetch_add(1);
                if (claim == Claim::owned) {
                    seen.fetch_add(1);
                    own();
                }
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(owner.resting());
    EXPECT_EQ(claimed.load(), 4U * rounds);
    EXPECT_LE(seen.load(), claimed.load()); // several wake-ups may become one
    EXPECT_EQ(plain, seen.load() + 1);
}

} // namespace
} // namespace gatehouse::host
