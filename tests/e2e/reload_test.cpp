// SIGHUP applies the configuration file: newcomers meet the new one, connections stay with what they began with, and whatever
// has a name keeps its past.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "relayed.hpp"
#include "tls_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

std::string lifecycle(std::string_view name, std::string_view settings = "") {
    return "[plugins." + std::string(name) + "]\nlibrary = \"lifecycle\"\nconfig = { " + std::string(settings) + " }\n";
}

// Of the fixture, in order.
std::vector<std::string> hooks(Gatehouse& host) {
    std::vector<std::string> called;
    for (const Record& record : host.log())
        if (record.message().starts_with("hook: ")) called.push_back(record.message().substr(6));
    return called;
}

bool serves_daytime(Gatehouse& host, std::string_view listener) {
    return Client(host.port(listener)).recv_until_eof().find("20") != std::string::npos;
}

TEST(Reload, AnotherPluginKeepsTheSocketAndTheConnections) {
    Gatehouse host(listener("front", "echo"));
    Client before(host.port("front"));
    EXPECT_TRUE(before.echoes("one"));
    Client silent(host.port("front")); // it has said nothing yet, and is echo's
    host.wait_for_status("front", "both", [](const Record& now) { return now["open"] == "2"; });

    const Record done = host.reload(listener("front", "daytime"));
    EXPECT_EQ(done["result"], "applied") << done.line;
    EXPECT_EQ(done["generation"], "2");
    EXPECT_TRUE(serves_daytime(host, "front"));
    EXPECT_TRUE(before.echoes("two"));
    EXPECT_TRUE(silent.echoes("three"));
    const Record now = host.status("front");
    EXPECT_EQ(now["accepted"], "3"); // counters go on
    EXPECT_EQ(host.count_logged("\"listening\""), 1U);
}

TEST(Reload, TheSameFileChangesNothing) {
    const std::string config = lifecycle("echo") + listener("front", "echo");
    Gatehouse host(config, with_fixtures());
    EXPECT_EQ(host.reload("# another comment, and other places\n" + config)["result"], "nothing has changed");
    EXPECT_EQ(hooks(host), (std::vector<std::string>{"create", "start as " + std::to_string(::geteuid())}));
}

TEST(Reload, AFileThatIsRefusedChangesNothingAndSaysAllThatIsWrong) {
    Gatehouse host(listener("front", "echo"));
    const Record done = host.reload("[plugins.gone]\nlibrary = \"gone\"\n" + lifecycle("bad", "nonsense = 1") +
                                    listener("front", "daytime") + listener("more", "gone") + listener("third", "bad"));
    EXPECT_EQ(done["result"], "refused") << done.line;
    EXPECT_EQ(done["generation"], "1");
    EXPECT_NE(done["why"].find("plugin library gone not found"), std::string::npos) << done.line;
    EXPECT_TRUE(Client(host.port("front")).echoes("still"));
    for (const std::string broken : {"nonsense", "[[listeners]]\nname = \"x\"\n", "\x80", ""}) {
        EXPECT_EQ(host.reload(broken)["result"], "refused");
        EXPECT_TRUE(Client(host.port("front")).echoes("still"));
    }
    std::filesystem::remove(host.dir() / "gatehouse.toml");
    EXPECT_EQ(host.reload()["result"], "refused");
    EXPECT_EQ(host.reload(listener("front", "daytime"))["result"], "applied");
}

// What fails as late as it can leaves nothing behind: no socket, no instance, no thread.
TEST(Reload, APluginThatDoesNotStartChangesNothing) {
    const ReservedAddress free;
    Gatehouse host(listener("front", "echo"), with_fixtures());
    const Record done = host.reload(lifecycle("bad", "fails = \"start\"") + listener("front", "echo") +
                                    listener("more", "bad", "address = \"" + free.address() + "\""));
    EXPECT_EQ(done["result"], "refused");
    EXPECT_NE(done["why"].find("plugin bad did not start: no luck"), std::string::npos) << done.line;
    EXPECT_TRUE(refused(free.address()));
    host.wait_for_log("hook: destroy");
    EXPECT_TRUE(Client(host.port("front")).echoes("still"));
}

