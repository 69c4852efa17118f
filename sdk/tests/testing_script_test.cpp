// The test kit's scripts: when serve() is called, what its reads say, and how connections end.
#include <gatehouse/plugin.hpp>
#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <functional>
#include <optional>
#include <thread>

using namespace gatehouse::kit;
using gatehouse::Connection;
using gatehouse::Init;
using gatehouse::Next;
using Events = std::vector<gatehouse_event>;
using namespace std::chrono_literals;

namespace {

std::function<Next(Connection&)> script; // what serve() does in the test that runs
std::optional<Init> host;
int stops = 0;

struct Scripted {
    explicit Scripted(Init& init) { host = init; }
    Next serve(Connection& conn) { return script(conn); }
    void stop() { ++stops; }
};

// Reads once, writes the bytes or the status's code in brackets, and parks until a read fails.
Next report(Connection& conn) {
    std::array<char, 64> buffer;
    auto text = conn.read(buffer);
    if (text) return conn.write(*text) ? Next::park : Next::close;
    (void)conn.write("[" + std::to_string(text.status().code()) + "]");
    return Next::close;
}

// The same in one call: a plugin that blocks.
Next report_all(Connection& conn) {
    for (Next next = Next::park; next == Next::park;) next = report(conn);
    return Next::close;
}

} // namespace

GATEHOUSE_PLUGIN(Scripted, "scripted", "1.0.0")

TEST(TestingScript, ParkedConnectionsAreServedForWhatHappens) {
    script = report;
    Plugin plugin;
    const auto events = [&](const Script& steps) { return plugin.serve(steps).events; };
    EXPECT_EQ(events({"a", "b", end}), (Events{GATEHOUSE_EVENT_OPEN, GATEHOUSE_EVENT_DATA, GATEHOUSE_EVENT_DATA}));
    EXPECT_EQ(events({"a", timeout}), (Events{GATEHOUSE_EVENT_OPEN, GATEHOUSE_EVENT_TIMEOUT}));
    EXPECT_EQ(events({"a", stopping}), (Events{GATEHOUSE_EVENT_OPEN, GATEHOUSE_EVENT_STOPPING}));
    EXPECT_EQ(events({"a", reset}), (Events{GATEHOUSE_EVENT_OPEN, GATEHOUSE_EVENT_DATA}));
}

TEST(TestingScript, ReadsAndReasonsSayTheSameBlockingOrParked) {
    for (auto serve : {report, report_all}) {
        script = serve;
        Plugin plugin;
        const auto expect = [&](const Script& steps, const std::string& output, const std::string& reason) {
            const Outcome outcome = plugin.serve(steps);
            EXPECT_EQ(outcome.output, output);
            EXPECT_EQ(outcome.reason, reason);
            EXPECT_FALSE(outcome.open);
        };
        expect({"a", "b"}, "ab[-1]", "peer_closed");
        expect({"a", end}, "a[-1]", "peer_closed");
        expect({"a", timeout, "b"}, "a[-2]", "idle_timeout");
        expect({"a", stopping, "b"}, "a[-3]", "drained");
    }
    script = report_all;
    const Outcome outcome = Plugin().serve({"a", reset});
    EXPECT_EQ(outcome.output, "a") << "a connection that is gone takes no farewell";
    EXPECT_EQ(outcome.reason, "peer_reset");
}

TEST(TestingScript, ClientsThatSayNothingAreNotServed) {
    script = [](Connection&) -> Next { throw std::logic_error("serve() was called"); };
    Plugin plugin;
    for (const auto& [step, reason] : {std::pair{timeout, "first_byte_timeout"}, {stopping, "drained"}}) {
        const Outcome outcome = plugin.serve({step});
        EXPECT_TRUE(outcome.events.empty());
        EXPECT_EQ(outcome.reason, reason);
    }
}

TEST(TestingScript, ReadsAreAsLongAsTheyMayBe) {
    std::vector<std::size_t> sizes;
    script = [&](Connection& conn) {
        std::array<char, 5> buffer;
        while (auto text = conn.read(buffer)) sizes.push_back(text->size());
        return Next::close;
    };
    Plugin plugin;
    plugin.serve({"1234567", "89"});
    EXPECT_EQ(sizes, (std::vector<std::size_t>{5, 2, 2}));
    sizes.clear();
    plugin.serve({"1234567", "89"}, {.read_limit = 3});
    EXPECT_EQ(sizes, (std::vector<std::size_t>{3, 3, 1, 2}));
}

TEST(TestingScript, WhatWasNotReadComesAgain) {
    script = [](Connection& conn) {
        std::array<char, 2> buffer;
        auto text = conn.read(buffer);
        return text && conn.write({*text, "|"}) ? Next::park : Next::close;
    };
    EXPECT_EQ(Plugin().serve({"abc", "d"}).output, "ab|c|d|");
}

TEST(TestingScript, LiteralsKeepTheirNuls) {
    script = report;
    EXPECT_EQ(Plugin().serve({"a\0b"}).output, std::string("a\0b[-1]", 7));
}

