// The test kit's background: checks, names, commands, clients that wait in a queue, and relays that stay open.
#include <gatehouse/plugin.hpp>
#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <stdexcept>

using namespace gatehouse::kit;
using gatehouse::Answer;
using gatehouse::Check;
using gatehouse::Command;
using gatehouse::Connection;
using gatehouse::Endpoint;
using gatehouse::Init;
using gatehouse::Next;
using gatehouse::Status;
using gatehouse::Watch;
using namespace std::chrono_literals;

namespace {

// Relays clients to one server while that server is up, and makes them wait while it is down.
class Door {
  public:
    static constexpr bool server_first = true;
    static constexpr Command commands[] = {{"state", "", "shows what is known"}, {"cut", "ID", "ends a relay"}};

    explicit Door(Init& init)
        : host_(init), watches_(init.config().boolean("watch", true)), checks_(init.config().boolean("check", true)) {}

    void start() {
        if (watches_) start_watch();
        if (checks_) start_check();
    }

    Next serve(Connection& conn) {
        if (conn.event() == gatehouse::Event::timer) {
            conn.set_error("the door stayed shut");
            return Next::no_upstream;
        }
        if (!up_) {
            if (conn.event() == gatehouse::Event::open) conn.set_deadline(3s);
            waiting_.push_back(conn.id());
            return Next::wait;
        }
        auto server = conn.connect("192.0.2.10:80", 1s);
        if (!server) return Next::error;
        where_ = std::string(server->peer()) + " from " + std::string(server->local());
        return conn.relay(std::move(*server));
    }

    void command(std::span<const std::string_view> words, Answer& answer) {
        if (words[0] == "cut") {
            if (words.size() != 2) throw std::runtime_error("cut takes an id");
            if (!host_.end(std::stoull(std::string(words[1])), gatehouse::How::reset))
                throw std::runtime_error("no such connection");
            return;
        }
        answer.columns({"what", "value"});
        answer.row({"up", up_ ? "yes" : "no"});
        answer.row({"why", why_});
        answer.row({"endpoints", endpoints_});
        answer.row({"where", where_});
    }

  private:
    void start_check() {
        check_ = std::make_unique<Check>(
            host_, Check::Options{.address = "192.0.2.10:80", .send = "PING\r\n", .interval = 5s, .jitter = 1s, .timeout = 2s},
            [](std::string_view answer, bool at_end) {
                if (answer.size() >= 5) return answer == "+PONG" ? GATEHOUSE_MATCH_YES : GATEHOUSE_MATCH_NO;
                return at_end ? GATEHOUSE_MATCH_NO : GATEHOUSE_MATCH_MORE;
            },
            [this](Status status, std::string_view why) {
                why_ = why;
                up_ = static_cast<bool>(status);
                if (up_)
                    for (const std::uint64_t id : std::exchange(waiting_, {})) host_.wake(id);
            });
    }

    void start_watch() {
        watch_ = std::make_unique<Watch>(
            host_, "srv:_door._tcp.example", [this](std::span<const Endpoint> endpoints, Status status, std::string_view why) {
                endpoints_ = status ? "" : std::string(why);
                for (const Endpoint& endpoint : endpoints)
                    endpoints_ += std::string(endpoint.address) + "/" + std::to_string(endpoint.priority) + "/" +
                                  std::to_string(endpoint.weight) + " ";
            });
    }

    const Init host_;
    const bool watches_, checks_;
    bool up_ = false;
    std::string why_, endpoints_, where_;
    std::deque<std::uint64_t> waiting_;
    std::unique_ptr<Check> check_;
    std::unique_ptr<Watch> watch_;
};

} // namespace

GATEHOUSE_PLUGIN(Door, "door", "1.0.0")

TEST(TestingBackground, ChecksAreWhatThePluginAskedFor) {
    Plugin door;
    const std::vector<CheckRecord> checks = door.checks();
    ASSERT_EQ(checks.size(), 1U);
    EXPECT_EQ(checks[0].address, "192.0.2.10:80");
    EXPECT_EQ(checks[0].send, "PING\r\n");
    EXPECT_EQ(checks[0].interval, 5s);
    EXPECT_EQ(checks[0].jitter, 1s);
    EXPECT_EQ(checks[0].timeout, 2s);
}