TEST(Reload, ListenersComeAndGo) {
    Gatehouse host(listener("stays", "echo") + listener("goes", "echo"));
    const std::string gone = host.address("goes");
    Client open(gone);
    EXPECT_TRUE(open.echoes("one"));
    EXPECT_EQ(host.reload(listener("stays", "echo") + listener("comes", "echo"))["result"], "applied");
    EXPECT_TRUE(refused(gone));
    EXPECT_TRUE(open.echoes("two")); // it goes on
    EXPECT_TRUE(Client(host.port("comes")).echoes("three"));
    EXPECT_TRUE(Client(host.port("stays")).echoes("four"));
}

TEST(Reload, AMovedOrRenamedListenerKeepsWhatIsItsOwn) {
    const ReservedAddress one, two;
    const auto at = [](const ReservedAddress& address) { return "address = \"" + address.address() + "\""; };
    Gatehouse host(listener("a", "echo", at(one)));
    Client first(one.address());
    EXPECT_TRUE(first.echoes("x"));
    EXPECT_EQ(host.reload(listener("a", "echo", at(two)))["result"], "applied"); // moved
    EXPECT_TRUE(refused(one.address()));
    EXPECT_TRUE(first.echoes("x"));
    EXPECT_TRUE(Client(two.address()).echoes("x"));
    EXPECT_EQ(host.status("a")["accepted"], "2");
    EXPECT_EQ(host.reload(listener("b", "echo", at(two)))["result"], "applied"); // renamed
    EXPECT_TRUE(Client(two.address()).echoes("x"));
    EXPECT_EQ(host.status("b")["accepted"], "1");
    EXPECT_EQ(host.reload(listener("b", "echo", at(one)) + listener("c", "echo", at(two)))["result"], "applied");
    EXPECT_TRUE(Client(one.address()).echoes("x"));
    EXPECT_TRUE(Client(two.address()).echoes("x"));
}

TEST(Reload, AUnixSocketKeepsItsFileAndGetsItsMode) {
    const TempDir dir;
    const std::string path = dir / "s";
    const auto with = [&](const char* mode) {
        return listener("front", "echo", "address = \"unix:" + path + "\"\nmode = \"" + mode + "\"");
    };
    Gatehouse host(with("0600"));
    EXPECT_EQ(host.reload(with("0660"))["result"], "applied");
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms{0660});
    EXPECT_TRUE(Client("unix:" + path).echoes("x"));
    EXPECT_EQ(host.reload(listener("other", "echo"))["result"], "applied");
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Reload, AHigherLimitLetsThoseInWhoWait) {
    const auto with = [](int most) { return listener("front", "echo", "max_connections = " + std::to_string(most)); };
    Gatehouse host(with(1));
    Client first(host.port("front"));
    EXPECT_TRUE(first.echoes("x"));
    Client second(host.port("front"));
    second.send("y");
    EXPECT_FALSE(second.readable(50ms));
    EXPECT_EQ(host.reload(with(2))["result"], "applied");
    EXPECT_EQ(second.recv_exactly(1), "y");
    EXPECT_EQ(host.reload(with(1))["result"], "applied"); // a lower one cuts nobody
    EXPECT_TRUE(first.echoes("x"));
    EXPECT_TRUE(second.echoes("y"));
    Client third(host.port("front"));
    third.send("z");
    EXPECT_FALSE(third.readable(50ms));
    first.close();
    second.close();
    EXPECT_EQ(third.recv_exactly(1), "z");
}

TEST(Reload, SourcesKeepTheirPast) {
    const auto with = [](const char* plugin) { return listener("front", plugin, "max_per_source = 1"); };
    Gatehouse host(with("echo"));
    Client first(host.port("front"));
    EXPECT_TRUE(first.echoes("x"));
    EXPECT_EQ(host.reload(with("discard"))["result"], "applied");
    EXPECT_TRUE(Client(host.port("front")).ends());
    host.wait_for_log("closed", {{"reason", "source_full"}});
    first.close();
    host.wait_for_closed("front", "", 0);
    host.wait_for_status("front", "the first has gone", [](const Record& now) { return now["open"] == "0"; });
    Client again(host.port("front"));
    EXPECT_FALSE(again.readable(50ms));
}

