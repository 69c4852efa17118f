// Two generations over the same endpoints: the old one serves its connections while the new one accepts.
#include "generation.hpp"

#include "config/load.hpp"
#include "dns/lookups.hpp"
#include "dns/name_watch.hpp"
#include "dns/resolver.hpp"
#include "host_record.hpp"
#include "sockets.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <poll.h>
#include <set>
#include <sys/socket.h>
#include <thread>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds one_second = 1'000'000'000;

class GenerationTest : public ::testing::Test {
  public:
    GenerationTest() { ::signal(SIGPIPE, SIG_IGN); }
    ~GenerationTest() override {
        if (old_) finish(*old_);
        if (now_) finish(*now_);
        EXPECT_TRUE(relays_.stop(never));
    }

  protected:
    // Here no main loop warms a pool up, so a thread is always ready.
    static Config config(const std::string& more = "") {
        return parse_config("[host]\nplugin_path = [\"" GATEHOUSE_PLUGIN_DIR "\"]\n[log]\nfile = \"/dev/null\"\n"
                            "[[listeners]]\nname = \"echo\"\naddress = \"127.0.0.1:0\"\nplugin = \"echo\"\nthreads.min = 1\n" +
                                more,
                            "/test.toml");
    }

    std::unique_ptr<Generation> make(const Config& config) {
        auto generation =
            std::make_unique<Generation>(config,
                                         Standing{log_, alarm_, relays_, resolver_, lookups_, background_, watches_, standby_,
                                                  ticket_keys_, libraries_, denials_, record_, live_orders_, 1, 0},
                                         now_.get());
        generation->take(endpoints_);
        return generation;
    }

    // As a reload does it: the new one accepts as soon as the old one has stopped to.
    void replace(std::unique_ptr<Generation> next) {
        next->prepare();
        next->listen();
        next->accept();
        old_ = std::move(now_);
        now_ = std::move(next);
    }

    void finish(Generation& generation) const {
        generation.stop_accepting(true);
        generation.begin_drain(monotonic_now());
        generation.tell_connections();
        for (const Nanoseconds end = monotonic_now() + 10 * one_second; !generation.is_quiet() && monotonic_now() < end;) {
            generation.supervise(monotonic_now());
            std::this_thread::yield();
        }
        EXPECT_TRUE(generation.is_quiet());
        EXPECT_TRUE(generation.stop(monotonic_now() + 10 * one_second));
    }

    Descriptor connect() const { return connect_to_loopback(now_->services().front()->sockets()->front().port()); }

