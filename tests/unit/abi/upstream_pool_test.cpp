// Connections to servers that wait for their next client: who gets which, and what ends one.
#include "abi/upstream_pool.hpp"

#include "config/config.hpp"
#include "connection/slots.hpp"
#include "eventually.hpp"
#include "plugin/test_facilities.hpp"
#include "sockets.hpp"
#include "threads/alarm.hpp"
#include "threads/pool.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <memory>
#include <poll.h>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::host {
namespace {

class UpstreamPool : public testing::Test {
  protected:
    UpstreamPool() {
        client_.open(client_ends_.near.release(), share_);
        client_.life.phase = Phase::serving;
    }
    ~UpstreamPool() override {
        for (Upstream* server : servers_) delete server;
        slots_.give_back(client_);
    }

    void make(gatehouse_pool_limits limits = {}) {
        limits.size = sizeof limits;
        ASSERT_EQ(pool_table.make(&host_.instance, &limits, &pool_), GATEHOUSE_OK);
    }
    gatehouse_connect_request request(std::string_view address = "db:1", std::string_view key = "") const {
        gatehouse_connect_request request{};
        request.size = sizeof request;
        request.address = str(address);
        request.pool = pool_;
        request.key = str(key);
        return request;
    }
    // A connection that connect() has made; its server's side stays in far_.
    gatehouse_conn* connected(const gatehouse_connect_request& request) {
        Ends ends = tcp_ends();
        ::fcntl(ends.near.get(), F_SETFL, O_NONBLOCK);
        auto server = std::make_unique<Upstream>(drain_, SocketAddress(), ends.near.release());
        server->watch.begin(threads_);
        server->origin = origin_of(request);
        server->attach(client_.life.serving.upstreams);
        far_.push_back(std::move(ends.far));
        return server.release();
    }
    gatehouse_status keep(gatehouse_conn* server) { return pool_table.keep(&client_, server); }
    // Null: there is none. Closed at the end of the test.
    gatehouse_conn* take(const gatehouse_connect_request& request) {
        gatehouse_conn* server = nullptr;
        const gatehouse_status status = pool_table.take(&client_, &request, &server);
        EXPECT_EQ(status, server != nullptr ? GATEHOUSE_OK : GATEHOUSE_NOT_FOUND);
        if (server != nullptr) servers_.push_back(static_cast<Upstream*>(server));
        return server;
    }
    static bool is_closed(const Descriptor& far) {
        pollfd state{far.get(), POLLIN, 0};
        return ::poll(&state, 1, 0) == 1;
    }

    const ListenerConfig config_;
    Alarm alarm_;
    Standby standby_;
    Pool threads_{{}, alarm_, standby_, [](std::uint64_t, std::uint32_t) {}};
    Drain drain_;
    const ListenerShare share_{config_, threads_, drain_};
    ConnectionSlots slots_{0};
    Connection& client_ = *slots_.take();
    Ends client_ends_ = tcp_ends();
    std::vector<Descriptor> far_;
    std::vector<Upstream*> servers_;
    gatehouse_pool* pool_ = nullptr;
    TestFacilities host_; // last: its thread uses the above
};

TEST_F(UpstreamPool, GivesTheOneThatWasKeptLast) {
    make();
    EXPECT_EQ(take(request()), nullptr);
    gatehouse_conn* const first = connected(request());
    gatehouse_conn* const second = connected(request());
    EXPECT_EQ(keep(first), GATEHOUSE_OK);
    EXPECT_EQ(keep(second), GATEHOUSE_OK);
    EXPECT_EQ(take(request()), second);
    EXPECT_EQ(take(request()), first);
    EXPECT_EQ(take(request()), nullptr);
    EXPECT_TRUE(client_.has(static_cast<Upstream*>(first)));
}

TEST_F(UpstreamPool, NobodyGetsAnothersConnection) {
    make();
    ASSERT_EQ(keep(connected(request("db:1", "ann"))), GATEHOUSE_OK);
    EXPECT_EQ(take(request("db:2", "ann")), nullptr);
    EXPECT_EQ(take(request("db:1", "bob")), nullptr);
    EXPECT_EQ(take(request("db:1a", "nn")), nullptr); // the same characters, cut elsewhere
    gatehouse_connect_request other = request("db:1", "ann");
    other.source = str("127.0.0.2");
    EXPECT_EQ(take(other), nullptr);
    other = request("db:1", "ann");
    other.tls = reinterpret_cast<const gatehouse_tls_client*>(this);
    EXPECT_EQ(take(other), nullptr);
    other = request("db:1", "ann");
    other.server_name = str("db");
    EXPECT_EQ(take(other), nullptr);
    EXPECT_NE(take(request("db:1", "ann")), nullptr);
}

TEST_F(UpstreamPool, DoesNotKeepWhatIsNotIdle) {
    make();
    gatehouse_conn* const spoken = connected(request());
    ::send(far_.back().get(), "x", 1, 0);
    EXPECT_EQ(keep(spoken), GATEHOUSE_INVALID);
    EXPECT_TRUE(is_closed(far_.back()));
    gatehouse_conn* const gone = connected(request());
    far_.back().reset();
    EXPECT_EQ(keep(gone), GATEHOUSE_INVALID);
    gatehouse_conn* const finished = connected(request());
    static_cast<Upstream*>(finished)->finish();
    EXPECT_EQ(keep(finished), GATEHOUSE_INVALID);
    gatehouse_conn* const of_no_pool = connected(request());
    static_cast<Upstream*>(of_no_pool)->origin.reset();
    EXPECT_EQ(keep(of_no_pool), GATEHOUSE_INVALID);
    EXPECT_EQ(take(request()), nullptr);
}

TEST_F(UpstreamPool, AServerThatSaysSomethingOrClosesEndsIt) {
    make();
    ASSERT_EQ(keep(connected(request())), GATEHOUSE_OK);
    ASSERT_EQ(keep(connected(request())), GATEHOUSE_OK);
    ::send(far_[0].get(), "x", 1, 0);
    EXPECT_TRUE(eventually([&] { return is_closed(far_[0]); }));
    ::shutdown(far_[1].get(), SHUT_WR);
    EXPECT_TRUE(eventually([&] { return is_closed(far_[1]); }));
    EXPECT_EQ(take(request()), nullptr);
}

// The thread that watches them may not have looked yet.
TEST_F(UpstreamPool, OneThatIsTakenIsLookedAtFirst) {
    make();
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(keep(connected(request())), GATEHOUSE_OK);
        far_.back().reset();
        EXPECT_EQ(take(request()), nullptr);
    }
}