TEST(Reload, AChangedLibraryIsLoadedBesideTheOldOne) {
    const TempDir plugins;
    const std::string file = plugins / "mine.so";
    std::filesystem::copy_file(plugin_dir() + "/echo.so", file);
    const std::string config = listener("front", "mine");
    Gatehouse host(config, {.plugin_path = {plugins.path().string()}});
    Client before(host.port("front"));
    EXPECT_TRUE(before.echoes("x"));
    std::filesystem::copy_file(plugin_dir() + "/daytime.so", plugins / "next");
    std::filesystem::rename(plugins / "next", file);
    EXPECT_EQ(host.reload()["result"], "applied");
    EXPECT_TRUE(serves_daytime(host, "front"));
    EXPECT_TRUE(before.echoes("y"));
    std::filesystem::last_write_time(file, std::filesystem::file_time_type::clock::now()); // touched, but the same
    EXPECT_EQ(host.reload()["result"], "nothing has changed");
}

TEST(Reload, WhatIsWatchedIsAppliedByItself) {
    const TempDir plugins;
    const std::string file = plugins / "mine.so";
    std::filesystem::copy_file(plugin_dir() + "/echo.so", file);
    const std::string host_section = "[host]\nwatch = true\ndrain_timeout = \"2s\"\n";
    Gatehouse host(host_section + listener("front", "mine"), {.plugin_path = {plugins.path().string()}});
    Client before(host.port("front"));
    EXPECT_TRUE(before.echoes("x"));
    std::filesystem::copy_file(plugin_dir() + "/daytime.so", plugins / "next"); // as a linker writes it, and renames it
    std::filesystem::rename(plugins / "next", file);
    EXPECT_EQ(host.wait_for_log("reload")["result"], "applied");
    EXPECT_TRUE(serves_daytime(host, "front"));
    EXPECT_TRUE(before.echoes("y"));
    std::size_t from = host.log_size();
    host.write(host_section + listener("front", "discard"));
    EXPECT_EQ(host.wait_for_log("reload", {}, from)["result"], "applied");
    from = host.log_size();
    host.write("nonsense");
    EXPECT_EQ(host.wait_for_log("reload", {}, from)["result"], "refused");
    from = host.log_size();
    host.write(host_section + listener("front", "echo"));
    EXPECT_EQ(host.wait_for_log("reload", {}, from)["result"], "applied");
    EXPECT_TRUE(Client(host.port("front")).echoes("z"));
}

TEST(Reload, APluginThatIsTriedIsSwappedWhenItHasBeenRebuilt) {
    const TempDir plugins;
    const std::string file = plugins / "mine.so";
    std::filesystem::copy_file(plugin_dir() + "/echo.so", file);
    const ReservedAddress free;
    Process host({gatehouse_binary(), "plugin", "run", file, "--port", free.port(), "--watch"});
    const auto said = [&](std::string_view what) {
        return host.wait_output(
            [&](const std::string&, const std::string& err) { return err.find(what) != std::string::npos; });
    };
    ASSERT_TRUE(said("ready"));
    Client before(free.address());
    EXPECT_TRUE(before.echoes("x"));
    std::filesystem::copy_file(plugin_dir() + "/daytime.so", plugins / "next");
    std::filesystem::rename(plugins / "next", file);
    ASSERT_TRUE(said("applied"));
    EXPECT_NE(Client(free.address()).recv_until_eof().find("20"), std::string::npos);
    EXPECT_TRUE(before.echoes("y"));
    before.close();
    host.signal(SIGTERM);
    EXPECT_EQ(host.wait().status, 0);
}

// Create and start the new one, then let it accept; stop and destroy the old one when its last connection has ended.
TEST(Reload, AnOldInstanceLivesAsLongAsItsConnections) {
    const auto with = [](int number) {
        return lifecycle("cycle", "folder = \"" + std::string(number == 1 ? "" : "/tmp") + "\"") +
               listener("front", "echo", "idle_timeout = \"" + std::to_string(number) + "m\"") + listener("x", "cycle");
    };
    Gatehouse host(with(1), with_fixtures());
    Client client(host.port("front"));
    EXPECT_TRUE(client.echoes("x"));
    const std::string start = "start as " + std::to_string(::geteuid());
    EXPECT_EQ(host.reload(with(2))["result"], "applied");
    EXPECT_EQ(hooks(host), (std::vector<std::string>{"create", start, "create", start}));
    EXPECT_TRUE(client.echoes("y"));
    client.close();
    host.wait_for_log("hook: destroy");
    EXPECT_EQ(hooks(host), (std::vector<std::string>{"create", start, "create", start, "stop", "destroy"}));
}

