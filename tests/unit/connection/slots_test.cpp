// The slots of a listener's connections: who owns one, and which ids are stale.
#include "connection/slots.hpp"

#include "config/config.hpp"
#include "threads/alarm.hpp"
#include "threads/pool.hpp"

#include <array>
#include <atomic>
#include <gtest/gtest.h>
#include <set>
#include <thread>

namespace gatehouse::host {
namespace {

using Claim = Owner::Claim;

class Slots : public ::testing::Test {
  protected:
    static constexpr std::uint32_t listener_number = 3;

    ConnectionSlots slots_{listener_number};
};

TEST_F(Slots, IdsAreUniqueAndNameTheirListener) {
    std::set<std::uint64_t> ids;
    for (int i = 0; i < 1000; ++i) {
        Connection* connection = slots_.take();
        ASSERT_NE(connection, nullptr);
        EXPECT_NE(connection->id, 0U);
        EXPECT_EQ(ConnectionSlots::listener_of(connection->id), listener_number);
        EXPECT_EQ(slots_.find(connection->id), connection);
        ids.insert(connection->id);
    }
    EXPECT_EQ(ids.size(), 1000U);
}

TEST_F(Slots, ThereAreTensOfThousandsAndEachIsFoundByItsId) {
    std::vector<Connection*> taken(40'000);
    for (Connection*& connection : taken) connection = slots_.take();
    for (Connection* connection : taken) ASSERT_EQ(slots_.find(connection->id), connection);
    EXPECT_EQ(std::set(taken.begin(), taken.end()).size(), taken.size());
    std::size_t seen = 0;
    slots_.for_each([&](const Connection& connection, std::uint64_t id) {
        seen += connection.id == id ? 1 : 0; // the others have not been taken
    });
    EXPECT_EQ(seen, taken.size());
    for (Connection* connection : taken) slots_.give_back(*connection);
    EXPECT_EQ(slots_.take(), taken.back()); // last in, first out
}

TEST_F(Slots, AnIdIsStaleOnceItsConnectionHasEnded) {
    Connection* connection = slots_.take();
    const std::uint64_t old = connection->id;
    slots_.give_back(*connection);
    EXPECT_EQ(connection->owner.claim(old, Owner::woken), Claim::gone);
    ASSERT_EQ(slots_.take(), connection); // last in, first out
    EXPECT_NE(connection->id, old);
    ASSERT_TRUE(connection->owner.rest());
    EXPECT_EQ(connection->owner.claim(old, Owner::woken), Claim::gone);
    EXPECT_EQ(connection->owner.claim(connection->id, Owner::woken), Claim::owned);
}

TEST_F(Slots, AnOrderStaysUntilTheConnectionHasEnded) {
    Connection* connection = slots_.take();
    const std::uint64_t id = connection->id;
    ASSERT_TRUE(connection->owner.rest());
    EXPECT_TRUE(connection->owner.leave(id, Owner::ordered)); // while it rests
    EXPECT_EQ(connection->owner.claim(id, Owner::woken), Claim::owned);
    EXPECT_TRUE(connection->owner.noted(Owner::ordered));
    EXPECT_TRUE(connection->owner.leave(id, Owner::ordered)); // while it runs
    EXPECT_TRUE(connection->owner.rest());                    // an order alone keeps no connection from resting
    EXPECT_EQ(connection->owner.claim(id, Owner::nothing), Claim::owned);
    slots_.give_back(*connection);
    EXPECT_FALSE(connection->owner.leave(id, Owner::ordered));
    ASSERT_EQ(slots_.take(), connection);
    EXPECT_FALSE(connection->owner.leave(id, Owner::ordered));
    EXPECT_FALSE(connection->owner.noted(Owner::ordered));
}

TEST_F(Slots, FindKnowsOnlySlotsThatWereMade) {
    EXPECT_EQ(slots_.find(0), nullptr);
    const Connection* connection = slots_.take();
    EXPECT_EQ(slots_.find(connection->id), connection);
    EXPECT_EQ(slots_.find(64), nullptr);
    EXPECT_EQ(slots_.find(~std::uint64_t{0}), nullptr);
}

TEST(PeerTest, AddressesComeBackAsTheyWere) {
    SocketAddress address;
    auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(4711);
    v4.sin_addr.s_addr = htonl(0xc0000201);
    address.size = sizeof v4;
    EXPECT_EQ(to_string(Peer(address).address()), "192.0.2.1:4711");
    address = {};
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(80);
    v6.sin6_addr.s6_addr[15] = 1;
    address.size = sizeof v6;
    EXPECT_EQ(to_string(Peer(address).address()), "[::1]:80");
    address = {};
    address.storage.ss_family = AF_UNIX;
    address.size = sizeof(sa_family_t);
    EXPECT_EQ(to_string(Peer(address).address()), "unix:");
}

TEST(LifeTest, OpenBeginsAllOfItAnew) {
    ConnectionSlots slots(0);
    Connection& connection = *slots.take();
    const ListenerConfig config;
    Alarm alarm;
    Standby standby;
    Pool pool({}, alarm, standby, [](std::uint64_t, std::uint32_t) {});
    Drain drain;
    const ListenerShare share{config, pool, drain};
    connection.open(-1, share);
    connection.life.serving.deaf = connection.life.stop_told = connection.life.admitted = true;
    connection.life.lingered = 7;
    connection.broken = connection.read_end = true;
    connection.bytes_in = 5;
    connection.reason = Reason::drained;
    connection.open(-1, share);
    EXPECT_FALSE(connection.life.serving.deaf || connection.life.stop_told || connection.life.admitted);
    EXPECT_EQ(connection.life.lingered, 0U);
    EXPECT_FALSE(connection.broken || connection.read_end || connection.reason);
    EXPECT_EQ(connection.bytes_in, 0U);
    EXPECT_TRUE(connection.is_client);
    slots.give_back(connection);
}

TEST_F(Slots, SlotsAreNeverSharedBetweenThreads) {
    std::vector<std::thread> threads;
    std::array<std::atomic<int>, 2048> users{};
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int j = 0; j < 5000; ++j) {
                Connection* connection = slots_.take();
                ASSERT_NE(connection, nullptr);
                const std::size_t slot = connection->index & 0xfffffU;
                EXPECT_EQ(users[slot].fetch_add(1), 0);
                const std::uint64_t id = connection->id;
                EXPECT_EQ(slots_.find(id), connection);
                users[slot].fetch_sub(1);
                slots_.give_back(*connection);
                EXPECT_NE(connection->owner.claim(id, Owner::nothing), Claim::owned);
            }
        });
    for (std::thread& thread : threads) thread.join();
}

} // namespace
} // namespace gatehouse::host
