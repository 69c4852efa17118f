// Coroutines: what a Task is told, when it goes on, and when its frame goes.
#include <gatehouse/plugin.hpp>
#include <gatehouse/task.hpp>
#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

using namespace gatehouse::kit;
using namespace std::chrono_literals;
using gatehouse::any;
using gatehouse::Init;
using gatehouse::Next;
using gatehouse::Status;
using gatehouse::Stream;
using gatehouse::Task;
using Events = std::vector<gatehouse_event>;

namespace {

std::function<Task<Next>(Stream&)> script; // what serve() does in the test that runs
std::optional<Init> host;
std::string said; // by the Task and by closed(), in their order

struct Scripted {
    explicit Scripted(Init& init) { host = init; }
    Task<Next> serve(Stream& client) { return script(client); }
    void closed(std::string_view reason) { said.append("closed: ").append(reason); }
};

struct Says { // when it goes
    std::string what;
    explicit Says(std::string text) : what(std::move(text)) {}
    Says(const Says&) = delete;
    Says& operator=(const Says&) = delete;
    ~Says() { said += what + " gone; "; }
};

std::string code(Status status) { return "[" + std::to_string(status.code()) + "]"; }

class Tasks : public testing::Test {
  protected:
    Tasks() { said.clear(); }
    Plugin plugin_;
};

} // namespace

GATEHOUSE_PLUGIN(Scripted, "scripted", "1.0.0")

TEST_F(Tasks, Echo) {
    script = [](Stream& client) -> Task<Next> {
        while (const auto chunk = co_await client.some())
            if (!co_await client.write(*chunk)) break;
        co_return Next::close;
    };
    const Outcome outcome = plugin_.serve({"hello", "world", end});
    EXPECT_EQ(outcome.output, "helloworld");
    EXPECT_EQ(outcome.reason, "peer_closed");
    EXPECT_EQ(outcome.events, (Events{GATEHOUSE_EVENT_OPEN, GATEHOUSE_EVENT_DATA, GATEHOUSE_EVENT_DATA}));
    EXPECT_EQ(plugin_.serve_every_split("some text"), "some text");
    EXPECT_EQ(plugin_.serve({"hello", "world"}, {.room = 1}).output, "helloworld");
    EXPECT_EQ(plugin_.serve({"hello", reset}).reason, "peer_reset");
    EXPECT_EQ(plugin_.serve({"hello"}, {.write_limit = 2}).reason, "peer_reset");
}