TEST(Reload, OldConnectionsHaveTheirTime) {
    const auto with = [](const char* plugin) {
        return "[host]\ndrain_timeout = \"100ms\"\nold_timeout = \"300ms\"\n" + listener("front", plugin);
    };
    Gatehouse host(with("echo"));
    Client client(host.port("front"));
    EXPECT_TRUE(client.echoes("x"));
    EXPECT_EQ(host.reload(with("discard"))["result"], "applied");
    EXPECT_EQ(client.recv_until_eof(), "");
    EXPECT_EQ(host.wait_for_closed("front")["reason"], "drained");
    Client next(host.port("front"));
    EXPECT_FALSE(next.readable(50ms)); // the host itself does not drain
}

// Its time is over, but its stop() does not return: the main thread, other plugins and further reloads go on.
TEST(Reload, AnOldPluginThatHangsHoldsNobodyUp) {
    const auto with = [](const char* plugin) {
        return "[host]\ndrain_timeout = \"100ms\"\nold_timeout = \"300ms\"\n" + listener("front", plugin);
    };
    Gatehouse host(with("hangs_in_stop"), with_fixtures());
    Client client(host.port("front"));
    EXPECT_TRUE(client.echoes("x"));
    EXPECT_EQ(host.reload(with("echo"))["result"], "applied");
    EXPECT_TRUE(client.ends());
    for (const char* plugin : {"daytime", "echo"}) EXPECT_EQ(host.reload(with(plugin))["result"], "applied");
    EXPECT_TRUE(Client(host.port("front")).echoes("y"));
    EXPECT_EQ(host.terminate(), 0);
    EXPECT_TRUE(host.logged("a plugin of an old generation is still in its own code; leaving without it"));
}

TEST(Reload, RelaysGoOnAndNewcomersMeetTheNewServer) {
    const Server one, two;
    Gatehouse host(gateway_to(one.address()));
    Client first(host.port("gateway"));
    Client at_one = const_cast<Server&>(one).accept();
    first.send("a");
    EXPECT_EQ(at_one.recv_exactly(1), "a");
    EXPECT_EQ(host.reload(gateway_to(two.address()))["result"], "applied");
    Client second(host.port("gateway"));
    Client at_two = const_cast<Server&>(two).accept();
    second.send("b");
    EXPECT_EQ(at_two.recv_exactly(1), "b");
    at_one.send("c");
    EXPECT_EQ(first.recv_exactly(1), "c");
    host.signal(SIGTERM); // ends the relays of both generations
    EXPECT_TRUE(first.ends());
    EXPECT_TRUE(second.ends());
    EXPECT_EQ(host.wait_exit(), 0);
}

// What the host has given up it cannot do any more: it says so, and the rest goes on.
TEST(Reload, UnderSeccompNoLibraryIsLoadedThatWasNotThere) {
    if (!sanitizer().empty()) GTEST_SKIP() << "a sanitizer needs what seccomp denies";
    const auto with = [](const char* plugin, const char* more = "") {
        return "[process]\nseccomp = \"kill\"\n" + listener("front", plugin, more) + listener("other", "echo");
    };
    Gatehouse host(with("echo"));
    const Record done = host.reload(with("daytime"));
    EXPECT_EQ(done["result"], "refused");
    EXPECT_NE(done["why"].find("[process] seccomp forbids"), std::string::npos) << done.line;
    EXPECT_EQ(host.reload(with("echo", "idle_timeout = \"7m\""))["result"], "applied");
    EXPECT_TRUE(Client(host.port("front")).echoes("x"));
}

TEST(Reload, WhatNeedsARestartIsSaidAndTheRestApplied) {
    Gatehouse host(listener("front", "echo"));
    const Record done = host.reload("[host]\nrelay_threads = 7\ndrain_timeout = \"2s\"\n" + listener("front", "daytime"));
    EXPECT_EQ(done["result"], "applied");
    EXPECT_EQ(done["waiting"], "host.relay_threads");
    EXPECT_TRUE(serves_daytime(host, "front"));
}

using ReloadTls = Tls;

