// The C++ wrapper: what a class may look like, and that it catches every exception of a hook.
#include <gatehouse/plugin.hpp>
#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

using namespace gatehouse::kit;
using gatehouse::Connection;
using gatehouse::Init;
using gatehouse::Next;

namespace {

const gatehouse_plugin* current = nullptr;

// Makes `P` the plugin that the fake host finds.
template <class P>
void use() {
    static constexpr gatehouse_plugin table = gatehouse::detail::Adapter<P>::table("wrapped", "1.0.0");
    current = &table;
}

std::vector<std::string> happened; // what a plugin of this file has seen

// A local class cannot have static members.
struct Full {
    static constexpr bool server_first = true;
    static constexpr std::string_view try_it = "nc {host} {port}";
    void serve(Connection& conn) { (void)conn.write("hi"); }
    gatehouse_match probe(std::span<const std::byte> bytes) {
        return bytes.empty() ? GATEHOUSE_MATCH_MORE : bytes[0] == std::byte{'F'} ? GATEHOUSE_MATCH_YES : GATEHOUSE_MATCH_NO;
    }
};

} // namespace

extern "C" const gatehouse_plugin* gatehouse_plugin_v1() noexcept { return current; }

struct WithALiteral {
    static constexpr const char* try_it = "nc {host}";
    void serve(Connection&) {}
};

std::optional<gatehouse::LaterAnswer> kept;

struct Answering {
    static constexpr gatehouse::Command commands[] = {{"thread", "", "answers from another thread", gatehouse::Role::show},
                                                      {"told", "", "answers when the test says so"},
                                                      {"gives-up", "", "does not answer"},
                                                      {"throws", "", "fails"}};
    void serve(Connection&) {}
    void command(std::span<const std::string_view> words, gatehouse::Answer& answer) {
        if (words[0] == "thread")
            thread_ = std::jthread([later = answer.later()]() mutable {
                later.columns({{"n", GATEHOUSE_TYPE_NUMBER}, {"state", GATEHOUSE_TYPE_STATE}});
                later.row({7, gatehouse::Value::state("up")});
                later.done();
            });
        if (words[0] == "told") kept.emplace(answer.later());
        if (words[0] == "gives-up") (void)answer.later();
        if (words[0] != "throws") return;
        const auto later = answer.later();
        throw std::runtime_error("no luck");
    }
    std::jthread thread_;
};

TEST(Wrapper, AnAnswerMayComeLater) {
    use<Answering>();
    Plugin plugin;
    EXPECT_EQ(plugin.command({"thread"}), (Rows{{"n", "state"}, {7, gatehouse::Value::state("up")}}));
    const RunningCommand told = plugin.begin_command({"told"});
    EXPECT_FALSE(told.is_over());
    EXPECT_FALSE(kept->abandoned());
    told.abandon();
    EXPECT_TRUE(kept->abandoned());
    kept->fail("too late");
    EXPECT_TRUE(told.is_over());
    EXPECT_THROW(plugin.answer(told), Refused);
    for (const char* word : {"gives-up", "throws"}) {
        try {
            plugin.command({word});
            ADD_FAILURE() << word;
        } catch (const Refused& refused) {
            EXPECT_STREQ(refused.what(), "the plugin has given up the answer");
        }
    }
}

TEST(Wrapper, ACommandSaysWhetherItOnlyShows) {
    EXPECT_EQ(Answering::commands[0].flags, std::uint32_t{GATEHOUSE_COMMAND_SHOWS});
    EXPECT_EQ(Answering::commands[1].flags, 0U) << "a change, unless it says otherwise";
}

TEST(Wrapper, TryItMayBeALiteral) {
    use<WithALiteral>();
    const Plugin plugin;
    EXPECT_EQ(std::string_view(plugin.table().try_it.data, plugin.table().try_it.size), "nc {host}");
}

