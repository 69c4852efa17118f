// A service whose pool has no thread: the test itself is the thread that gets an event late.
#include "serving/service.hpp"

#include "config/load.hpp"
#include "plugin/plugins.hpp"
#include "plugin/test_facilities.hpp"
#include "sockets.hpp"

#include <array>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>

namespace gatehouse::host {
namespace {

class ServiceTest : public testing::Test {
  public:
    ServiceTest() {
        Ends ends = unix_ends();
        connection_.open(ends.near.release(), service_);
        connection_.plugin.store(&echo_);
        connection_.life.phase = Phase::serving;
        connection_.idle = 100'000'000; // ends a read() that waits in vain
        client_ = std::move(ends.far);
        connection_.life.rests_again = true;
        service_.ready(connection_.id, 0);
    }
    ~ServiceTest() override {
        if (connection_.owner.claim(id_, Owner::nothing) == Owner::Claim::owned) endpoint_.slots.give_back(connection_);
    }

  protected:
    // As a plugin that has answered a request that is still on its way.
    void end() {
        endpoint_.open.fetch_add(1); // as welcome() does
        ASSERT_EQ(service_.end_by_order(echo_, id_, EndOrder::close, never), GATEHOUSE_OK);
        service_.ready(id_, 0);
        ASSERT_EQ(connection_.life.phase, Phase::lingering);
    }
    bool is_closed() const { return !connection_.owner.is_of(id_); }

    void say(std::string_view text) {
        ASSERT_EQ(::send(client_.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    }
    std::string heard() {
        std::array<char, 64> buffer;
        const ssize_t size = ::recv(client_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : "";
    }

    const Config config_ = parse_config("[host]\nplugin_path = [\"" GATEHOUSE_PLUGIN_DIR "\"]\n"
                                        "[[listeners]]\nname = \"echo\"\naddress = \"127.0.0.1:0\"\nplugin = \"echo\"\n"
                                        "linger_idle_timeout = \"10s\"\nlinger_bytes = \"8KiB\"\n",
                                        "/test.toml");
    TestFacilities host_;
    Plugins plugins_{config_, host_.facilities, host_.libraries};
    PluginInstance& echo_ = plugins_.find("echo");
    Alarm alarm_;
    Standby standby_;
    Pool pool_{{}, alarm_, standby_, [](std::uint64_t, std::uint32_t) {}};
    RelayEngine relays_{1, Scheduling::other, [](Connection&, Reason) {}};
    TicketKeyRing ticket_keys_;
    TlsServers tls_{config_.tls, ticket_keys_, host_.log};
    std::map<const TlsServer*, HalfOpen> handshakes_;
    Denials denials_{host_.log};
    const LiveMaps maps_{config_.maps, host_.log};
    const Shared shared_{host_.log, alarm_, relays_, tls_, maps_, host_.drain, false, 0, handshakes_, denials_};
    SpareDescriptor spare_;
    LiveLimits limits_;
    Endpoint endpoint_{0, spare_, limits_};
    Service service_{config_.listeners.front(), endpoint_, open_sockets(config_.listeners.front(), host_.log), pool_,
                     plugins_.finder(),         shared_};
    Connection& connection_ = *endpoint_.slots.take();
    const std::uint64_t id_ = connection_.id;
    Descriptor client_;
};

// The plugin would wait for bytes that it has read already, and hear no wake-up meanwhile.
TEST_F(ServiceTest, AnEventWhoseBytesAWakeUpHasReadIsNotServed) {
    say("one");
    ASSERT_EQ(service_.wake(echo_, id_), GATEHOUSE_OK);
    service_.ready(id_, 0);
    ASSERT_EQ(heard(), "one");
    ASSERT_TRUE(connection_.owner.resting());
    connection_.parked_until.store(7);
    connection_.life.parked_reason = Reason::lifetime;

    service_.ready(id_, EPOLLIN); // of "one"
    ASSERT_TRUE(connection_.owner.resting());
    EXPECT_EQ(connection_.parked_until.load(), 7);
    EXPECT_EQ(connection_.life.parked_reason, Reason::lifetime);

    say("two");
    service_.ready(id_, EPOLLIN);
    EXPECT_EQ(heard(), "two");
    EXPECT_TRUE(connection_.owner.resting());
}

TEST_F(ServiceTest, AClientThatSendsOnIsHeardUntilItIsSilentOrCloses) {
    end();
    constexpr Nanoseconds silence = 10'000'000'000;
    for (int i = 0; i < 8; ++i) {
        say(std::string(1024, 'x'));
        const Nanoseconds before = coarse_now();
        service_.ready(id_, EPOLLIN);
        ASSERT_TRUE(connection_.owner.resting());
        EXPECT_GE(connection_.parked_until.load(), before + silence);
        EXPECT_LE(connection_.parked_until.load(), coarse_now() + silence);
    }
    EXPECT_EQ(endpoint_.ledger[Reason::ended], 0U);
    client_ = {};
    service_.ready(id_, EPOLLIN);
    EXPECT_TRUE(is_closed());
    EXPECT_EQ(endpoint_.ledger[Reason::ended], 1U);
}

TEST_F(ServiceTest, ASilentClientDoesNotHoldUpADrain) {
    end();
    host_.drain.start(coarse_now() + 3'600'000'000'000);
    service_.begin_drain();
    service_.ready(id_, 0);
    EXPECT_LE(connection_.parked_until.load(), coarse_now() + 2'000'000'000);
}

TEST_F(ServiceTest, AClientThatSendsOnForTooLongIsCutOff) {
    end();
    connection_.plugin_deadline = coarse_now() + 5;
    say("x");
    service_.ready(id_, EPOLLIN);
    EXPECT_EQ(connection_.parked_until.load(), connection_.plugin_deadline) << "all of it has its time";
    service_.supervise(connection_.plugin_deadline);
    EXPECT_TRUE(is_closed());
}

TEST_F(ServiceTest, AClientThatSendsOnTooMuchIsCutOff) {
    end();
    say(std::string(8 * 1024, 'x'));
    service_.ready(id_, EPOLLIN);
    ASSERT_FALSE(is_closed());
    say("x");
    service_.ready(id_, EPOLLIN);
    EXPECT_TRUE(is_closed());
    EXPECT_EQ(endpoint_.ledger[Reason::ended], 1U);
}

} // namespace
} // namespace gatehouse::host