TEST_F(UpstreamPool, IsBounded) {
    make({.size = 0, .reserved = 0, .most = 3, .most_per_server = 2, .idle_milliseconds = 0, .lifetime_milliseconds = 0});
    gatehouse_conn* servers[3];
    for (gatehouse_conn*& one : servers) one = connected(request());
    for (gatehouse_conn* one : servers) ASSERT_EQ(keep(one), GATEHOUSE_OK);
    EXPECT_TRUE(is_closed(far_[0])); // the oldest of the same server
    ASSERT_EQ(keep(connected(request("db:2"))), GATEHOUSE_OK);
    EXPECT_FALSE(is_closed(far_[1]));
    ASSERT_EQ(keep(connected(request("db:3"))), GATEHOUSE_OK);
    EXPECT_TRUE(is_closed(far_[1])); // the one whose time is over first
    EXPECT_EQ(take(request()), servers[2]);
    gatehouse_pool_limits limits{.size = sizeof limits,
                                 .reserved = 0,
                                 .most = 5000,
                                 .most_per_server = 0,
                                 .idle_milliseconds = 0,
                                 .lifetime_milliseconds = 0};
    gatehouse_pool* other = nullptr;
    EXPECT_EQ(pool_table.make(&host_.instance, &limits, &other), GATEHOUSE_INVALID);
}

TEST_F(UpstreamPool, TimeEndsIt) {
    make({.size = 0, .reserved = 0, .most = 0, .most_per_server = 0, .idle_milliseconds = 20, .lifetime_milliseconds = 0});
    ASSERT_EQ(keep(connected(request())), GATEHOUSE_OK);
    EXPECT_TRUE(eventually([&] { return is_closed(far_[0]); }));
    EXPECT_EQ(take(request()), nullptr);
}

TEST_F(UpstreamPool, NothingIsKeptInADrain) {
    make();
    ASSERT_EQ(keep(connected(request())), GATEHOUSE_OK);
    drain_.start(never - 1);
    EXPECT_EQ(keep(connected(request())), GATEHOUSE_STOPPING);
    EXPECT_TRUE(is_closed(far_[1]));
    EXPECT_NE(take(request()), nullptr); // who is not done yet may use what is there
}

TEST_F(UpstreamPool, ATakenOneHasTheNewClientsDeadlines) {
    make();
    gatehouse_conn* const server = connected(request());
    auto& stream = *static_cast<Upstream*>(server);
    stream.set_deadline(1);
    stream.wanted = GATEHOUSE_READABLE;
    ASSERT_EQ(keep(server), GATEHOUSE_OK);
    client_.idle = 12345;
    ASSERT_EQ(take(request()), server);
    EXPECT_EQ(stream.idle, 12345);
    EXPECT_EQ(stream.plugin_deadline, never);
    EXPECT_EQ(stream.wanted, 0);
}

} // namespace
} // namespace gatehouse::host