TEST_F(Tasks, AWriteThatIsLongerThanTheHostCopies) {
    script = [](Stream& client) -> Task<Next> {
        const std::string text(300'000, 'x');
        const Status status = co_await client.write(text);
        (void)co_await client.write(code(status));
        co_return Next::close;
    };
    EXPECT_EQ(plugin_.serve({"x"}).output, std::string(300'000, 'x') + "[0]");
    EXPECT_EQ(plugin_.serve({"x"}, {.room = 1000}).output, std::string(300'000, 'x') + "[0]");
}

TEST_F(Tasks, ATaskAwaitsAnother) {
    struct Nested {
        static Task<int> number(Stream& client) {
            const Says says("number");
            const auto text = co_await client.some();
            co_return text ? std::stoi(std::string(*text)) : 0;
        }
        static Task<int> sum(Stream& client) {
            const int one = co_await number(client);
            co_return one + co_await number(client);
        }
    };
    script = [](Stream& client) -> Task<Next> {
        (void)co_await client.write(std::to_string(co_await Nested::sum(client)));
        co_return Next::close;
    };
    EXPECT_EQ(plugin_.serve({"2", "40"}).output, "42");
    EXPECT_EQ(said, "number gone; number gone; closed: done");
}

TEST_F(Tasks, WhatTheHostEndsIsToldAndNotThrown) {
    script = [](Stream& client) -> Task<Next> {
        client.set_deadline(1s);
        for (;;) {
            const auto text = co_await client.some();
            (void)co_await client.write(text ? *text : code(text.status()));
            if (!text && text.status() != Status::timer && text.status() != Status::stopping) co_return Next::close;
        }
    };
    EXPECT_EQ(plugin_.serve({"a", timeout, "b", stopping, "c", timeout}).output, "a[-12]b[-3]c[-2]");
    EXPECT_EQ(plugin_.serve({"a", pass(900ms), pass(200ms), "b"}).output, "a[-12]b[-1]");
}

TEST_F(Tasks, AConnectionThatEndsTakesItsFramesWithIt) {
    struct Nested {
        static Task<> inner(Stream& client) {
            const Says says("inner");
            (void)co_await client.some();
        }
    };
    script = [](Stream& client) -> Task<Next> {
        const Says says("outer");
        co_await Nested::inner(client);
        co_return Next::close;
    };
    {
        Plugin plugin;
        Client client = plugin.connect();
        client.say({"x"});
        EXPECT_EQ(said, "inner gone; outer gone; closed: done");
        said.clear();
    }
    script = [](Stream& client) -> Task<Next> {
        const Says says("outer");
        (void)co_await client.woken();
        co_return Next::close;
    };
    {
        Plugin plugin;
        Client client = plugin.connect();
        client.say({"x"});
        EXPECT_EQ(said, "");
        client.say({reset});
        EXPECT_EQ(said, "outer gone; closed: peer_reset");
    }
}

TEST_F(Tasks, ExceptionsEndTheConnection) {
    struct Nested {
        static Task<> inner(Stream& client) {
            (void)co_await client.some();
            throw std::runtime_error("no more");
        }
    };
    script = [](Stream& client) -> Task<Next> {
        const Says says("outer");
        co_await Nested::inner(client);
        co_return Next::close;
    };
    const Outcome outcome = plugin_.serve({"x", "y"});
    EXPECT_EQ(outcome.reason, "plugin_exception");
    EXPECT_EQ(outcome.error, "no more");
    EXPECT_EQ(said, "outer gone; closed: plugin_exception");
    script = [](Stream& client) -> Task<Next> {
        try {
            co_await Nested::inner(client);
        } catch (const std::exception& error) {
            said = error.what();
        }
        co_return Next::close;
    };
    EXPECT_EQ(plugin_.serve({"x"}).reason, "done");
    EXPECT_EQ(said, "no moreclosed: done");
}

TEST_F(Tasks, TheTwoWayProxy) {
    script = [](Stream& client) -> Task<Next> {
        auto server = co_await client.connect({.address = "db:1", .within = 5s});
        if (!server) co_return Next::error;
        bool client_ended = false, server_ended = false;
        while (!client_ended || !server_ended) {
            const auto which =
                client_ended ? co_await any(server->readable()) : co_await any(server->readable(), client.readable());
            if (!which) co_return Next::close;
            std::array<char, 64> buffer;
            const auto text = *which == 0 ? server->read_now(buffer) : client.read_now(buffer);
            if (text.status() == Status::again) continue;
            if (!text) {
                (*which == 0 ? server_ended : client_ended) = true;
                (void)(*which == 0 ? client.finish() : server->finish());
                if (server_ended) co_return Next::close;
                continue;
            }
            if (*which == 0 ? !co_await client.write(*text) : !co_await server->write(*text)) co_return Next::close;
        }
        co_return Next::close;
    };
    for (const bool takes_time : {false, true}) {
        plugin_.upstream_answers("db:1", [](std::string_view bytes) {
            return bytes == "bye" ? Script{Step("good "), Step(bytes), end} : Script{Step(bytes)};
        });
        if (takes_time) plugin_.upstream_takes_time("db:1");
        const Outcome outcome = plugin_.serve({"hello", "bye"});
        EXPECT_EQ(outcome.output, "hellogood bye") << takes_time;
        ASSERT_EQ(outcome.upstreams.size(), 1U);
        EXPECT_EQ(outcome.upstreams[0].received, "hellobye");
        EXPECT_TRUE(outcome.upstreams[0].closed);
    }
    plugin_.upstream_fails("db:1", GATEHOUSE_REFUSED);
    EXPECT_EQ(plugin_.serve({"x"}).reason, "upstream_failed");
}

TEST_F(Tasks, ARelayEndsTheTask) {
    script = [](Stream& client) -> Task<Next> {
        auto server = co_await client.connect({.address = "db:1", .within = 5s});
        if (!server || !co_await server->write("preface ")) co_return Next::error;
        co_return client.relay(std::move(*server), 1min);
    };
    plugin_.upstream("db:1", {"welcome"});
    const Outcome outcome = plugin_.serve({"query"});
    EXPECT_EQ(outcome.output, "welcome");
    EXPECT_EQ(outcome.upstreams[0].received, "preface query");
}

TEST_F(Tasks, TlsIsBegunWithoutAThread) {
    script = [](Stream& client) -> Task<Next> {
        auto server = co_await client.connect({.address = "db:1", .within = 5s});
        if (!server) co_return Next::error;
        static const std::string configured;
        const auto& tls = reinterpret_cast<const gatehouse_tls_client&>(configured);
        (void)co_await server->write("STARTTLS\n");
        const Status status = co_await client.start_tls(*server, tls, "db.example", 5s);
        (void)co_await client.write(code(status));
        co_return Next::close;
    };
    for (const bool takes_time : {false, true}) {
        plugin_.upstream("db:1", {});
        if (takes_time) plugin_.upstream_takes_time("db:1");
        const Outcome outcome = plugin_.serve({"x"});
        EXPECT_EQ(outcome.output, "[0]");
        EXPECT_EQ(outcome.upstreams[0].server_name, "db.example");
        EXPECT_EQ(outcome.upstreams[0].plain, "STARTTLS\n");
        plugin_.upstream_fails_tls("db:1", GATEHOUSE_FAILED, "bad certificate");
        if (takes_time) plugin_.upstream_takes_time("db:1");
        EXPECT_EQ(plugin_.serve({"x"}).output, "[-10]");
    }
}

TEST_F(Tasks, TlsIsAcceptedWithoutAThread) {
    script = [](Stream& client) -> Task<Next> {
        static const std::string section = "mail";
        const auto& tls = reinterpret_cast<const gatehouse_tls_server&>(section);
        if (!co_await client.some()) co_return Next::close;
        (void)co_await client.write("go");
        if (!co_await client.accept_tls(tls, 0)) co_return Next::close;
        (void)co_await client.write(client.fact(GATEHOUSE_FACT_TLS_VERSION));
        if (const auto text = co_await client.some()) (void)co_await client.write(*text);
        co_return Next::close;
    };
    for (const bool takes_time : {false, true}) {
        const Outcome outcome = plugin_.serve({"x", "y"}, {.handshake_takes_time = takes_time});
        EXPECT_EQ(outcome.output, "goTLSv1.3y");
        EXPECT_EQ(outcome.plain, "go");
        EXPECT_EQ(outcome.tls, "mail");
        const std::pair<gatehouse_status, const char*> failures[] = {{GATEHOUSE_FAILED, "tls_failed"},
                                                                     {GATEHOUSE_TIMEOUT, "tls_failed"},
                                                                     {GATEHOUSE_RESET, "peer_reset"},
                                                                     {GATEHOUSE_TIMER, "deadline"},
                                                                     {GATEHOUSE_EXHAUSTED, "handshakes_full"}};
        for (const auto& [status, reason] : failures) {
            const Outcome failed = plugin_.serve({"x"}, {.handshake = status, .handshake_takes_time = takes_time});
            EXPECT_EQ(failed.output, "go");
            EXPECT_EQ(failed.reason, reason);
        }
    }
}

TEST_F(Tasks, SleepsAndWakeUps) {
    script = [](Stream& client) -> Task<Next> {
        const auto id = client.id();
        (void)co_await client.write(code(co_await client.sleep(5s)));
        client.set_deadline(1s);
        (void)co_await client.write(code(co_await client.sleep(5s))); // the deadline comes first
        host->wake(id);
        (void)co_await client.write(code(co_await client.woken()));
        (void)co_await client.write(code(co_await client.sleep(5s))); // the host ends it
        co_return Next::close;
    };
    EXPECT_EQ(plugin_.serve({"x", pass(5s), pass(1s), stopping}).output, "[0][-12][0][-3]");
}

// What comes while something else is awaited is for the next co_await that would wait.
TEST_F(Tasks, WhatComesDuringAWriteIsToldAfterIt) {
    script = [](Stream& client) -> Task<Next> {
        const std::string text(100'000, 'x');
        EXPECT_TRUE(co_await client.write(text));
        EXPECT_TRUE(co_await client.woken());
        said += "woken ";
        EXPECT_TRUE(co_await client.write(text));
        said += code(co_await client.sleep(1h));
        co_return Next::close;
    };
    Client client = plugin_.connect({.room = 60'000});
    client.say({Step("go"), wake});
    EXPECT_EQ(said, "woken ");
    plugin_.stop();
    EXPECT_EQ(said, "woken " + code(Status::stopping) + "closed: drained");
}

TEST_F(Tasks, TheHostCarries) {
    plugin_.upstream("db:1", {"answer"});
    script = [](Stream& client) -> Task<Next> {
        auto server = co_await client.connect({.address = "db:1", .within = 1s});
        EXPECT_TRUE(server);
        const auto up = co_await client.relay_some(client, *server, 4);
        const auto down = co_await client.relay_some(*server, client, 100);
        said += code(up.status) + std::to_string(up.bytes) + code(down.status) + std::to_string(down.bytes) + " ";
        said += code(co_await client.sleep(1h)); // it has been told of nothing else yet
        co_return Next::close;
    };
    const Outcome outcome = plugin_.serve({"ab", stopping, "cdef"});
    EXPECT_EQ(outcome.upstreams.at(0).received, "abcd");
    EXPECT_EQ(outcome.output, "answer");
    EXPECT_EQ(said, code(GATEHOUSE_OK) + "4" + code(Status::end) + "6 " + code(Status::stopping) + "closed: drained");
}

TEST_F(Tasks, HandsOutputOver) {
    script = [](Stream& client) -> Task<Next> {
        const std::string head = "head ";
        const gatehouse_bytes part{head.data(), head.size()};
        (void)co_await client.send(std::span(&part, 1));
        co_return Next::close;
    };
    EXPECT_EQ(plugin_.serve({"x"}, {.room = 2}).output, "head ");
}
