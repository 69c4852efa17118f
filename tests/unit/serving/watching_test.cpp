// What a connection that watches more than its client finds: by level, whatever epoll has told.
#include "serving/watching.hpp"

#include "config/config.hpp"
#include "connection/slots.hpp"
#include "sockets.hpp"
#include "threads/alarm.hpp"
#include "threads/pool.hpp"

#include <array>
#include <gtest/gtest.h>
#include <optional>
#include <string>

namespace gatehouse::host {
namespace {

class WatchingTest : public testing::Test {
  protected:
    WatchingTest() {
        Ends client = tcp_ends(), server = tcp_ends();
        connection_.open(client.near.release(), share_);
        connection_.life.phase = Phase::serving;
        client_ = std::move(client.far);
        server_.emplace(drain_, SocketAddress(), server.near.release());
        server_->watch.begin(pool_);
        server_->attach(connection_.life.serving.upstreams);
        server_peer_ = std::move(server.far);
        connection_.emptied = server_->emptied = true;
    }
    ~WatchingTest() override {
        server_.reset();
        slots_.give_back(connection_);
    }
    static void say(const Descriptor& to, std::string_view text) {
        ASSERT_EQ(::send(to.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    }
    static std::string read(Stream& from) {
        std::array<char, 64> buffer;
        std::size_t size = 0;
        return from.read_now(buffer.data(), buffer.size(), size) == GATEHOUSE_OK ? std::string(buffer.data(), size) : "";
    }
    std::optional<gatehouse_event> news(bool all = false) {
        forget_news(connection_);
        return find_news(connection_, all);
    }

    const ListenerConfig config_;
    Alarm alarm_;
    Standby standby_;
    Pool pool_{{}, alarm_, standby_, [](std::uint64_t, std::uint32_t) {}};
    Drain drain_;
    const ListenerShare share_{config_, pool_, drain_};
    ConnectionSlots slots_{0};
    Connection& connection_ = *slots_.take();
    Descriptor client_, server_peer_;
    std::optional<Upstream> server_;
};

TEST_F(WatchingTest, OnlyWhatIsWatchedIsFound) {
    say(server_peer_, "x");
    EXPECT_FALSE(news(true));
    EXPECT_FALSE(connection_.rests_for_more());
    server_->wanted = GATEHOUSE_READABLE;
    EXPECT_TRUE(connection_.rests_for_more());
    EXPECT_EQ(news(true), GATEHOUSE_EVENT_UPSTREAM);
    EXPECT_EQ(server_->found, GATEHOUSE_READABLE);
    say(client_, "y");
    EXPECT_EQ(news(true), GATEHOUSE_EVENT_DATA); // the client's comes first
    connection_.life.serving.deaf = true;
    EXPECT_EQ(news(true), GATEHOUSE_EVENT_UPSTREAM);
}

TEST_F(WatchingTest, WhatIsLeftUnreadIsFoundAgainAndWhatIsReadIsNot) {
    server_->wanted = GATEHOUSE_READABLE;
    say(server_peer_, "hello");
    note_event(connection_, EPOLLRDNORM, false);
    EXPECT_EQ(find_news(connection_, false), GATEHOUSE_EVENT_UPSTREAM);
    EXPECT_EQ(news(), GATEHOUSE_EVENT_UPSTREAM); // nobody has read it
    EXPECT_EQ(read(*server_), "hello");
    EXPECT_FALSE(news());
}

TEST_F(WatchingTest, AnEventThatMayBeLateIsFoundOnlyIfItsBytesAreThere) {
    connection_.wanted = server_->wanted = GATEHOUSE_READABLE;
    say(client_, "x");
    note_event(connection_, EPOLLRDNORM, true);
    note_event(connection_, EPOLLIN, true);
    EXPECT_EQ(server_->found, 0);
    EXPECT_EQ(connection_.found, GATEHOUSE_READABLE);
    EXPECT_EQ(find_news(connection_, false), GATEHOUSE_EVENT_DATA);
}

TEST_F(WatchingTest, AnEndIsFoundUntilItHasBeenRead) {
    server_->wanted = GATEHOUSE_READABLE;
    server_peer_.reset();
    note_event(connection_, EPOLLRDNORM | EPOLLRDHUP, true);
    EXPECT_EQ(news(), GATEHOUSE_EVENT_UPSTREAM);
    EXPECT_EQ(read(*server_), "");
    EXPECT_TRUE(server_->read_end);
    EXPECT_FALSE(news(true));
}

TEST_F(WatchingTest, RoomIsThereUntilAWriteHasBeenShort) {
    connection_.wanted = GATEHOUSE_WRITABLE;
    EXPECT_EQ(news(), GATEHOUSE_EVENT_DATA);
    const std::string much(1 << 20, 'x');
    const gatehouse_bytes part{much.data(), much.size()};
    std::size_t written = 0;
    while (connection_.write_now({&part, 1}, written) == GATEHOUSE_OK) {
    }
    EXPECT_FALSE(news());
    EXPECT_EQ(client_interest(connection_), Interest::room);
    std::string taken(1 << 16, ' ');
    while (::recv(client_.get(), taken.data(), taken.size(), MSG_DONTWAIT) > 0) {
    }
    EXPECT_EQ(news(true), GATEHOUSE_EVENT_DATA);
}

// The deadline of something that goes on counts only as long as somebody looks at it.
TEST_F(WatchingTest, AConnectionThatOnlySendsItsRestWaitsForNothingElse) {
    AttemptPlan plan;
    plan.deadline = 1;
    Upstream pending(drain_, std::move(plan));
    pending.attach(connection_.life.serving.upstreams);
    connection_.life.serving.upgrade = std::make_unique<Upgrade>();
    connection_.life.staging.due = 2;
    EXPECT_TRUE(connection_.rests_for_more());
    EXPECT_EQ(client_interest(connection_), Interest::bytes);
    EXPECT_EQ(connection_.due(0).when, 1);
    pending.detach();
    EXPECT_EQ(connection_.due(0).when, 2);
    connection_.life.serving.then = Then::close;
    EXPECT_EQ(connection_.due(0).when, never);
    connection_.life.serving.upgrade.reset();
}

TEST_F(WatchingTest, TheEventOfOneOfSeveralServersIsFoundOut) {
    Ends ends = tcp_ends();
    Upstream second(drain_, SocketAddress(), ends.near.release());
    second.watch.begin(pool_);
    second.attach(connection_.life.serving.upstreams);
    second.emptied = true;
    second.wanted = server_->wanted = GATEHOUSE_READABLE;
    say(ends.far, "x");
    note_event(connection_, EPOLLRDNORM, false);
    EXPECT_EQ(second.found, GATEHOUSE_READABLE);
    EXPECT_EQ(server_->found, 0);
}

TEST_F(WatchingTest, TheEntriesOfServersAreForWhatIsWatched) {
    EXPECT_TRUE(watch_upstreams(connection_));
    EXPECT_EQ(server_->watch.interest(), Interest::none);
    server_->wanted = GATEHOUSE_READABLE | GATEHOUSE_WRITABLE;
    EXPECT_TRUE(watch_upstreams(connection_));
    EXPECT_EQ(server_->watch.interest(), Interest::upstream_bytes_or_room);
    server_->wanted = GATEHOUSE_WRITABLE;
    EXPECT_TRUE(watch_upstreams(connection_));
    EXPECT_EQ(server_->watch.interest(), Interest::upstream_room);
    server_->wanted = 0;
    EXPECT_TRUE(watch_upstreams(connection_));
    EXPECT_EQ(server_->watch.interest(), Interest::none);
}

} // namespace
} // namespace gatehouse::host
