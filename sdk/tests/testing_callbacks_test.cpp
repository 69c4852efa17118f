// The test kit's timers and descriptors.
#include <gatehouse/plugin.hpp>
#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

using namespace gatehouse::kit;
using gatehouse::Connection;
using gatehouse::Init;
using gatehouse::Next;
using gatehouse::Poll;
using gatehouse::Ready;
using gatehouse::Timer;
using namespace std::chrono_literals;

namespace {

std::function<void()> on_expiry, on_ready;

// A plugin in the hands of the test.
struct Puppet {
    explicit Puppet(Init& init) : init(init) {
        puppet = this;
        if (init.config().boolean("early", false)) start_timer({.every = 1s});
    }
    Next serve(Connection& conn) {
        events += std::to_string(static_cast<int>(conn.event())) + " ";
        std::array<char, 64> buffer;
        if (conn.event() == gatehouse::Event::open) {
            id = conn.id();
            conn.set_deadline(5s);
        }
        if (conn.event() == gatehouse::Event::data && !conn.read(buffer)) return Next::close;
        return Next::park;
    }
    static constexpr bool server_first = true;

    void start_timer(const Timer::Options& options) {
        timer = std::make_unique<Timer>(init, options, [this] {
            ++expired;
            if (on_expiry) on_expiry();
        });
    }
    void watch(int fd, Ready wanted) {
        poll = std::make_unique<Poll>(init, fd, wanted, [this](Ready found) {
            ready += std::to_string(static_cast<int>(found)) + " ";
            if (on_ready) on_ready();
        });
    }

    static Puppet* puppet;