TEST(Wrapper, ProbeMayAskForMore) {
    struct P {
        void serve(Connection&) {}
        gatehouse_match probe(const gatehouse::Probe& probe) {
            if (probe.bytes().size() < 8) return probe.more(8);
            return probe.peer() == "192.0.2.9:1" && probe.listener() == "test" && probe.server_name().empty() &&
                           probe.protocol().empty()
                       ? GATEHOUSE_MATCH_YES
                       : GATEHOUSE_MATCH_NO;
        }
    };
    use<P>();
    Plugin plugin;
    std::size_t needed = 0;
    EXPECT_EQ(plugin.probe("short", {}, &needed), GATEHOUSE_MATCH_MORE);
    EXPECT_EQ(needed, 8U);
    EXPECT_EQ(plugin.probe("long enough", {.peer = "192.0.2.9:1", .listener = "test"}, &needed), GATEHOUSE_MATCH_YES);
    EXPECT_EQ(needed, 0U);
}

TEST(Wrapper, ServeThatReturnsNothingIsAPlainDialogue) {
    struct P {
        void serve(Connection& conn) {
            std::array<char, 4> buffer;
            while (auto text = conn.read(buffer))
                if (!conn.write({"<", *text, ">"})) return;
        }
    };
    use<P>();
    const Outcome outcome = Plugin().serve({"ab", "cdefg"});
    EXPECT_EQ(outcome.output, "<ab><cdef><g>");
    EXPECT_EQ(outcome.next, GATEHOUSE_NEXT_CLOSE);
    EXPECT_EQ(outcome.events.size(), 1u);
}

TEST(Wrapper, ServeThatReturnsNextMayPark) {
    struct P {
        Next serve(Connection& conn) {
            std::array<std::byte, 64> buffer;
            return conn.read(buffer) ? Next::park : Next::close;
        }
    };
    use<P>();
    EXPECT_EQ(Plugin().serve({"a", "b", end}).events,
              (std::vector<gatehouse_event>{GATEHOUSE_EVENT_OPEN, GATEHOUSE_EVENT_DATA, GATEHOUSE_EVENT_DATA}));
}

TEST(Wrapper, SessionLivesAsLongAsItsConnection) {
    struct P {
        struct Session {
            int calls = 0;
            ~Session() { happened.push_back("destroyed after " + std::to_string(calls)); }
        };
        Next serve(Connection& conn, Session& session) {
            std::array<std::byte, 64> buffer;
            ++session.calls;
            return conn.read(buffer) ? Next::park : Next::close;
        }
        void closed(Session& session, std::string_view reason) {
            happened.push_back("closed after " + std::to_string(session.calls) + ": " + std::string(reason));
        }
    };
    use<P>();
    happened.clear();
    Plugin plugin;
    Client first = plugin.connect(), second = plugin.connect();
    first.say({"a"});
    second.say({"b", "c", end});
    EXPECT_EQ(happened, (std::vector<std::string>{"closed after 3: peer_closed", "destroyed after 3"}));
    first.say({reset});
    EXPECT_EQ(happened[2], "closed after 2: peer_reset");
}

TEST(Wrapper, SessionMayTakeThePlugin) {
    struct P {
        std::string greeting = "hello";
        struct Session {
            explicit Session(P& plugin) : text(plugin.greeting) {}
            std::string text;
        };
        void serve(Connection& conn, Session& session) { (void)conn.write(session.text); }
    };
    use<P>();
    EXPECT_EQ(Plugin().serve({"x"}).output, "hello");
}

TEST(Wrapper, ClosedWithoutSession) {
    struct P {
        void serve(Connection&) {}
        void closed(std::string_view reason) { happened.emplace_back(reason); }
    };
    use<P>();
    happened.clear();
    Plugin().serve({"x"});
    EXPECT_EQ(happened, (std::vector<std::string>{"done"}));
}

