// Which of the connections that are not served yet gives way.
#include "connection/half_open.hpp"

#include "connection/slots.hpp"

#include "config/config.hpp"
#include "net/address.hpp"
#include "threads/alarm.hpp"
#include "threads/pool.hpp"

#include <gtest/gtest.h>
#include <string>

namespace gatehouse::host {
namespace {

class HalfOpenTest : public ::testing::Test {
  protected:
    // A connection from there that rests, and was heard at that time.
    Connection& connection(const std::string& from, Nanoseconds heard) {
        Connection& connection = *slots_.take();
        connection.open(-1, share_);
        std::string error;
        connection.life.peer = Peer(*numeric_address(*parse_address(from + ":1", error)));
        half_open_.enter(connection, heard);
        EXPECT_TRUE(connection.owner.rest());
        return connection;
    }
    // The one that gives way ends.
    Connection* give_way(Nanoseconds silent_since = never, const ListenerShare* listener = nullptr) {
        Connection* const found = half_open_.give_way(silent_since, listener);
        if (found == nullptr) return nullptr;
        HalfOpen::leave(*found);
        slots_.give_back(*found);
        return found;
    }
    void claim(Connection& connection) {
        EXPECT_EQ(connection.owner.claim(connection.id, Owner::nothing), Owner::Claim::owned);
    }

    const ListenerConfig config_;
    Alarm alarm_;
    Standby standby_;
    Pool pool_{{}, alarm_, standby_, [](std::uint64_t, std::uint32_t) {}};
    Drain drain_;
    const ListenerShare share_{config_, pool_, drain_};
    const ListenerShare other_share_{config_, pool_, drain_};
    ConnectionSlots slots_{0};
    HalfOpen half_open_{SourceHash({0x9e3779b97f4a7c15U, 2})}; // with which the sources of these tests do not meet
};

TEST_F(HalfOpenTest, IsEmpty) {
    EXPECT_EQ(give_way(), nullptr);
    EXPECT_EQ(half_open_.size(), 0U);
}

TEST_F(HalfOpenTest, TheOneThatHasBeenSilentForLongestIsTheFirst) {
    Connection& first = connection("192.0.2.1", 1);
    Connection& second = connection("192.0.2.1", 2);
    Connection& third = connection("192.0.2.1", 3);
    claim(first); // it says something
    HalfOpen::heard(first, 4);
    EXPECT_TRUE(first.owner.rest());
    EXPECT_EQ(give_way(), &second);
    EXPECT_EQ(half_open_.size(), 2U);
    EXPECT_EQ(give_way(), &third);
    EXPECT_EQ(give_way(), &first);
    EXPECT_EQ(give_way(), nullptr);
}

TEST_F(HalfOpenTest, TheSourceThatHasMostIsTheFirst) {
    Connection& lonely = connection("198.51.100.1", 1); // the oldest of all
    Connection& one = connection("192.0.2.1", 2);
    Connection& two = connection("192.0.2.1", 3);
    EXPECT_EQ(give_way(), &one);
    EXPECT_EQ(give_way(), &lonely); // as many now, and older
    EXPECT_EQ(give_way(), &two);
}

TEST_F(HalfOpenTest, TheAddressesOfAnIpv6NetworkAreOneSource) {
    Connection& lonely = connection("[2001:db8:1::1]", 1);
    Connection& one = connection("[2001:db8:2::1]", 2);
    Connection& two = connection("[2001:db8:2::2:1]", 3);
    EXPECT_EQ(give_way(), &one);
    EXPECT_EQ(give_way(), &lonely);
    EXPECT_EQ(give_way(), &two);
}

TEST_F(HalfOpenTest, OnesThatHaveJustBeenHeardStay) {
    Connection& one = connection("192.0.2.1", 10);
    connection("192.0.2.1", 20);
    EXPECT_EQ(give_way(9), nullptr);
    EXPECT_EQ(give_way(10), &one);
    EXPECT_EQ(give_way(19), nullptr);
}

TEST_F(HalfOpenTest, OnesThatAThreadLooksAtStay) {
    Connection& busy = connection("192.0.2.1", 1);
    Connection& silent = connection("192.0.2.1", 2);
    claim(busy);
    EXPECT_EQ(give_way(), &silent);
    EXPECT_EQ(give_way(), nullptr);
    HalfOpen::leave(busy);
    EXPECT_EQ(half_open_.size(), 0U);
    HalfOpen::leave(busy); // once more does nothing
}

TEST_F(HalfOpenTest, OnesOfAnotherListenerStay) {
    Connection& other = connection("192.0.2.1", 1);
    other.listener.store(&other_share_);
    Connection& mine = connection("192.0.2.1", 2);
    EXPECT_EQ(give_way(never, &share_), &mine);
    EXPECT_EQ(give_way(never, &share_), nullptr);
    EXPECT_EQ(give_way(never, &other_share_), &other);
}

TEST_F(HalfOpenTest, AConnectionIsInOneAtATime) {
    HalfOpen other;
    Connection& moved = connection("192.0.2.1", 1);
    claim(moved);
    other.enter(moved, 5);
    EXPECT_TRUE(moved.owner.rest());
    EXPECT_EQ(half_open_.size(), 0U);
    EXPECT_EQ(other.size(), 1U);
    EXPECT_EQ(give_way(), nullptr);
    EXPECT_EQ(other.give_way(never, nullptr), &moved);
    HalfOpen::leave(moved);
}

} // namespace
} // namespace gatehouse::host
