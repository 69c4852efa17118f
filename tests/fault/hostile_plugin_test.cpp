// Plugins that serve badly harm their own connection at most; the echo beside them never notices.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "proc.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <memory>
#include <unistd.h>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

std::string beside_echo(std::string_view fixture, std::string_view more = "") {
    return instance("bad", fixture, "", more) + listener("echo", "echo");
}

// That the host is well: a new connection is served at once, and an old one still is.
class HostilePlugin : public testing::Test {
  protected:
    void start(const std::string& config) {
        host_ = std::make_unique<Gatehouse>(config, with_fixtures());
        old_ = std::make_unique<Client>(host_->port("echo"));
        expect_others_served();
    }
    void expect_others_served() {
        EXPECT_TRUE(old_->echoes("still here?"));
        Client fresh(host_->port("echo"));
        EXPECT_TRUE(fresh.echoes("anybody there?"));
    }
    // Whoever talks to the plugin loses the connection, with this error in the log.
    void expect_ended(const std::string& error) {
        Client bad = client();
        bad.send("x");
        EXPECT_TRUE(bad.ends());
        EXPECT_TRUE(host_->will_log("\"error\":\"" + error + "\""));
        expect_others_served();
    }
    Client client() const { return Client(host_->port("bad")); }

    std::unique_ptr<Gatehouse> host_;
    std::unique_ptr<Client> old_;
};

TEST_F(HostilePlugin, ThrowsInServe) {
    start(beside_echo("throws_serve"));
    for (int i = 0; i < 20; ++i) {
        Client bad = client();
        bad.send("x");
        EXPECT_TRUE(bad.ends());
    }
    EXPECT_TRUE(host_->will_log(R"("reason":"plugin_exception","error":"thrown in serve")"));
    expect_others_served();
    host_->wait_for_status("bad", "20 exceptions", [](const Record& now) { return now["reasons"] == "plugin_exception:20"; });
    EXPECT_EQ(host_->terminate(), 0);
}

TEST_F(HostilePlugin, ThrowsANumberInServe) {
    start(beside_echo("throws_serve_int"));
    expect_ended("serve() threw something that is not a std::exception");
}

TEST_F(HostilePlugin, ThrowsInTheSession) {
    start(beside_echo("throws_session"));
    expect_ended("thrown in the session's constructor");
}

TEST_F(HostilePlugin, ThrowsInClosed) {
    start(beside_echo("throws_closed"));
    Client bad = client();
    EXPECT_TRUE(bad.echoes("x"));
    bad.close();
    EXPECT_TRUE(host_->will_log("closed() threw: thrown in closed"));
    expect_others_served();
    EXPECT_EQ(host_->terminate(), 0);
}

TEST_F(HostilePlugin, ThrowsInStop) {
    start(beside_echo("throws_stop"));
    EXPECT_EQ(host_->terminate(), 0);
    EXPECT_TRUE(host_->logged("stop() threw: thrown in stop"));
}

// A destructor that throws ends the process by the rules of C++; it says so, and everybody has been served by then.
TEST_F(HostilePlugin, ThrowsInItsDestructor) {
    start(beside_echo("throws_destroy"));
    EXPECT_EQ(host_->terminate(), 128 + SIGABRT);
    EXPECT_TRUE(host_->logged("\"message\":\"draining\""));
    EXPECT_TRUE(host_->logged("throws_destroy.so crashed in destroy() by SIGABRT"));
}

TEST_F(HostilePlugin, ReturnsNumbersThatMeanNothing) {
    start(beside_echo("garbage_next"));
    for (const char* number : {"-1", "4", "77", "-4", "2147483647", "-2147483648"}) {
        Client bad = client();
        bad.send(number);
        EXPECT_TRUE(bad.ends()) << number;
    }
    eventually("6 errors",
               [&] { return host_->count_logged(R"("reason":"plugin_error","error":"the plugin did not say why")") == 6; });
    expect_others_served();
}

TEST_F(HostilePlugin, PromisesARelayThatItHasNotSetUp) {
    start(beside_echo("relay_without_relay"));
    expect_ended("serve() returned GATEHOUSE_NEXT_RELAY without a relay()");
}