    Init init;
    std::uint64_t id = 0;
    int expired = 0;
    std::string ready, events;
    std::unique_ptr<Timer> timer;
    std::unique_ptr<Poll> poll;
};
Puppet* Puppet::puppet = nullptr;

class TestingCallbacks : public ::testing::Test {
  protected:
    TestingCallbacks() { on_expiry = on_ready = nullptr; }
    Puppet& puppet() { return *Puppet::puppet; }
    Plugin plugin_;
};

TEST_F(TestingCallbacks, TimersExpireWhenTimePasses) {
    puppet().start_timer({.first = 3s, .every = 2s});
    plugin_.pass(2999ms);
    EXPECT_EQ(puppet().expired, 0);
    plugin_.pass(1ms);
    EXPECT_EQ(puppet().expired, 1);
    plugin_.pass(10s);
    EXPECT_EQ(puppet().expired, 6);
    EXPECT_TRUE(puppet().timer->set({.first = 1s}));
    plugin_.pass(1h);
    EXPECT_EQ(puppet().expired, 7) << "once means once";
    EXPECT_TRUE(puppet().timer->set({.every = 1h}));
    EXPECT_TRUE(puppet().timer->set({}));
    plugin_.pass(2h);
    EXPECT_EQ(puppet().expired, 7) << "it rests";
}

TEST_F(TestingCallbacks, TheyExpireWithinAScriptToo) {
    puppet().start_timer({.every = 1s});
    EXPECT_EQ(plugin_.serve({pass(2s), "x", pass(3s), end}).reason, "peer_closed");
    EXPECT_EQ(puppet().expired, 5);
    plugin_.serve({timeout, end}); // the deadline of 5 seconds
    EXPECT_EQ(puppet().expired, 10);
}

TEST_F(TestingCallbacks, WhatATimerWakesIsServedBeforeTheNextExpires) {
    Client client = plugin_.connect();
    puppet().start_timer({.every = 2s});
    on_expiry = [this] { puppet().init.wake(puppet().id); };
    plugin_.pass(5s);
    EXPECT_EQ(puppet().events, "0 2 2 5 ") << "and the connection's own deadline passes";
    EXPECT_TRUE(client.outcome().open);
}

TEST_F(TestingCallbacks, ACallbackMaySetItsOwnTimer) {
    puppet().start_timer({.first = 1s});
    on_expiry = [this] {
        if (puppet().expired < 3) EXPECT_TRUE(puppet().timer->set({.first = 1s}));
    };
    plugin_.pass(10s);
    EXPECT_EQ(puppet().expired, 3);
}

// In C++ the function would be destroyed while it runs.
TEST_F(TestingCallbacks, InCItMayStopItsOwnTimer) {
    struct Raw {
        const gatehouse_timer_v1* table;
        gatehouse_timer* timer;
        int expired;
    };
    const gatehouse::detail::Host& host = puppet().init.host();
    Raw raw{host.timer, nullptr, 0};
    gatehouse_timer_request request{};
    request.size = sizeof request;
    request.interval_milliseconds = 1000;
    request.data = &raw;
    request.expired = [](void* data) noexcept {
        Raw& self = *static_cast<Raw*>(data);
        if (++self.expired == 2) self.table->stop(self.timer);
    };
    ASSERT_EQ(raw.table->start(host.instance, &request, &raw.timer), GATEHOUSE_OK);
    plugin_.pass(10s);
    EXPECT_EQ(raw.expired, 2);
}

TEST_F(TestingCallbacks, ADescriptorIsReadyWhenTheTestSaysSo) {
    puppet().watch(7, Ready::readable);
    EXPECT_EQ(plugin_.polls().at(0).fd, 7);
    plugin_.ready(7);
    plugin_.ready(7, GATEHOUSE_READABLE | GATEHOUSE_WRITABLE);
    EXPECT_EQ(puppet().ready, "1 1 ");
    EXPECT_THROW(plugin_.ready(7, GATEHOUSE_WRITABLE), std::logic_error);
    EXPECT_THROW(plugin_.ready(8), std::logic_error);
    EXPECT_TRUE(puppet().poll->change(Ready::writable));
    plugin_.ready(7, GATEHOUSE_WRITABLE);
    EXPECT_EQ(puppet().ready, "1 1 2 ");
    EXPECT_TRUE(puppet().poll->change(Ready::nothing));
    EXPECT_THROW(plugin_.ready(7), std::logic_error);
    puppet().poll.reset();
    EXPECT_TRUE(plugin_.polls().empty());
}

TEST_F(TestingCallbacks, ACallbackThatThrowsIsLogged) {
    puppet().start_timer({.every = 1s});
    on_expiry = [] { throw std::runtime_error("no luck"); };
    plugin_.pass(1s);
    EXPECT_EQ(plugin_.log().at(0).text, "the callback of a timer threw: no luck");
    puppet().watch(7, Ready::readable);
    on_ready = [] { throw 1; };
    plugin_.ready(7);
    EXPECT_EQ(plugin_.log().at(1).text, "the callback of a descriptor");
}

// --- the contract ---------------------------------------------------------------------------------------------------------

template <class Call>
std::string violation(Call call) {
    try {
        call();
        return "none";
    } catch (const ContractViolation& violation) {
        return violation.what();
    }
}

TEST_F(TestingCallbacks, TimersStartAfterCreate) {
    EXPECT_EQ(violation([] { Plugin({{"early", true}}); }), "timer start(): not before start()");
}

TEST_F(TestingCallbacks, TimesAreBounded) {
    EXPECT_THROW(puppet().start_timer({.every = 24h * 366}), std::runtime_error);
    EXPECT_EQ(violation([&] { plugin_.settle(); }), "timer start(): the request breaks a rule of ext/timer.h");
    puppet().start_timer({});
    EXPECT_FALSE(puppet().timer->set({.every = 24h * 366}));
    EXPECT_EQ(violation([&] { plugin_.settle(); }), "timer set(): a time of more than 365 days");
}

TEST_F(TestingCallbacks, ADescriptorIsWatchedOnce) {
    puppet().watch(7, Ready::readable);
    EXPECT_THROW(Poll(puppet().init, 7, Ready::nothing, [](Ready) {}), std::runtime_error);
    EXPECT_EQ(violation([&] { plugin_.settle(); }), "poll watch() of descriptor 7: it is watched already");
    EXPECT_FALSE(puppet().poll->change(static_cast<Ready>(4)));
    EXPECT_EQ(violation([&] { plugin_.settle(); }), "poll change(): an event that is none");
    EXPECT_THROW(Poll(puppet().init, -1, Ready::nothing, [](Ready) {}), std::runtime_error);
    EXPECT_EQ(violation([&] { plugin_.settle(); }), "poll watch() of descriptor -1: the request breaks a rule of ext/poll.h");
}

TEST(TestingCallbacksDeathTest, WhatIsNotStoppedIsNamed) {
    EXPECT_DEATH(
        {
            const Plugin plugin;
            Puppet::puppet->start_timer({.every = 1s});
            Puppet::puppet->watch(7, Ready::readable);
            (void)Puppet::puppet->timer.release();
            (void)Puppet::puppet->poll.release();
        },
        "the plugin has not stopped 1 of its timers\nthe plugin has not stopped the watch of descriptor 7");
}

} // namespace
GATEHOUSE_PLUGIN(Puppet, "puppet", "1.0.0")