    static std::string ask(const Descriptor& client, const std::string& what) {
        EXPECT_EQ(::send(client.get(), what.data(), what.size(), 0), static_cast<ssize_t>(what.size()));
        pollfd waiting{client.get(), POLLIN, 0};
        if (::poll(&waiting, 1, 10'000) != 1) return "(silence)";
        std::string answer(64, '\0');
        const ssize_t size = ::recv(client.get(), answer.data(), answer.size(), 0);
        answer.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
        return answer;
    }

    Log log_{config().log};
    Alarm alarm_;
    Standby standby_;
    TicketKeyRing ticket_keys_;
    PluginLibraries libraries_;
    Denials denials_{log_};
    HostRecord record_;
    LiveOrders live_orders_{log_};
    RelayEngine relays_{1, Scheduling::other, Generation::relay_ended};
    Resolver resolver_{{}};
    Background background_{Scheduling::other};
    Lookups lookups_{background_, resolver_, {}};
    NameWatches watches_{background_, {}};
    Endpoints endpoints_{log_, live_orders_};
    std::unique_ptr<Generation> now_;
    std::unique_ptr<Generation> old_;
};

TEST_F(GenerationTest, TheOldOneServesItsConnectionsWhileTheNewOneAccepts) {
    now_ = make(config());
    now_->start();
    const Descriptor before = connect();
    EXPECT_EQ(ask(before, "one"), "one");
    replace(make(config()));
    const Descriptor after = connect();
    EXPECT_EQ(ask(after, "two"), "two");
    EXPECT_EQ(ask(before, "three"), "three");
    EXPECT_EQ(old_->services().front()->open(), 1U);
    EXPECT_EQ(now_->services().front()->open(), 1U);
    EXPECT_EQ(&old_->services().front()->endpoint(), &now_->services().front()->endpoint());
    finish(*old_); // its drain ends its own connection alone
    old_.reset();
    EXPECT_EQ(ask(before, "four"), "");
    EXPECT_EQ(ask(after, "five"), "five");
}

TEST_F(GenerationTest, TheLimitCountsTheConnectionsOfBoth) {
    const Config limited = config("max_connections = 2\nwhen_full = \"refuse\"\n");
    now_ = make(limited);
    now_->start();
    const Descriptor first = connect();
    EXPECT_EQ(ask(first, "1"), "1");
    replace(make(limited));
    const Descriptor second = connect();
    EXPECT_EQ(ask(second, "2"), "2");
    const Descriptor third = connect();
    EXPECT_EQ(ask(third, "3"), "");
    const ListenerStatus status = now_->services().front()->status();
    EXPECT_EQ(status.open, 2U);
    EXPECT_EQ(status.accepted, 3U); // counted over both
    EXPECT_EQ(status.reasons[static_cast<std::size_t>(Reason::listener_full)], 1U);
}

// Also if the order is there before it accepts, as after an upgrade.
TEST_F(GenerationTest, ADrainedListenerAcceptsNobodyUntilTheOrderEnds) {
    LiveOrders::Order order;
    order.key = drain_key;
    order.listener = "echo";
    order.value = "5m";
    EXPECT_EQ(live_orders_.add(order), LiveOrders::Added::added);
    now_ = make(config());
    now_->supervise(monotonic_now());
    now_->start();
    const Service& service = *now_->services().front();
    EXPECT_EQ(service.state(), Acceptor::State::closed);
    EXPECT_FALSE(service.sockets()->front().listens());
    replace(make(config()));
    const Service& next = *now_->services().front();
    EXPECT_EQ(next.state(), Acceptor::State::closed);
    EXPECT_FALSE(next.sockets()->front().listens());
    EXPECT_TRUE(live_orders_.remove(live_orders_.all().back().number));
    now_->supervise(monotonic_now());
    EXPECT_TRUE(next.takes_newcomers());
    EXPECT_FALSE(service.takes_newcomers());
    const Descriptor client = connect();
    EXPECT_EQ(ask(client, "one"), "one");
}

// What explain() says is what happens then, and it counts nowhere.
TEST_F(GenerationTest, ExplainsWhatWouldBecomeOfAConnection) {
    now_ = make(config("max_per_source = 2\nrate = { connections = 5 }\ndeny = [\"192.0.2.0/24\"]\n"
                       "[[listeners.routes]]\nsni = [\"www.example.org\"]\nplugin = \"echo\"\n"
                       "[[listeners.routes]]\nprobe = \"tls\"\nplugin = \"echo\"\ndeny = [\"198.51.100.0/24\"]\n"));
    now_->start();
    const auto steps = [&](const std::string& from, const Asked& asked) {
        std::string error;
        const auto address = numeric_address(parse_address(from + ":0", error).value());
        std::string all;
        for (const Explanation::Step& step : now_->services().front()->explain(*address, asked).steps)
            all += step.what + " [" + step.rule + "] " + std::string(to_string(step.verdict)) + ' ' + step.why + '\n';
        return all;
    };
    const std::string comes = "access [] passes no network of the lists has it\n"
                              "source [/test.toml:10] passes max_per_source 2: 0 open\n"
                              "rate [/test.toml:11] passes rate.connections 5 per 1s: 5 left at once\n"
                              "listener [/test.toml:5] passes 0 of 10000 connections\n";
    const std::string served = "plugin [] takes it echo (echo 1.0.0) serves it\n";
    EXPECT_EQ(steps("192.0.2.7", {}), "access [/test.toml:12] refuses denied_acl: deny 192.0.2.0/24\n");
    EXPECT_EQ(steps("127.0.0.2", {true, "www.example.org", ""}),
              comes + "route 1 [/test.toml:13] takes it to plugin echo\n" + served);
    EXPECT_EQ(steps("127.0.0.2", {true, "other.example", ""}),
              comes + "route 1 [/test.toml:13] no \nroute 2 [/test.toml:16] takes it to plugin echo\n" + served);
    EXPECT_EQ(steps("198.51.100.9", {true, "", "h2"}),
              comes + "route 1 [/test.toml:13] no \nroute 2 [/test.toml:16] takes it to plugin echo\n"
                      "route 2 deny [/test.toml:19] refuses denied_acl\n");
    EXPECT_EQ(steps("127.0.0.2", {}), comes + "route 1 [/test.toml:13] unknown it depends on the client's first bytes\n");
    std::string error;
    denials_.add({*parse_network("127.0.0.3", error), "", "ops", ""});
    EXPECT_EQ(steps("127.0.0.3", {}), "order [order] refuses denied_acl: deny 127.0.0.3\n");
    denials_.look([](const Denials::Order& /*order*/, std::uint64_t refused) {
        EXPECT_EQ(refused, 0U);
        return true;
    });
    const Descriptor one = connect();
    const Descriptor two = connect();
    EXPECT_EQ(ask(one, "one"), "one");
    EXPECT_EQ(ask(two, "two"), "two");
    EXPECT_EQ(steps("127.0.0.1", {}), "access [] passes no network of the lists has it\n"
                                      "source [/test.toml:10] refuses source_full: max_per_source 2\n");
    EXPECT_EQ(ask(connect(), "three"), "");
}

// A wake() of a plugin that has kept an id must not hit another client, however many generations later.
TEST_F(GenerationTest, AnIdStaysDeadOverAThousandGenerations) {
    now_ = make(config());
    now_->start();
    std::set<std::uint64_t> ids;
    ConnectionSlots slots(5); // the slots are what outlives a generation: one of them, used once in each
    for (int generation = 0; generation < 1000; ++generation) {
        Connection& connection = *slots.take();
        EXPECT_TRUE(ids.insert(connection.id).second);
        slots.give_back(connection);
    }
    for (const std::uint64_t id : ids) {
        Connection* const slot = slots.find(id);
        ASSERT_NE(slot, nullptr);
        EXPECT_EQ(slot->owner.claim(id, Owner::woken), Owner::Claim::gone);
    }
    // And with real ones: the slot of an ended connection is used again by a later generation.
    const PluginInstance& echo = now_->plugins().find("echo");
    const std::uint64_t first_id = std::uint64_t{1} << 32U;
    {
        const Descriptor client = connect();
        EXPECT_EQ(ask(client, "x"), "x");
        EXPECT_EQ(now_->services().front()->wake(echo, first_id), GATEHOUSE_OK);
    }
    for (const Nanoseconds end = monotonic_now() + 10 * one_second; !now_->is_quiet() && monotonic_now() < end;)
        std::this_thread::yield();
    replace(make(config()));
    const Descriptor client = connect();
    EXPECT_EQ(ask(client, "y"), "y");
    EXPECT_EQ(now_->services().front()->wake(now_->plugins().find("echo"), first_id), GATEHOUSE_NOT_FOUND);
    EXPECT_EQ(old_->services().front()->wake(echo, first_id), GATEHOUSE_NOT_FOUND);
}

// --- states that cannot be ------------------------------------------------------------------------------------------------

class ImpossibleState : public GenerationTest {
  public:
    ImpossibleState() {
        GTEST_FLAG_SET(death_test_style, "threadsafe"); // the log and the relay engine have threads
        connection_.open(-1, service_);
        connection_.plugin.store(&now_->plugins().find("echo"));
    }
    ~ImpossibleState() override { slots_.give_back(connection_); }

  protected:
    // The endpoint is constant to all but its service, and to this test.
    ConnectionSlots& slots() { return const_cast<Endpoint&>(now_->services().front()->endpoint()).slots; }

    Service& service_ = service();
    ConnectionSlots& slots_ = slots();
    Connection& connection_ = *slots_.take();

  private:
    Service& service() {
        now_ = make(config());
        return *now_->services().front();
    }
};

TEST_F(ImpossibleState, ARelayingConnectionIsClaimed) {
    connection_.life.phase = Phase::relaying;
    ASSERT_TRUE(connection_.owner.rest()); // which the relay engine never does
    EXPECT_DEATH(service_.ready(connection_.id, 1),
                 "impossible state at service.cpp:[0-9]+: .*relaying.* \\(listener echo, connection 100000000\\)");
    ASSERT_EQ(connection_.owner.claim(connection_.id, Owner::nothing), Owner::Claim::owned);
}

TEST_F(ImpossibleState, AConnectionWithoutAPluginIsServed) {
    connection_.plugin.store(nullptr);
    connection_.life.phase = Phase::silent;
    EXPECT_DEATH(service_.ready(connection_.id, 0), "impossible state at service.cpp:[0-9]+: .*nullptr.*listener echo");
}

TEST_F(ImpossibleState, TheStagesFindNoPlugin) {
    connection_.plugin.store(nullptr);
    connection_.life.phase = Phase::staging;
    EXPECT_DEATH(service_.ready(connection_.id, 0), "impossible state at s[a-z]+.cpp:[0-9]+: ");
}

TEST_F(ImpossibleState, ARelayEndsThatHasNotBegun) {
    connection_.life.phase = Phase::serving;
    EXPECT_DEATH(service_.relay_ended(connection_, Reason::done), "impossible state at service.cpp:[0-9]+: .*relaying");
}

TEST_F(ImpossibleState, ATokenIsNoOnes) {
    EXPECT_DEATH(service_.pool.post(connection_.posted, 0), "impossible state at pool.cpp"); // no token is 0
}

} // namespace
} // namespace gatehouse::host