// Nothing that arrives is lost: it is told again until it is read.
TEST_F(HostilePlugin, ParksWithoutReading) {
    start(beside_echo("parks_unread"));
    Client bad = client();
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(bad.echoes("read me"));
    expect_others_served();
    EXPECT_EQ(host_->terminate(), 0);
}

TEST_F(HostilePlugin, WakesItselfAllTheTime) {
    start(beside_echo("wake_storm"));
    std::vector<Client> clients;
    for (int i = 0; i < 8; ++i) clients.push_back(client());
    for (int round = 0; round < 20; ++round)
        for (Client& bad : clients) EXPECT_TRUE(bad.echoes("awake"));
    expect_others_served();
    host_->leave_busy();
    EXPECT_EQ(host_->terminate(), 0);
}

TEST_F(HostilePlugin, WakesFromAThreadOfItsOwn) {
    start(beside_echo("background_waker"));
    host_->leave_busy(); // the plugin's thread wakes all the time
    for (int i = 0; i < 50; ++i) {
        Client bad = client();
        EXPECT_TRUE(bad.echoes("one"));
        EXPECT_TRUE(bad.echoes("two"));
    }
    EXPECT_EQ(host_->terminate(), 0);
}

TEST_F(HostilePlugin, WritesForEverToAClientThatDoesNotRead) {
    start(beside_echo("chatterbox", "idle_timeout = \"300ms\""));
    std::vector<Client> clients;
    for (int i = 0; i < 8; ++i) clients.push_back(client());
    for (Client& bad : clients) bad.send("go");
    expect_others_served();
    eventually("8 timeouts", [&] { return host_->count_logged(R"("reason":"idle_timeout")") == 8; });
    EXPECT_EQ(host_->terminate(), 0);
}

TEST_F(HostilePlugin, WritesForEverToAClientThatReads) {
    start(beside_echo("chatterbox"));
    Client bad = client();
    bad.send("go");
    EXPECT_EQ(bad.recv_exactly(1'000'000).size(), 1'000'000U);
    host_->signal(SIGTERM);
    bad.rest(); // until the drain time is over
    EXPECT_EQ(host_->wait_exit(), 0);
}

TEST_F(HostilePlugin, CallsTheHostWhenItsThreadsEnd) {
    start(beside_echo("thread_local_exit"));
    Client bad = client();
    EXPECT_TRUE(bad.echoes("x"));
    bad.close();
    EXPECT_EQ(host_->terminate(), 0);
    EXPECT_TRUE(host_->logged("farewell from a thread"));
}