TEST(Wrapper, RefusedCreationSaysWhy) {
    struct P {
        explicit P(Init& init) {
            const std::string root = init.config().string("root");
            if (root.empty()) return; // the host refuses it
            if (root.front() != '/') init.config().reject("root", "is not an absolute path");
            if (root == "/none") throw std::runtime_error("cannot open /none");
            if (root == "/odd") throw 5;
        }
        void serve(Connection&) {}
    };
    use<P>();
    EXPECT_EQ(Plugin::refusal({{"root", "/srv"}}), "");
    EXPECT_EQ(Plugin::refusal({}), "root: missing (expected a string)");
    EXPECT_EQ(Plugin::refusal({{"root", "srv"}}), "root: is not an absolute path");
    EXPECT_EQ(Plugin::refusal({{"root", "/none"}}), "cannot open /none");
    EXPECT_EQ(Plugin::refusal({{"root", "/odd"}}), "the constructor threw something that is not a std::exception");
}

TEST(Wrapper, ThrowingServeEndsThatConnectionOnly) {
    struct P {
        Next serve(Connection& conn) {
            std::array<char, 64> buffer;
            const auto text = conn.read(buffer);
            if (!text) return Next::close;
            if (std::string_view(buffer.data(), 3) == "odd") throw 5;
            if (std::string_view(buffer.data(), 3) == "bad") throw std::runtime_error("a bad message");
            return Next::park;
        }
    };
    use<P>();
    Plugin plugin;
    Client other = plugin.connect();
    other.say({"good"});
    const Outcome bad = plugin.serve({"bad"});
    EXPECT_EQ(bad.reason, "plugin_exception");
    EXPECT_EQ(bad.error, "a bad message");
    EXPECT_EQ(plugin.serve({"odd"}).error, "serve() threw something that is not a std::exception");
    other.say({"good"});
    EXPECT_TRUE(other.outcome().open);
}

TEST(Wrapper, ThrowingSessionEndsItsConnection) {
    struct P {
        struct Session {
            Session() { throw std::runtime_error("no session today"); }
        };
        void serve(Connection&, Session&) {}
        void closed(Session&, std::string_view) { happened.emplace_back("closed"); }
    };
    use<P>();
    happened.clear();
    const Outcome outcome = Plugin().serve({"x"});
    EXPECT_EQ(outcome.reason, "plugin_exception");
    EXPECT_EQ(outcome.error, "no session today");
    EXPECT_TRUE(happened.empty()) << "there is no session to close";
}

TEST(Wrapper, ThrowingClosedStopAndProbeAreLogged) {
    struct P {
        void serve(Connection&) {}
        void closed(std::string_view) { throw std::runtime_error("one"); }
        void stop() { throw 5; }
        gatehouse_match probe(std::span<const std::byte>) { throw std::runtime_error("three"); }
    };
    use<P>();
    Plugin plugin;
    plugin.serve({"x"});
    plugin.stop();
    EXPECT_EQ(plugin.probe("x"), GATEHOUSE_MATCH_NO);
    const auto log = plugin.log();
    ASSERT_EQ(log.size(), 3u);
    EXPECT_EQ(log[0].text, "closed() threw: one");
    EXPECT_EQ(log[1].text, "stop() threw");
    EXPECT_EQ(log[2].text, "probe() threw: three");
    EXPECT_EQ(log[2].level, GATEHOUSE_LEVEL_ERROR);
}