TEST(TestingScript, WakesParkedConnections) {
    script = [](Connection& conn) {
        if (conn.event() != gatehouse::Event::wake) return report(conn);
        return conn.write("<woken>") ? Next::park : Next::close;
    };
    EXPECT_EQ(Plugin().serve({"a", wake, "b"}).output, "a<woken>b[-1]");
}

TEST(TestingScript, AWakeUpOfABusyConnectionComesAfterItParks) {
    script = [](Connection& conn) {
        if (conn.event() == gatehouse::Event::wake) return conn.write("<woken>") ? Next::park : Next::close;
        if (conn.event() == gatehouse::Event::open) {
            EXPECT_TRUE(host->wake(conn.id()));
        }
        return report(conn);
    };
    Plugin plugin;
    EXPECT_EQ(plugin.serve({"a", "b"}).output, "a<woken>b[-1]");
    EXPECT_FALSE(host->wake(1)) << "it has ended";
    EXPECT_FALSE(host->wake(99));
    EXPECT_FALSE(host->wake(0));
}

TEST(TestingScript, WakesComeFromAnyThread) {
    script = [](Connection& conn) {
        if (conn.event() == gatehouse::Event::wake) return conn.write("<woken>") ? Next::park : Next::close;
        return report(conn);
    };
    Plugin plugin;
    Client client = plugin.connect();
    client.say({"a"});
    std::thread([&] { EXPECT_TRUE(host->wake(client.id())); }).join();
    plugin.settle();
    EXPECT_EQ(client.heard(), "a<woken>");
}

TEST(TestingScript, DrainReachesEveryParkedConnectionOnce) {
    script = [](Connection& conn) {
        if (conn.event() != gatehouse::Event::stopping) return report(conn);
        return conn.write("<bye>") && host->stopping() ? Next::park : Next::close;
    };
    stops = 0;
    Plugin plugin;
    Client first = plugin.connect(), second = plugin.connect();
    first.say({"a"});
    second.say({"b", stopping});
    EXPECT_EQ(first.heard(), "a<bye>");
    EXPECT_EQ(second.heard(), "b<bye>");
    plugin.stop();
    EXPECT_EQ(first.heard() + second.heard(), "");
    EXPECT_EQ(stops, 1);
}

TEST(TestingScript, DeadlinesAreAbsolute) {
    script = [](Connection& conn) {
        if (conn.event() == gatehouse::Event::open) conn.set_deadline(30s);
        return report(conn);
    };
    Plugin plugin;
    const Outcome outcome = plugin.serve({"a", pass(20s), "b", pass(9s), "c", pass(1s), "d"});
    EXPECT_EQ(outcome.output, "abc[-12]");
    EXPECT_EQ(outcome.reason, "deadline");
    EXPECT_EQ(outcome.deadline, 30s);
    EXPECT_EQ(plugin.serve({"a", timeout}).reason, "deadline");
}

TEST(TestingScript, ATickEndsNothing) {
    script = [](Connection& conn) {
        if (conn.event() == gatehouse::Event::open) conn.set_deadline(5s);
        if (conn.event() == gatehouse::Event::timer) return conn.write("<tick>") ? Next::park : Next::close;
        return report(conn);
    };
    Plugin plugin;
    const Outcome outcome = plugin.serve({"a", pass(5s), "b", end});
    EXPECT_EQ(outcome.output, "a<tick>b[-1]");
    EXPECT_EQ(outcome.reason, "peer_closed");
    EXPECT_EQ(outcome.events, (std::vector<gatehouse_event>{GATEHOUSE_EVENT_OPEN, GATEHOUSE_EVENT_TIMER, GATEHOUSE_EVENT_DATA,
                                                            GATEHOUSE_EVENT_DATA}));
}

TEST(TestingScript, OnlyAFarewellFollowsAConfiguredDeadline) {
    script = [](Connection& conn) {
        if (conn.event() == gatehouse::Event::timeout) return conn.write("<late>") ? Next::park : Next::close;
        return report(conn);
    };
    const Outcome outcome = Plugin().serve({"a", timeout, "b"});
    EXPECT_EQ(outcome.output, "a<late>") << "the host does not wait for more";
    EXPECT_EQ(outcome.reason, "idle_timeout");
}

TEST(TestingScript, ADrainedConnectionMayFinish) {
    script = [](Connection& conn) {
        if (conn.event() == gatehouse::Event::stopping) return Next::park;
        return report(conn);
    };
    const Outcome outcome = Plugin().serve({"a", stopping, "b"});
    EXPECT_EQ(outcome.output, "ab[-1]");
    EXPECT_EQ(outcome.reason, "drained");
}

TEST(TestingScript, SetDeadlineAgainTakesBackATimeout) {
    script = [](Connection& conn) {
        if (conn.event() == gatehouse::Event::open) conn.set_deadline(5s);
        if (conn.event() == gatehouse::Event::timer) return conn.set_deadline(9s), Next::park;
        return report(conn);
    };
    EXPECT_EQ(Plugin().serve({"a", timeout, "b"}).output, "ab[-1]");
}