TEST_F(ReloadTls, TicketsSurviveAndNewListenersCome) {
    const auto server = host("facts");
    const std::string session = certificates_ / "session";
    EXPECT_TRUE(s_client(*server, {"-sess_out", session}).has("New, TLSv1"));
    std::string config = read_file(server->dir() / "gatehouse.toml");
    std::ofstream(server->dir() / "gatehouse.toml") << config << listener("more", "echo");
    EXPECT_EQ(server->reload()["result"], "applied");
    EXPECT_TRUE(s_client(*server, {"-sess_in", session}).has("Reused, TLSv1"));
}

// --- commands --------------------------------------------------------------------------------------------------------------

class ReloadCommands : public ::testing::Test {
  protected:
    static std::string with(std::string_view plugin, std::string_view more = "") {
        return "[host]\ndrain_timeout = \"2s\"\ncontrol = \"s\"\n" + std::string(more) + listener("front", plugin);
    }
    // `gatehouse WORDS... --socket S`: no file is read.
    Result say(std::vector<std::string> words) {
        words.insert(words.end(), {"--socket", host_.dir() / "s"});
        return run_gatehouse(words);
    }

    const TempDir plugins_;
    const std::string library_ = [this] {
        std::filesystem::copy_file(plugin_dir() + "/echo.so", plugins_ / "mine.so");
        return plugins_ / "mine.so";
    }();
    Gatehouse host_{with("mine"), {.plugin_path = {plugins_.path().string()}}};
};

TEST_F(ReloadCommands, APlanIsShownAndThenCarriedOut) {
    Result plan = say({"plan"});
    EXPECT_EQ(plan.status, 0) << plan.err;
    EXPECT_NE(plan.out.find("nothing changes"), std::string::npos) << plan.out;
    host_.write(with("discard", "old_timeout = \"1h\"\n"));
    plan = say({"plan"});
    EXPECT_EQ(plan.status, 2) << plan.err;
    EXPECT_NE(plan.out.find("~ plugin  \"mine\" -> \"discard\"  new connections"), std::string::npos) << plan.out;
    const std::string id = plan.out.substr(plan.out.rfind("plan ") + 5, 10);
    EXPECT_TRUE(Client(host_.port("front")).echoes("nothing has happened"));

    host_.write(with("daytime")); // somebody else was faster
    const Result other = say({"reload", "--plan", id});
    EXPECT_EQ(other.status, 1);
    EXPECT_NE(other.err.find("and not " + id), std::string::npos) << other.err;
    host_.write(with("discard", "old_timeout = \"1h\"\n"));
    EXPECT_EQ(say({"reload", "--plan", id}).out.substr(0, 23), "applied as generation 2");
    EXPECT_FALSE(Client(host_.port("front")).readable(20ms));
    EXPECT_EQ(say({"reload"}).out, "nothing has changed: generation 2 goes on\n");
}

TEST_F(ReloadCommands, AFileThatIsWrongIsSaidWhole) {
    host_.write(with("mine") + "[plugins.a]\nlibrary = \"gone\"\nx = 1\n[plugins.b]\nlibrary = \"gone\"\ny = 2\n");
    for (const char* command : {"plan", "reload"}) {
        const Result result = say({command});
        EXPECT_EQ(result.status, 1);
        EXPECT_NE(result.err.find("plugins.a.x: unknown key"), std::string::npos) << result.err;
        EXPECT_NE(result.err.find("plugins.b.y: unknown key"), std::string::npos) << result.err;
    }
    EXPECT_EQ(say({"reload", "--confirm", "soon"}).status, 1);
}

