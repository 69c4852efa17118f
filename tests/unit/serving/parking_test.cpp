// What brings a resting connection back, with a socket pair and a pool that no thread serves.
#include "serving/parking.hpp"

#include "config/config.hpp"
#include "sockets.hpp"
#include "threads/pool.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <utility>

namespace gatehouse::host {
namespace {

thread_local std::function<void()> as_the_entry_is_set; // called once, and forgotten

} // namespace

// The linker puts this in the place of epoll_ctl(): what other threads do at that moment, a test does here.
extern "C" {
int __real_epoll_ctl(int set, int operation, int fd, epoll_event* event);  // NOLINT(bugprone-reserved-identifier)
int __wrap_epoll_ctl(int set, int operation, int fd, epoll_event* event) { // NOLINT(bugprone-reserved-identifier)
    const int result = __real_epoll_ctl(set, operation, fd, event);
    if (as_the_entry_is_set) std::exchange(as_the_entry_is_set, nullptr)();
    return result;
}
}

namespace {

constexpr Stream::Due no_deadline{never, Reason::idle_timeout};

class ParkingTest : public ::testing::Test {
  public:
    ParkingTest() {
        Ends ends = unix_ends();
        connection_.open(ends.near.release(), share_);
        connection_.life.phase = Phase::serving;
        connection_.emptied = true;
        peer_ = std::move(ends.far);
    }
    ~ParkingTest() override {
        if (connection_.owner.resting()) claim();
        slots_.give_back(connection_);
    }

  protected:
    Rest rest(Interest wanted = Interest::bytes, Unread unread = Unread::taken) {
        return parking_.rest(connection_, wanted, unread, no_deadline);
    }
    void claim() { EXPECT_EQ(connection_.owner.claim(connection_.id, Owner::nothing), Owner::Claim::owned); }
    void note(Owner::Note note) { EXPECT_EQ(connection_.owner.claim(connection_.id, note), Owner::Claim::noted); }

    const ListenerConfig config_;
    Alarm alarm_;
    Standby standby_;
    Pool pool_{{}, alarm_, standby_, [](std::uint64_t, std::uint32_t) {}};
    Drain drain_;
    const ListenerShare share_{config_, pool_, drain_};
    ConnectionSlots slots_{0};
    Connection& connection_ = *slots_.take();
    Descriptor peer_;
    Parking parking_{alarm_};
};

TEST_F(ParkingTest, RestsInTheEpollSet) {
    EXPECT_EQ(rest(), Rest::resting);
    EXPECT_TRUE(connection_.owner.resting());
    EXPECT_EQ(connection_.watch.interest(), Interest::bytes);
}

TEST_F(ParkingTest, AWakeUpThatCameWhileItRanIsToldFirst) {
    note(Owner::woken);
    EXPECT_EQ(rest(), Rest::woken);
    EXPECT_EQ(rest(), Rest::resting);
}

TEST_F(ParkingTest, OneThatIsWokenAllTheTimeHearsOfItsBytes) {
    note(Owner::woken);
    connection_.life.serving.why = GATEHOUSE_EVENT_WAKE; // it has just been told of another
    ASSERT_EQ(::write(peer_.get(), "x", 1), 1);
    EXPECT_EQ(rest(), Rest::data);
    connection_.life.serving.why = GATEHOUSE_EVENT_DATA;
    EXPECT_EQ(rest(), Rest::woken); // which is not forgotten
}

TEST_F(ParkingTest, AnEventWhileItRanMakesTheClientAnEarlySender) {
    note(Owner::event);
    EXPECT_EQ(rest(), Rest::resting);
    EXPECT_TRUE(connection_.life.serving.sends_early);
    EXPECT_EQ(connection_.watch.interest(), Interest::bytes_once);
}

// The kernel tells another thread of bytes that are there when the entry is set; but such an event may also be an older one.
TEST_F(ParkingTest, AnEventThatComesAsTheEntryIsSetIsNewsIfItHasBroughtSomething) {
    note(Owner::event);
    as_the_entry_is_set = [this] { note(Owner::event); };
    EXPECT_EQ(rest(), Rest::resting);
    claim();
    ASSERT_EQ(::write(peer_.get(), "x", 1), 1);
    as_the_entry_is_set = [this] { note(Owner::event); };
    EXPECT_EQ(rest(), Rest::data);
}

TEST_F(ParkingTest, OfBytesThatAreLeftTheNoteItselfIsTheNews) {
    note(Owner::event);
    EXPECT_EQ(rest(Interest::bytes, Unread::left), Rest::data);
    EXPECT_EQ(connection_.watch.interest(), Interest::none);
}

TEST_F(ParkingTest, TheDrainIsToldOnce) {
    drain_.start(never - 1);
    EXPECT_EQ(rest(), Rest::stopping);
    EXPECT_EQ(rest(), Rest::resting);
}

TEST_F(ParkingTest, TheNoteOfADrainThatWasSeenBeforeDoesNotKeepItAwake) {
    drain_.start(never - 1);
    EXPECT_EQ(rest(), Rest::stopping);
    note(Owner::stop);
    EXPECT_EQ(rest(), Rest::resting);
}

TEST_F(ParkingTest, ADeafOneHearsOfAResetOnly) {
    note(Owner::event);
    ASSERT_EQ(::write(peer_.get(), "x", 1), 1);
    EXPECT_EQ(rest(Interest::reset), Rest::resting);
    claim();
    peer_.reset();
    connection_.owner.claim(connection_.id, Owner::event);
    EXPECT_EQ(rest(Interest::reset), Rest::reset);
}

TEST_F(ParkingTest, ASocketThatTheKernelWillNotWatchIsSaid) {
    const int fd = std::exchange(connection_.fd, -1); // EBADF stands for ENOMEM
    EXPECT_EQ(rest(), Rest::no_memory);
    connection_.fd = fd;
}

TEST_F(ParkingTest, TheSweepClaimsThoseWhoseTimeIsOver) {
    const Nanoseconds now = monotonic_now();
    ASSERT_EQ(parking_.rest(connection_, Interest::bytes, Unread::taken, {now - 1, Reason::idle_timeout}), Rest::resting);
    int expired = 0;
    const ListenerShare other{config_, pool_, drain_}; // of another generation
    EXPECT_EQ(parking_.sweep(slots_, other, now, [&](Connection&) { ++expired; }), never);
    EXPECT_EQ(expired, 0);
    claim();
    ASSERT_EQ(parking_.rest(connection_, Interest::bytes, Unread::taken, {now - 1, Reason::idle_timeout}), Rest::resting);
    EXPECT_EQ(parking_.sweep(slots_, share_, now, [&](Connection&) { ++expired; }), never);
    EXPECT_EQ(expired, 1);
    EXPECT_FALSE(connection_.owner.resting());
}

TEST_F(ParkingTest, TheSweepComesBackForThoseWhoseTimeIsToCome) {
    const Nanoseconds now = monotonic_now();
    ASSERT_EQ(parking_.rest(connection_, Interest::bytes, Unread::taken, {now + 1'000'000'000, Reason::lifetime}),
              Rest::resting);
    EXPECT_EQ(parking_.sweep(slots_, share_, now, [](Connection&) { FAIL(); }), now + 1'000'000'000);
}

} // namespace
} // namespace gatehouse::host