TEST(TestingBackground, AChecksAnswerIsJudged) {
    Plugin door;
    door.check_answers("192.0.2.10:80", "+PONG\r\n");
    EXPECT_EQ(door.command({"state"})[1], (std::vector<ValueRecord>{"up", "yes"}));
    for (const std::string wrong : {"-ERR no\r\n", "+PON", ""}) {
        door.check_answers("192.0.2.10:80", wrong);
        EXPECT_EQ(door.command({"state"})[1], (std::vector<ValueRecord>{"up", "no"})) << wrong;
        EXPECT_EQ(door.command({"state"})[2], (std::vector<ValueRecord>{"why", "the answer is wrong"})) << wrong;
    }
    door.check_fails("192.0.2.10:80", GATEHOUSE_REFUSED, "connection refused");
    EXPECT_EQ(door.command({"state"})[2], (std::vector<ValueRecord>{"why", "connection refused"}));
    EXPECT_THROW(door.check_answers("192.0.2.11:80"), std::logic_error);
}

TEST(TestingBackground, ANameIsWhatTheTestSays) {
    Plugin door;
    door.resolves("srv:_door._tcp.example", {{"192.0.2.1:1", 10, 5}, {"192.0.2.2:2"}});
    EXPECT_EQ(door.command({"state"})[3][1], "192.0.2.1:1/10/5 192.0.2.2:2/0/0 ");
    door.does_not_resolve("srv:_door._tcp.example");
    EXPECT_EQ(door.command({"state"})[3][1], "no such name");
    EXPECT_THROW(door.resolves("other:1", {}), std::logic_error);
}

TEST(TestingBackground, WhoWaitsIsWokenAndNothingIsLost) {
    Plugin door;
    door.upstream("192.0.2.10:80", {"welcome"});
    Client client = door.connect();
    client.say({"hello"});
    EXPECT_EQ(client.heard(), "");
    EXPECT_EQ(client.outcome().events, (std::vector<gatehouse_event>{GATEHOUSE_EVENT_OPEN})) << "bytes do not wake it";
    door.check_answers("192.0.2.10:80", "+PONG");
    EXPECT_EQ(client.heard(), "welcome");
    EXPECT_EQ(client.outcome().upstreams.at(0).received, "hello");
    EXPECT_EQ(door.command({"state"})[4][1], "192.0.2.10:80 from 192.0.2.254:50000");
}

TEST(TestingBackground, WhoWaitsHearsOfDeadlinesAndResets) {
    Plugin door;
    const Outcome late = door.serve({"hello", pass(2s), pass(2s)});
    EXPECT_EQ(late.reason, "upstream_failed");
    EXPECT_EQ(late.error, "the door stayed shut");
    const Outcome gone = door.serve({"hello", reset});
    EXPECT_EQ(gone.reason, "peer_reset");
    EXPECT_EQ(gone.events.size(), 1U);
}

TEST(TestingBackground, ARelayStaysOpenUntilBothHaveEnded) {
    Plugin door;
    door.check_answers("192.0.2.10:80", "+PONG");
    door.upstream("192.0.2.10:80", {"welcome", end});
    Client client = door.connect();
    EXPECT_TRUE(client.outcome().open);
    EXPECT_TRUE(client.outcome().finished) << "the server's half-close is passed on";
    client.say({"bye", end});
    EXPECT_FALSE(client.outcome().open);
    EXPECT_EQ(client.outcome().reason, "upstream_closed");
    EXPECT_EQ(client.outcome().upstreams.at(0).received, "bye");
}

TEST(TestingBackground, ARelayCanBeCut) {
    Plugin door;
    door.check_answers("192.0.2.10:80", "+PONG");
    door.upstream("192.0.2.10:80", {});
    Client client = door.connect();
    EXPECT_EQ(door.command({"cut", std::to_string(client.id())}), Rows{});
    EXPECT_EQ(client.outcome().reason, "ended");
    EXPECT_THROW(door.command({"cut", std::to_string(client.id())}), Refused);
}

TEST(TestingBackground, ACommandThatFailsSaysWhy) {
    Plugin door;
    try {
        door.command({"cut"});
        FAIL();
    } catch (const Refused& refused) {
        EXPECT_STREQ(refused.what(), "cut takes an id");
    }
}

TEST(TestingBackground, AHostWithoutThemSaysSo) {
    EXPECT_EQ(Plugin::refusal({}, Extensions::none), "") << "it has not asked yet";
    EXPECT_EQ(Plugin::start_failure({}, Extensions::none), "this host has no discovery (gatehouse.discovery/1)");
    EXPECT_EQ(Plugin::start_failure({{"watch", false}}, Extensions::none),
              "this host has no health checks (gatehouse.check/1)");
    EXPECT_EQ(Plugin::start_failure({{"watch", false}, {"check", false}}, Extensions::none), "");
}