TEST_F(ReloadCommands, WhatIsNotConfirmedIsTakenBackWithItsLibrary) {
    EXPECT_EQ(say({"rollback"}).status, 1); // to what?
    EXPECT_EQ(say({"confirm"}).status, 1);
    std::filesystem::copy_file(plugin_dir() + "/daytime.so", plugins_ / "next");
    std::filesystem::rename(plugins_ / "next", library_);
    const Result plan = say({"plan"});
    EXPECT_NE(plan.out.find("library 1.0.0 -> 1.0.0"), std::string::npos) << plan.out;
    const std::size_t from = host_.log_size();
    EXPECT_EQ(say({"reload", "--confirm", "1s"}).status, 0);
    EXPECT_TRUE(serves_daytime(host_, "front"));
    host_.wait_for_log("reload", {{"from", "generation 1"}}, from);
    EXPECT_TRUE(Client(host_.port("front")).echoes("as before")); // though the file has the other library
    EXPECT_EQ(say({"confirm"}).status, 1);

    EXPECT_EQ(say({"reload", "--confirm", "1h"}).status, 0);
    EXPECT_EQ(say({"confirm"}).out, "generation 4 stays\n");
    EXPECT_TRUE(serves_daytime(host_, "front"));
    EXPECT_EQ(say({"rollback", "1"}).status, 0);
    EXPECT_TRUE(Client(host_.port("front")).echoes("once more"));
    EXPECT_EQ(say({"rollback", "99"}).status, 1);
    std::filesystem::remove(library_); // the host has its own copy
    EXPECT_EQ(say({"rollback", "4"}).status, 0);
    EXPECT_TRUE(serves_daytime(host_, "front"));
    EXPECT_EQ(say({"rollback", "1"}).status, 0);
    const Result history = say({"config", "history", "--json"});
    for (const char* part : {"\"generation\": 7", "\"from\": \"generation 1\"", "\"state\": \"runs\"", "\"by\": \"the start\""})
        EXPECT_NE(history.out.find(part), std::string::npos) << part << " in " << history.out;
}

TEST_F(ReloadCommands, KeysThatWaitForARestartAreSaid) {
    host_.write(with("mine", "relay_threads = 3\n"));
    EXPECT_EQ(say({"plan"}).status, 2);
    const Result result = say({"reload", "--strict"});
    EXPECT_EQ(result.status, 2);
    EXPECT_NE(result.out.find("host.relay_threads needs a restart"), std::string::npos) << result.out;
    EXPECT_EQ(say({"reload"}).status, 0);
}

TEST_F(ReloadCommands, TheLevelOfTheLogIsLive) {
    host_.write(with("mine") + "[log]\nlevel = \"debug\"\n");
    EXPECT_EQ(host_.reload()["result"], "applied");
    const std::size_t from = host_.log_size();
    EXPECT_TRUE(Client(host_.port("front")).echoes("x"));
    host_.wait_for_log("accept", {{"listener", "front"}}, from);
}

// The real thing: newcomers, connections that stay, and relays, while the file changes a hundred times.
TEST(Reload, NobodyIsLostWhileTheFileChangesAllTheTime) {
    Gatehouse behind("[log]\naccess = false\n" + listener("echo", "echo"));
    const auto with = [&](int round) {
        return "[log]\naccess = false\n" +
               gateway_to("127.0.0.1:" + std::to_string(behind.port("echo")),
                          round % 3 == 0 ? "" : "connect_timeout = \"" + std::to_string(round % 3) + "s\"") +
               listener("front", "echo", "idle_timeout = \"" + std::to_string(1 + round % 7) + "m\"") +
               (round % 2 == 0 ? "" : listener("extra", "echo"));
    };
    Gatehouse host(with(0));
    const std::uint16_t front = host.port("front");
    const std::uint16_t gateway = host.port("gateway");
    std::atomic<bool> stop{false};
    std::atomic<int> served{0}, lost{0};
    const auto newcomers = [&](std::uint16_t port) {
        while (!stop) {
            try {
                (Client(port).echoes("hello") ? served : lost)++;
            } catch (const std::exception&) {
                ++lost;
            }
        }
    };
    const auto stays = [&](std::uint16_t port) {
        Client client(port);
        while (!stop && client.echoes("ping")) ++served;
        lost += stop ? 0 : 1;
    };
    std::vector<std::jthread> clients;
    struct AtEnd { // also if the host says nothing any more
        std::atomic<bool>& stopped;
        ~AtEnd() { stopped = true; }
    } const at_end{stop};
    for (const std::uint16_t port : {front, gateway}) {
        clients.emplace_back(newcomers, port);
        clients.emplace_back(newcomers, port);
        clients.emplace_back(stays, port);
    }
    const int rounds = sanitizer().empty() ? 100 : 20;
    for (int round = 1; round <= rounds; ++round) {
        const bool broken = round % 10 == 0;
        const Record done = host.reload(broken ? "broken" : with(round));
        EXPECT_EQ(done["result"], broken ? "refused" : "applied") << done.line;
        if (lost > 0) break;
    }
    stop = true;
    for (std::jthread& client : clients) client.join();
    EXPECT_EQ(lost, 0);
    EXPECT_GT(served, rounds);
}

} // namespace
