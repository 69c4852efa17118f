// The connection's word and the table of slots: who owns a connection, and which ids are stale.
#include "connection/connection.hpp"

#include <array>
#include <atomic>
#include <cstring>
#include <gtest/gtest.h>
#include <set>
#include <thread>

namespace gatehouse::host {
namespace {

using Claim = Connection::Claim;

class Slots : public ::testing::Test {
  protected:
    static constexpr std::uint32_t service_number = 3;

    // Connections keep a reference to their service; nothing here follows it.
    Service& service() { return reinterpret_cast<Service&>(storage_); }

    // What Service::park() does at its end.
    static bool rest(Connection& connection) {
        std::uint64_t expected = (connection.id & ~std::uint64_t{Connection::all_flags}) | Connection::running;
        const std::uint64_t resting = (connection.id & ~std::uint64_t{Connection::all_flags}) | Connection::parked;
        return connection.word.compare_exchange_strong(expected, resting);
    }

    alignas(64) std::array<std::byte, 64> storage_{};
    Drain drain_;
    ConnectionTable table_{service(), service_number, drain_, 1000};
};

TEST_F(Slots, IdsAreUniqueAndNameTheirService) {
    std::set<std::uint64_t> ids;
    for (int i = 0; i < 1000; ++i) {
        Connection* connection = table_.take();
        ASSERT_NE(connection, nullptr);
        EXPECT_NE(connection->id, 0U);
        EXPECT_EQ(ConnectionTable::service_of(connection->id), service_number);
        EXPECT_EQ(table_.find(connection->id), connection);
        ids.insert(connection->id);
    }
    EXPECT_EQ(ids.size(), 1000U);
}

TEST_F(Slots, NeverMoreThanTheCapacityRoundedUpToAChunk) {
    std::vector<Connection*> taken;
    while (Connection* connection = table_.take()) {
        taken.push_back(connection);
        ASSERT_LE(taken.size(), 1024U);
    }
    EXPECT_GE(taken.size(), 1000U);
    taken.back()->release();
    table_.give_back(*taken.back());
    EXPECT_EQ(table_.take(), taken.back());
    EXPECT_EQ(table_.take(), nullptr);
}

TEST_F(Slots, AnIdIsStaleOnceItsConnectionHasEnded) {
    Connection* connection = table_.take();
    const std::uint64_t old = connection->id;
    connection->release();
    EXPECT_EQ(connection->claim(old, Connection::woken), Claim::gone);
    table_.give_back(*connection);
    ASSERT_EQ(table_.take(), connection); // last in, first out
    EXPECT_NE(connection->id, old);
    ASSERT_TRUE(rest(*connection));
    EXPECT_EQ(connection->claim(old, Connection::woken), Claim::gone);
    EXPECT_EQ(connection->claim(connection->id, Connection::woken), Claim::owned);
}

TEST_F(Slots, ACutStaysUntilTheConnectionHasEnded) {
    Connection* connection = table_.take();
    const std::uint64_t id = connection->id;
    ASSERT_TRUE(rest(*connection));
    EXPECT_TRUE(connection->note_cut(id)); // while it is parked
    EXPECT_EQ(connection->claim(id, Connection::woken), Claim::owned);
    EXPECT_NE(connection->word.load() & Connection::cut, 0U);
    EXPECT_TRUE(connection->note_cut(id)); // while it is running
    connection->release();
    EXPECT_FALSE(connection->note_cut(id));
    table_.give_back(*connection);
    ASSERT_EQ(table_.take(), connection);
    EXPECT_FALSE(connection->note_cut(id));
    EXPECT_EQ(connection->word.load() & Connection::cut, 0U);
}

TEST_F(Slots, FindKnowsOnlySlotsThatWereMade) {
    EXPECT_EQ(table_.find(0), nullptr);
    const Connection* connection = table_.take();
    EXPECT_EQ(table_.find(connection->id), connection);
    EXPECT_EQ(table_.find(64), nullptr);
    EXPECT_EQ(table_.find(~std::uint64_t{0}), nullptr);
}

TEST_F(Slots, GenerationsWrapAroundWithoutZero) {
    Connection* connection = table_.take();
    connection->word.store(std::uint64_t{0xffffffff} << 32U | Connection::running);
    connection->release();
    table_.give_back(*connection);
    ASSERT_EQ(table_.take(), connection);
    EXPECT_EQ(connection->id >> 32U, 1U);
}

TEST_F(Slots, AFlagIsLeftForTheOwner) {
    Connection* connection = table_.take();
    EXPECT_EQ(connection->claim(connection->id, Connection::woken), Claim::noted);
    EXPECT_EQ(connection->claim(connection->id, Connection::event), Claim::noted);
    EXPECT_EQ(connection->word.load() & Connection::all_flags,
              std::uint64_t{Connection::running} | Connection::woken | Connection::event);
    EXPECT_FALSE(rest(*connection)); // it has to look at them first
    connection->word.fetch_and(~std::uint64_t{Connection::woken | Connection::event});
    EXPECT_TRUE(rest(*connection));
    EXPECT_EQ(connection->claim(connection->id, Connection::event), Claim::owned);
    EXPECT_EQ(connection->word.load() & Connection::all_flags, std::uint64_t{Connection::running});
}

TEST_F(Slots, PeerAddressesComeBackAsTheyWere) {
    Connection* connection = table_.take();
    connection->peer.v4 = {};
    connection->peer.v4.sin_family = AF_INET;
    connection->peer.v4.sin_port = htons(4711);
    connection->peer.v4.sin_addr.s_addr = htonl(0xc0000201);
    EXPECT_EQ(to_string(connection->peer_address()), "192.0.2.1:4711");
    connection->peer.v6 = {};
    connection->peer.v6.sin6_family = AF_INET6;
    connection->peer.v6.sin6_port = htons(80);
    connection->peer.v6.sin6_addr.s6_addr[15] = 1;
    EXPECT_EQ(to_string(connection->peer_address()), "[::1]:80");
    connection->peer.v6 = {};
    connection->peer.common.sa_family = AF_UNIX;
    EXPECT_EQ(to_string(connection->peer_address()), "unix:");
}

// Four threads claim, four flags fly: there is never more than one owner, and no flag that was noted is lost.
TEST_F(Slots, OneOwnerAtATimeUnderAHailOfClaims) {
    constexpr int rounds = 20'000;
    Connection* connection = table_.take();
    const std::uint64_t id = connection->id;
    const std::uint64_t clear = ~std::uint64_t{Connection::woken};
    std::atomic<int> owners{0};
    std::atomic<std::uint64_t> seen{0}; // claims that an owner has answered
    std::atomic<std::uint64_t> claimed{0};
    std::uint64_t plain = 0; // belongs to the owner, so it needs no atomic: TSan holds that against us
    const auto own = [&] {
        EXPECT_EQ(owners.fetch_add(1), 0);
        ++plain;
        owners.fetch_sub(1);
        for (;;) { // as Service::park(): flags are answered before it rests
            if ((connection->word.load() & Connection::woken) != 0) {
                connection->word.fetch_and(clear);
                ++plain;
                seen.fetch_add(1);
            }
            if (rest(*connection)) return;
        }
    };
    own();
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int j = 0; j < rounds; ++j) {
                const Claim claim = connection->claim(id, Connection::woken);
                ASSERT_NE(claim, Claim::gone);
                claimed.fetch_add(1);
                if (claim == Claim::owned) {
                    seen.fetch_add(1);
                    own();
                }
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(connection->word.load() & Connection::all_flags, std::uint64_t{Connection::parked});
    EXPECT_EQ(claimed.load(), 4U * rounds);
    EXPECT_LE(seen.load(), claimed.load()); // several wake-ups may become one
    EXPECT_EQ(plain, seen.load() + 1);
}

TEST_F(Slots, SlotsAreNeverSharedBetweenThreads) {
    std::vector<std::thread> threads;
    std::array<std::atomic<int>, 2048> users{};
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int j = 0; j < 5000; ++j) {
                Connection* connection = table_.take();
                ASSERT_NE(connection, nullptr);
                const std::size_t slot = connection->index & 0xfffffU;
                EXPECT_EQ(users[slot].fetch_add(1), 0);
                const std::uint64_t id = connection->id;
                EXPECT_EQ(table_.find(id), connection);
                users[slot].fetch_sub(1);
                connection->release();
                EXPECT_EQ(connection->claim(id, Connection::stop), Claim::gone);
                table_.give_back(*connection);
            }
        });
    for (std::thread& thread : threads) thread.join();
}

} // namespace
} // namespace gatehouse::host