TEST(TestingScript, ConnectionsThatParkForEverAreIdle) {
    script = [](Connection& conn) { return (void)report(conn), Next::park; };
    const Outcome outcome = Plugin().serve({"a"});
    EXPECT_EQ(outcome.output, "a[-1]");
    EXPECT_EQ(outcome.reason, "idle_timeout");
}

TEST(TestingScript, SplitsAtEveryByte) {
    std::vector<std::size_t> sizes;
    for_each_split("abc", [&](const Script& steps) { sizes.push_back(steps.size()); });
    EXPECT_EQ(sizes, (std::vector<std::size_t>{1, 2, 2, 3}));

    script = report;
    EXPECT_EQ(Plugin().serve_every_split("abc"), "abc[-1]");
    script = [](Connection& conn) {
        std::array<char, 64> buffer;
        while (auto text = conn.read(buffer))
            if (!conn.write({*text, "|"})) break;
        return Next::close;
    };
    try {
        Plugin().serve_every_split("abc");
        FAIL() << "nothing was thrown";
    } catch (const ContractViolation& violation) {
        EXPECT_STREQ(violation.what(),
                     "the plugin answers the input, split at byte 1, with \"a|bc|\", but whole with \"abc|\"");
    }
}

TEST(TestingScript, TalksToUpstreams) {
    script = [](Connection& conn) {
        auto server = conn.connect("db:1", 5s);
        if (!server) return Next::error;
        std::array<char, 64> buffer;
        if (!server->write("ask")) return Next::error;
        while (auto text = server->read(buffer))
            if (!conn.write(*text)) break;
        return Next::close;
    };
    Plugin plugin;
    plugin.upstream("db:1", {"an", "swer"});
    const Outcome outcome = plugin.serve({"x"});
    EXPECT_EQ(outcome.output, "answer");
    ASSERT_EQ(outcome.upstreams.size(), 1u);
    EXPECT_EQ(outcome.upstreams[0].address, "db:1");
    EXPECT_EQ(outcome.upstreams[0].within, 5s);
    EXPECT_EQ(outcome.upstreams[0].received, "ask");
    EXPECT_TRUE(outcome.upstreams[0].closed);

    plugin.upstream_fails("db:1", GATEHOUSE_REFUSED);
    EXPECT_EQ(plugin.serve({"x"}).reason, "upstream_failed");
}

TEST(TestingScript, RelaysWhatIsLeftOfBothScripts) {
    script = [](Connection& conn) {
        std::array<char, 64> buffer;
        auto greeting = conn.read(buffer);
        auto server = conn.connect("db:1", 5s);
        if (!greeting || !server || !server->write({"<", *greeting, ">"})) return Next::error;
        return conn.relay(std::move(*server), 7s);
    };
    Plugin plugin;
    plugin.upstream("db:1", {"one", "two"});
    const Outcome outcome = plugin.serve({"hi", "more", end});
    EXPECT_EQ(outcome.output, "onetwo");
    EXPECT_EQ(outcome.reason, "peer_closed");
    EXPECT_TRUE(outcome.finished);
    ASSERT_EQ(outcome.upstreams.size(), 1u);
    EXPECT_EQ(outcome.upstreams[0].received, "<hi>more");
    EXPECT_TRUE(outcome.upstreams[0].relayed);
    EXPECT_TRUE(outcome.upstreams[0].finished);
    EXPECT_EQ(outcome.upstreams[0].idle, 7s);

    Client client = plugin.connect();
    EXPECT_TRUE(client.say({"hi"}).outcome().open) << "the client has not finished";
    EXPECT_EQ(client.say({end}).outcome().reason, "upstream_closed");
    EXPECT_EQ(plugin.serve({"hi", timeout}).reason, "idle_timeout");
    EXPECT_EQ(plugin.serve({"hi", reset}).reason, "peer_reset");
    EXPECT_EQ(plugin.serve({"hi"}, {.write_limit = 4}).output, "onet");
    plugin.upstream("db:1", {"one", reset});
    EXPECT_EQ(plugin.serve({"hi"}).reason, "upstream_reset");
}

TEST(TestingScript, SendsRealFiles) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), std::fclose);
    ASSERT_NE(file, nullptr);
    std::fputs("0123456789", file.get());
    std::fflush(file.get());
    std::uint64_t length = 5;
    gatehouse_status status = GATEHOUSE_OK;
    script = [&](Connection& conn) {
        const gatehouse_bytes header{"head:", 5};
        status = conn.send_file(std::span(&header, 1), fileno(file.get()), 3, length).code();
        return Next::close;
    };
    Plugin plugin;
    EXPECT_EQ(plugin.serve({"x"}).output, "head:34567");
    EXPECT_EQ(status, GATEHOUSE_OK);
    EXPECT_EQ(plugin.serve({"x"}, {.write_limit = 7}).output, "head:34");
    EXPECT_EQ(status, GATEHOUSE_RESET);
    length = 50;
    EXPECT_EQ(plugin.serve({"x"}).output, "head:3456789") << "the file is shorter than that";
    EXPECT_EQ(status, GATEHOUSE_FAILED);
}