// serve() sleeps without a word: the others still get threads, also once all threads have been through a read that waited.
TEST_F(HostilePlugin, SleepsInServe) {
    start(beside_echo("slow", "threads = { min = 2, max = 16 }"));
    std::vector<Client> sleepers;
    for (int i = 0; i < 6; ++i) {
        sleepers.push_back(client());
        ASSERT_TRUE(sleepers.back().echoes("0\n"));
    }
    ::usleep(50'000); // until all of them wait in their read: no one can see that from outside
    for (Client& sleeper : sleepers) sleeper.send("60000\n");
    const auto begin = std::chrono::steady_clock::now();
    Client quick = client();
    EXPECT_TRUE(quick.echoes("1\n"));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
    expect_others_served();
    host_->signal(SIGTERM);
    EXPECT_EQ(host_->wait_exit(), 0);
}

// With all threads gone, newcomers of this listener wait; those of others do not, and the host can stop all the same.
TEST_F(HostilePlugin, NeverReturns) {
    start(beside_echo("never_returns", "threads = { min = 1, max = 4 }"));
    std::vector<Client> lost;
    for (int i = 0; i < 4; ++i) {
        lost.push_back(client());
        EXPECT_EQ(lost.back().recv_exactly(5), "gone\n");
    }
    expect_others_served();
    host_->wait_for_status("bad", "four threads gone",
                           [](const Record& now) { return now["threads"] == "4" && now["threads_blocked"] == "4"; });
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(host_->terminate(), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s + 3s); // drain_timeout, the last grace, and a busy machine
    EXPECT_TRUE(host_->logged(
        R"("message":"a thread is still in the plugin's code; leaving without it","listener":"bad","plugin":"bad")"));
    EXPECT_TRUE(host_->logged("\"message\":\"stopped\""));
}

TEST_F(HostilePlugin, NeverReturnsAndASecondSignalComes) {
    start("[host]\ndrain_timeout = \"1h\"\n" + beside_echo("never_returns"));
    Client lost = client();
    EXPECT_EQ(lost.recv_exactly(5), "gone\n");
    host_->signal(SIGTERM);
    ASSERT_TRUE(host_->will_log("\"message\":\"draining\""));
    EXPECT_TRUE(host_->alive());
    host_->signal(SIGINT);
    EXPECT_EQ(host_->wait_exit(), 1);
    EXPECT_TRUE(host_->logged("stopped at once by a second signal"));
}

// Parked connections that come back at every event, before, during and after the drain has been announced to them.
TEST_F(HostilePlugin, StaysWhenTheHostStops) {
    for (int round = 0; round < 5; ++round) {
        start("[host]\ndrain_timeout = \"300ms\"\n" + beside_echo("stubborn"));
        std::vector<Client> clients;
        for (int i = 0; i < 100; ++i) {
            clients.push_back(client());
            ASSERT_TRUE(clients.back().echoes("x"));
        }
        EXPECT_EQ(host_->terminate(), 0);
        EXPECT_EQ(host_->count_logged("leaving without it"), 0U);
        EXPECT_EQ(host_->count_logged(R"("message":"closed","id":"bad-)"), 100U);
    }
}

TEST_F(HostilePlugin, PublishesToParkedSubscribers) {
    start(beside_echo("pubsub"));
    std::vector<Client> subscribers;
    for (int i = 0; i < 20; ++i) {
        subscribers.push_back(client());
        subscribers.back().send("hello\n");
        for (Client& subscriber : subscribers) ASSERT_EQ(subscriber.recv_exactly(6), "hello\n");
    }
    subscribers[3].reset();
    subscribers.erase(subscribers.begin() + 3);
    for (int round = 0; round < 50; ++round) {
        subscribers[static_cast<std::size_t>(round) % subscribers.size()].send("news!\n");
        for (Client& subscriber : subscribers) ASSERT_EQ(subscriber.recv_exactly(6), "news!\n") << round;
    }
    EXPECT_EQ(host_->terminate(), 0);
}

TEST_F(HostilePlugin, KeepsAnUpstreamAcrossParks) {
    Gatehouse behind(listener("echo", "echo"));
    start(instance("bad", "keeps_upstream", "upstream = \"" + behind.address("echo") + "\"") + listener("echo", "echo"));
    {
        Client one = client();
        Client two = client();
        for (int i = 0; i < 10; ++i) {
            EXPECT_TRUE(one.echoes("first"));
            EXPECT_TRUE(two.echoes("second"));
        }
        EXPECT_NE(behind.status("echo").line.find("\"accepted\":2,"), std::string::npos);
    }
    eventually("closed with the sessions", [&] { return behind.count_logged("\"message\":\"closed\"") == 2; });
    EXPECT_EQ(host_->terminate(), 0);
}

// --- crashes -------------------------------------------------------------------------------------------------------------

class CrashingPlugin : public testing::TestWithParam<std::pair<const char*, int>> {};

TEST_P(CrashingPlugin, TheHostSaysWhereItDied) {
    if (!sanitizer().empty()) GTEST_SKIP() << "the sanitizers have handlers of their own for crashes";
    Gatehouse host(listener("wobbly", "crashes"), with_fixtures());
    Client client(host.port("wobbly"));
    EXPECT_TRUE(client.echoes("x"));
    client.send(GetParam().first);
    EXPECT_TRUE(client.ends());
    EXPECT_EQ(host.wait_exit(), 128 + GetParam().second);
    const std::string name = GetParam().second == SIGABRT ? "SIGABRT" : "SIGSEGV";
    EXPECT_TRUE(host.logged("gatehouse: crashed by " + name +
                            " in thread \"wobbly\" (a pool thread has the name of its listener, or of the plugin if the pool "
                            "is shared: look at that plugin first)"));
}

INSTANTIATE_TEST_SUITE_P(How, CrashingPlugin,
                         testing::Values(std::pair{"s", SIGSEGV}, std::pair{"a", SIGABRT}, std::pair{"o", SIGSEGV}),
                         [](const auto& how) { return std::string(how.param.first); });

} // namespace