TEST(Wrapper, LinesOfTheLogHaveFields) {
    struct P {
        const Init init;
        explicit P(Init& host) : init(host) {}
        void start() { init.log(GATEHOUSE_LEVEL_DEBUG, "started", {{"at", init.now()}}); }
        void serve(Connection& conn) {
            using std::chrono::system_clock;
            conn.log(GATEHOUSE_LEVEL_WARNING, "seen",
                     {{"to", "bob"},
                      {"size", gatehouse::Value::bytes(17)},
                      {"count", std::uint64_t{18'446'744'073'709'551'615U}},
                      {"took", std::chrono::microseconds(1500)},
                      {"since", system_clock::time_point(std::chrono::milliseconds(-5))},
                      {"state", gatehouse::Value::state("up")},
                      {"not_known", gatehouse::Value()}});
        }
    };
    use<P>();
    Plugin plugin;
    plugin.serve({"x"});
    const auto log = plugin.log();
    ASSERT_EQ(log.size(), 2U);
    EXPECT_EQ(log[0].connection, 0U);
    EXPECT_EQ(log[0].fields.at("at"), std::chrono::milliseconds(0));
    EXPECT_EQ(log[1].text, "seen");
    EXPECT_EQ(log[1].connection, 1U);
    EXPECT_EQ(log[1].fields.size(), 6U);
    EXPECT_EQ(log[1].fields.at("to"), "bob");
    EXPECT_EQ(log[1].fields.at("size"), gatehouse::Value::bytes(17));
    EXPECT_EQ(log[1].fields.at("count"), std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(log[1].fields.at("took"), std::chrono::microseconds(1500));
    EXPECT_NE(log[1].fields.at("took"), 1500) << "it has another type";
    EXPECT_EQ(log[1].fields.at("since").number, -5);
    EXPECT_EQ(log[1].fields.at("state"), gatehouse::Value::state("up"));
}

TEST(Wrapper, FactsAreSetAndAreBytes) {
    struct P {
        Next serve(Connection& conn) {
            EXPECT_EQ(conn.user(), "");
            EXPECT_EQ(conn.set_user(std::string(256, 'x')).code(), GATEHOUSE_INVALID);
            EXPECT_TRUE(conn.set_user("ann"));
            EXPECT_EQ(conn.user(), "ann");
            const auto peer = conn.peer_sockaddr();
            EXPECT_EQ(peer.size(), sizeof(sockaddr_in6));
            const auto& six = *reinterpret_cast<const sockaddr_in6*>(peer.data());
            EXPECT_EQ(six.sin6_port, htons(70));
            EXPECT_EQ(six.sin6_addr.s6_addr[15], 9);
            const auto local = conn.local_sockaddr();
            EXPECT_EQ(reinterpret_cast<const sockaddr_in*>(local.data())->sin_addr.s_addr, htonl(0xc0000202));
            EXPECT_EQ(conn.credentials(), nullptr);
            return Next::close;
        }
    };
    use<P>();
    Plugin plugin;
    EXPECT_EQ(plugin.serve({"x"}, {.peer = "[2001:db8::9]:70", .local = "192.0.2.2:80"}).user, "ann");
}

TEST(Wrapper, AUnixSocketHasCredentials) {
    struct P {
        Next serve(Connection& conn) {
            EXPECT_EQ(reinterpret_cast<const sockaddr*>(conn.peer_sockaddr().data())->sa_family, AF_UNIX);
            const gatehouse_credentials* const who = conn.credentials();
            return who != nullptr && who->uid == 1000 && who->gid == 100 && who->pid == 7 ? Next::close : Next::error;
        }
    };
    use<P>();
    Plugin plugin;
    EXPECT_EQ(plugin.serve({"x"}, {.peer = "unix:", .credentials = PeerCredentials{.pid = 7, .uid = 1000, .gid = 100}}).next,
              GATEHOUSE_NEXT_CLOSE);
}

TEST(Wrapper, TheClockIsTheTests) {
    struct P {
        const Init init;
        explicit P(Init& host) : init(host) {}
        Next serve(Connection& conn) {
            std::array<char, 16> buffer;
            if (!conn.read(buffer)) return Next::close;
            (void)conn.write(std::to_string(init.now().count()) + ' ');
            return Next::park;
        }
    };
    use<P>();
    Plugin plugin;
    EXPECT_EQ(plugin.serve({"x", pass(std::chrono::seconds(90)), "x"}).output, "0 90000 ");
}

TEST(Wrapper, TableSaysWhatTheClassHas) {
    struct Plain {
        void serve(Connection&) {}
    };
    use<Plain>();
    Plugin plain;
    EXPECT_EQ(plain.table().flags, 0u);
    EXPECT_EQ(plain.table().try_it.size, 0u);
    EXPECT_EQ(plain.table().probe, nullptr);
    EXPECT_EQ(plain.table().needs_minor, unsigned{GATEHOUSE_ABI_OLDEST});

    use<Full>();
    Plugin full;
    EXPECT_EQ(full.table().flags, unsigned{GATEHOUSE_SERVER_FIRST});
    EXPECT_EQ(std::string_view(full.table().try_it.data, full.table().try_it.size), "nc {host} {port}");
    EXPECT_EQ(full.connect().outcome().output, "hi")
        << "server_first: the host calls serve() before the client has sent anything";
    EXPECT_EQ(full.probe(""), GATEHOUSE_MATCH_MORE);
    EXPECT_EQ(full.probe("FOO"), GATEHOUSE_MATCH_YES);
    EXPECT_EQ(full.probe("BAR"), GATEHOUSE_MATCH_NO);
}

TEST(Wrapper, ReadsEveryKindOfConfiguration) {
    struct P {
        explicit P(Init& init) {
            const gatehouse::Config& config = init.config();
            text = config.string("name", "nobody") + " " + std::to_string(config.integer("count", 1, 0, 9)) +
                   (config.boolean("loud", false) ? " loud " : " quiet ") +
                   std::to_string(config.duration("every", std::chrono::seconds(1)).count()) + " " +
                   std::to_string(config.size("buffer", 512));
            for (const auto& item : config.items("tags")) text += " " + item.string("");
            for (const auto& item : config.items("hosts"))
                text += " " + item.string("name") + ":" + std::to_string(item.integer("port", 80));
        }
        void serve(Connection& conn) { (void)conn.write(text); }
        std::string text;
    };
    use<P>();
    EXPECT_EQ(Plugin().serve({"x"}).output, "nobody 1 quiet 1000 512");
    Plugin plugin({{"name", "ann"},
                   {"count", 3},
                   {"loud", true},
                   {"every", "2m"},
                   {"buffer", "4KiB"},
                   {"tags", List{"a", "b"}},
                   {"hosts", List{Table{{"name", "x"}}, Table{{"name", "y"}, {"port", 8080}}}}});
    EXPECT_EQ(plugin.serve({"x"}).output, "ann 3 loud 120000 4096 a b x:80 y:8080");
}

TEST(Wrapper, KnowsTheConnectionsFacts) {
    struct P {
        void serve(Connection& conn) { (void)conn.write({conn.peer(), " ", conn.local(), " ", conn.listener()}); }
    };
    use<P>();
    Plugin plugin;
    EXPECT_EQ(plugin.serve({"x"}, {.peer = "[2001:db8::1]:5", .local = "[::1]:80", .listener = "web"}).output,
              "[2001:db8::1]:5 [::1]:80 web");
    EXPECT_EQ(plugin.serve({"x"}, {.peer = "", .local = "", .listener = "web"}).output, "  web");
}

TEST(Wrapper, DeadlinesAreNeverRemovedByAccident) {
    struct P {
        Next serve(Connection& conn) {
            std::array<std::byte, 64> buffer;
            if (!conn.read(buffer)) return Next::close;
            conn.set_deadline(std::chrono::milliseconds(buffer[0] == std::byte{'0'} ? 0 : 5000));
            if (buffer[0] == std::byte{'c'}) conn.clear_deadline();
            return Next::park;
        }
    };
    use<P>();
    Plugin plugin;
    EXPECT_EQ(plugin.serve({"x"}).deadline, milliseconds(5000));
    EXPECT_EQ(plugin.serve({"0"}).deadline, milliseconds(1));
    EXPECT_EQ(plugin.serve({"c"}).deadline, std::nullopt);
}

TEST(Wrapper, WithoutExtensionsSaysUnsupported) {
    struct P {
        void serve(Connection& conn) {
            const bool none = conn.connect("db:1", std::chrono::seconds(1)).status().code() == GATEHOUSE_UNSUPPORTED &&
                              conn.send_file({}, 0, 0, 1).code() == GATEHOUSE_UNSUPPORTED;
            (void)conn.write(none ? "unsupported" : "supported");
        }
    };
    use<P>();
    EXPECT_EQ(Plugin({}, Extensions::none).serve({"x"}).output, "unsupported");
}
