// `gatehouse control`, as an operator uses it.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <algorithm>
#include <csignal>
#include <gtest/gtest.h>
#include <regex>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace gatehouse::support;

namespace {

const std::string config =
    "[host]\ncontrol = \"control.sock\"\ndrain_timeout = \"2s\"\n[plugins.fix]\nlibrary = \"background\"\n" +
    listener("fix", "fix") + listener("echo", "echo");

Result run_control(const Gatehouse& host, std::vector<std::string> words) {
    words.insert(words.begin(), {"control", host.dir() / "gatehouse.toml"});
    return run_gatehouse(std::move(words));
}

TEST(Control, ListsTheCommands) {
    const Gatehouse host(config, with_fixtures());
    const Result all = run_control(host, {});
    EXPECT_EQ(all.status, 0);
    for (const char* const line : {"host +listeners +show +shows the listeners and their connections",
                                   "echo +- +- +takes no commands", "fix +check +ADDRESS +change +checks a server each 20 ms"})
        EXPECT_TRUE(std::regex_search(all.out, std::regex(line))) << line << '\n' << all.out;
    const Result one = run_control(host, {"fix", "--json"});
    EXPECT_NE(
        one.out.find(R"({"instance": "fix", "command": "refuse", "arguments": "WHY", "role": "change", "summary": "fails"})"),
        std::string::npos)
        << one.out;
    EXPECT_EQ(one.out.find("echo"), std::string::npos);
    EXPECT_TRUE(std::regex_search(run_control(host, {"host", "commands", "command=log.level"}).out,
                                  std::regex("level +text +yes +debug, info, warning or error\nlistener +text +no ")));
}

TEST(Control, RunsACommand) {
    Gatehouse host(config, with_fixtures());
    EXPECT_EQ(run_control(host, {"fix", "watch", "192.0.2.1:80"}).out, "");
    eventually("news", [&] {
        return run_control(host, {"fix", "news"}).out == "what          status  text\n192.0.2.1:80       0  192.0.2.1:80\n";
    });
    EXPECT_EQ(run_control(host, {"fix", "news", "--json"}).out,
              "{\"columns\": [{\"name\": \"what\", \"type\": \"text\"}, {\"name\": \"status\", \"type\": \"number\"}, "
              "{\"name\": \"text\", \"type\": \"text\"}],\n \"rows\": [\n"
              "  {\"what\": \"192.0.2.1:80\", \"status\": 0, \"text\": \"192.0.2.1:80\"}]}\n");
    EXPECT_EQ(run_control(host, {"fix", "stop", "--json"}).out, "{\"columns\": [],\n \"rows\": []}\n");
    host.wait_for_log("command", {{"plugin", "fix"}, {"command", "watch 192.0.2.1:80"}, {"status", "0"}});
}

TEST(Control, SaysWhyItDoesNot) {
    const Gatehouse host(config, with_fixtures());
    const auto refused = [&](std::vector<std::string> words) {
        const Result result = run_control(host, std::move(words));
        EXPECT_EQ(result.status, 1);
        EXPECT_EQ(result.out, "");
        return result.err;
    };
    EXPECT_EQ(refused({"fix", "refuse", "not today"}), "gatehouse: not today\n");
    EXPECT_EQ(refused({"fix", "refuse", "two\nlines\x1b[31m"}), "gatehouse: two\\x0alines\\x1b[31m\n");
    EXPECT_EQ(refused({"fix", "nws"}), "gatehouse: there is no command of fix named \"nws\" (did you mean news?)\n");
    EXPECT_EQ(refused({"fix", "x"}), "gatehouse: there is no command of fix named \"x\" (there are: check, watch, stop, news, "
                                     "refuse, many, askew, stuck, later, hold)\n");
    EXPECT_EQ(refused({"fox", "news"}), "gatehouse: there is no plugin instance \"fox\" (did you mean fix?)\n");
    EXPECT_EQ(refused({"echo", "news"}), "gatehouse: plugin instance echo takes no commands\n");
    EXPECT_EQ(refused({"fix", "askew"}), "gatehouse: plugin instance fix gave a row that does not fit the columns\n");
    EXPECT_EQ(refused({"fix", "many", "5000"}), "gatehouse: plugin instance fix answered with more than 4 MiB\n");
    EXPECT_EQ(refused({"fix", "check", "db.example:80"}), "gatehouse: cannot check db.example:80 (status -5)\n");
    EXPECT_EQ(refused({"fix", "refuse", std::string(70'000, 'x')}), "gatehouse: the arguments are longer than 64 KiB\n");
}

TEST(Control, LongAnswersArriveWhole) {
    const Gatehouse host(config, with_fixtures());
    const Result result = run_control(host, {"fix", "many", "3000"});
    EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 3001);
}

TEST(Control, NeedsAHostAndAKey) {
    const TempDir dir;
    const std::string file = dir.write("a.toml", config);
    const Result nobody = run_gatehouse({"control", file});
    EXPECT_EQ(nobody.status, 1);
    EXPECT_EQ(nobody.err, "gatehouse: no host is running at " + (dir / "control.sock") +
                              ": No such file or directory; start one with: gatehouse run CONF\n");
    const std::string without = dir.write("b.toml", listener("echo", "echo"));
    EXPECT_EQ(run_gatehouse({"control", without}).err,
              "gatehouse: " + without +
                  ": there is no host.control, so a host that runs with it takes no commands; add control = "
                  "\"gatehouse.sock\" to its [host] section\n");
}

TEST(Control, TheSocketIsPrivateReplacedAndRemoved) {
    std::string path;
    {
        Gatehouse host(config, with_fixtures());
        path = host.dir() / "control.sock";
        struct stat file{};
        ASSERT_EQ(::stat(path.c_str(), &file), 0);
        EXPECT_TRUE(S_ISSOCK(file.st_mode));
        EXPECT_EQ(file.st_mode & 0777U, 0600U);
        // One that is in use is not taken away.
        const Result second = run_gatehouse(
            {"run", "--plugin-path", fixture_dir(), "--plugin-path", plugin_dir(), host.dir() / "gatehouse.toml"});
        EXPECT_EQ(second.status, 1);
        EXPECT_TRUE(second.err.find("listener control: bind to unix:" + path + " failed: Address already in use") !=
                    std::string::npos)
            << second.err;
        EXPECT_EQ(run_control(host, {}).status, 0);
        EXPECT_EQ(host.terminate(), 0);
        EXPECT_NE(::stat(path.c_str(), &file), 0);
    }
    // One that a dead process has left is replaced.
    const TempDir dir;
    path = dir / "stale.sock";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::close(fd);
    const Gatehouse host("[host]\ncontrol = \"" + path + "\"\n" + listener("echo", "echo"));
    EXPECT_EQ(run_control(host, {}).status, 0);
}

// Whatever its clients do, the host serves on, and the next one is answered.
TEST(Control, RudeClientsDoNotHoldItUp) {
    Gatehouse host(config, with_fixtures());
    const std::string socket = "unix:" + host.dir() / "control.sock";
    std::vector<Client> silent;
    for (int i = 0; i < 20; ++i) silent.emplace_back(socket); // more than are served at a time
    Client echo(host.port("echo"));
    echo.send("hello");
    EXPECT_EQ(echo.recv_exactly(5), "hello");
    EXPECT_EQ(silent[0].recv_until_eof(), ""); // it has given way
    EXPECT_EQ(run_control(host, {}).status, 0);
    silent.clear();

    Client huge(socket);
    huge.send(std::string(70'000, 'x'));
    EXPECT_EQ(huge.recv_until_eof(), "{\"id\": null, \"ok\": false, \"error\": {\"code\": \"too_long\", \"message\": \"the "
                                     "question is longer than 64 KiB\"}}\n");
    // Bad questions are answered in their order, and the good ones between them; byte by byte is as good as at once.
    Client slow(socket);
    for (const char byte : std::string("{\n\n{\"id\": 2, \"do\": \"host\", \"as\": \"text\"}\r\n[]")) slow.send({&byte, 1});
    slow.finish();
    const std::string answers = slow.recv_until_eof();
    EXPECT_EQ(std::count(answers.begin(), answers.end(), '\n'), 3) << answers;
    EXPECT_LT(answers.find("parse error"), answers.find("\"id\": 2, \"ok\": true, \"text\": \"version "));
    EXPECT_LT(answers.find("\"id\": 2"), answers.find("it is not an object"));
    for (int i = 0; i < 20; ++i) { // gone before the answer
        Client gone(socket);
        gone.send("{\"do\": \"commands\"}\n");
        gone.reset();
    }
    EXPECT_EQ(run_control(host, {}).status, 0);
}

TEST(Control, AnswersWhileTheHostDrains) {
    Gatehouse host(
        "[host]\ncontrol = \"control.sock\"\ndrain_timeout = \"5m\"\n[plugins.http]\nconfig = { root = \"/tmp\" }\n" +
        listener("http", "http") + listener("echo", "echo"));
    Client client(host.port("http"));
    client.send("GET / HTTP/1.1\r\n"); // may finish
    host.wait_for_status("http", "it is being served", [](const Record& now) { return now["open"] == "1"; });
    host.signal(SIGTERM);
    host.wait_for_log("draining");
    EXPECT_EQ(run_control(host, {}).status, 0);
    client.reset();
    EXPECT_EQ(host.wait_exit(), 0);
}

TEST(Control, AnAnswerMayComeLater) {
    const Gatehouse host(config, with_fixtures());
    EXPECT_EQ(run_control(host, {"fix", "later", "30"}).out, "  after     sent  done\n30.0 ms  2.0 KiB  yes\n");
    EXPECT_NE(run_control(host, {"fix", "later", "0", "--json"}).out.find("{\"after\": 0.000000, \"sent\": 2048, "),
              std::string::npos);
}

// Neither the host nor other operators wait for it, and the plugin hears of an operator who goes, and of the drain.
TEST(Control, WhoDoesNotWaitForAnAnswerAnyMoreIsHeard) {
    Gatehouse host(config, with_fixtures());
    const std::vector<std::string> hold{gatehouse_binary(), "control", host.dir() / "gatehouse.toml", "fix", "hold"};
    {
        const Process gone(hold);
        host.wait_for_log("somebody waits");
        EXPECT_EQ(run_control(host, {"fix", "later", "0"}).status, 0);
    }
    host.wait_for_log("nobody waits");
    const std::size_t before = host.log().size();
    Process waits(hold);
    host.wait_for_log("somebody waits", {}, before);
    host.signal(SIGTERM);
    const Result drained = waits.wait();
    EXPECT_EQ(drained.status, 1);
    EXPECT_EQ(drained.err, "gatehouse: the host is draining\n");
    host.wait_for_log("nobody waits", {}, before);
    EXPECT_EQ(host.wait_exit(), 0);
}

TEST(Control, WhoMayDoWhatIsDecidedByThePeersGroups) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
    Gatehouse host("[host]\ncontrol_readers = \"65534\"\ncontrol_operators = \"65533\"\n" +
                       config.substr(config.find('\n') + 1),
                   with_fixtures());
    ASSERT_EQ(::chmod((host.dir() / ".").c_str(), 0711), 0);
    const auto as = [&](const std::vector<std::string>& who, const std::vector<std::string>& words) {
        std::vector<std::string> all{"setpriv", "--reuid", "65534"};
        all.insert(all.end(), who.begin(), who.end());
        all.insert(all.end(), {gatehouse_binary(), "control", "--socket", host.dir() / "control.sock"});
        all.insert(all.end(), words.begin(), words.end());
        return run(all);
    };
    const std::vector<std::string> reader{"--regid", "65534", "--clear-groups"};
    EXPECT_EQ(as(reader, {"fix", "news"}).out, "what  status  text\n");
    EXPECT_EQ(as(reader, {"host", "metrics"}).status, 0);
    for (const std::vector<std::string>& changing : {std::vector<std::string>{"fix", "refuse", "x"},
                                                     {"host", "limits.set", "listener=echo", "set=max_connections=1"},
                                                     {"host", "log.level", "level=debug"},
                                                     {"host", "orders.remove", "id=1"},
                                                     {"host", "kill", "id=a-1"}}) {
        const Result refused = as(reader, changing);
        EXPECT_EQ(refused.status, 1);
        EXPECT_EQ(refused.err,
                  "gatehouse: only the user that runs the host, root, and the group of control_operators may run a "
                  "command that changes something\n");
    }
    host.wait_for_log("command", {{"command", "kill"}, {"arguments", "id=a-1"}, {"uid", "65534"}, {"result", "forbidden"}});
    const std::vector<std::string> operators{"--regid", "65532", "--groups", "65531,65533"};
    EXPECT_EQ(as(operators, {"fix", "stop"}).status, 0);
    host.wait_for_log("command", {{"plugin", "fix"}, {"command", "stop"}, {"uid", "65534"}, {"result", "ok"}});
    const Result stranger = as({"--regid", "65532", "--clear-groups"}, {"host", "host"});
    EXPECT_EQ(stranger.err, "gatehouse: only the user that runs the host, root, and the groups of control_readers and "
                            "control_operators may ask it\n");
}

TEST(Control, OneGroupIsLetInByTheModeOfTheFile) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file to another group";
    const Gatehouse host("[host]\ncontrol_readers = \"65534\"\n" + config.substr(config.find('\n') + 1), with_fixtures());
    struct stat file{};
    ASSERT_EQ(::stat((host.dir() / "control.sock").c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777U, 0660U);
    EXPECT_EQ(file.st_gid, 65534U);
}

Result ask_by_socket(const Gatehouse& host, std::vector<std::string> words) {
    words.insert(words.end(), {"--socket", host.dir() / "control.sock"});
    return run_gatehouse(std::move(words));
}

TEST(Control, ShowsConnectionsAndKillsThem) {
    Gatehouse host("[host]\ncontrol = \"control.sock\"\n" + listener("echo", "echo", "max_per_source = 9") +
                   listener("quiet", "echo"));
    const std::string upstream = host.address("echo");
    Gatehouse front("[host]\ncontrol = \"control.sock\"\n" + gateway_to(upstream));
    Client relayed(front.port("gateway"));
    Client parked(host.port("echo"));
    Client silent(host.port("quiet"));
    ASSERT_TRUE(relayed.echoes("hello"));
    ASSERT_TRUE(parked.echoes("hi"));
    const auto rows = [](const Gatehouse& of, std::vector<std::string> filter) {
        filter.insert(filter.begin(), "connections");
        filter.emplace_back("--json");
        return ask_by_socket(of, std::move(filter)).out;
    };
    eventually("it rests", [&] { return rows(host, {"--state", "parked"}).find(parked.local_address()) != std::string::npos; });
    EXPECT_TRUE(std::regex_search(
        rows(front, {"--state", "relaying"}),
        std::regex(R"(\{"id": "gateway-100000", "listener": "gateway", "plugin": "gateway", "peer": "127.0.0.1:\d+", )"
                   R"("state": "relaying", "age": \d+\.\d+, "idle": \d+\.\d+, "received": 5, "sent": 5, )"
                   R"("server": "127.0.0.1:\d+"\})")))
        << rows(front, {});
    EXPECT_NE(rows(host, {"--listener", "quiet"}).find("\"state\": \"silent\""), std::string::npos);
    EXPECT_EQ(rows(host, {"--source", "192.0.2.0/24"}).find("127.0.0.1"), std::string::npos);
    EXPECT_EQ(rows(host, {"--older", "1h"}).find("127.0.0.1"), std::string::npos);
    EXPECT_EQ(rows(host, {"--idle", "1h"}).find("127.0.0.1"), std::string::npos);
    EXPECT_NE(rows(front, {"--server", upstream, "--bytes", "10"}).find("gateway-100000"), std::string::npos);
    EXPECT_EQ(rows(front, {"--server", upstream, "--bytes", "11"}).find("gateway-100000"), std::string::npos);
    EXPECT_EQ(rows(front, {"--server", "127.0.0.1:1"}).find("gateway-100000"), std::string::npos);
    EXPECT_EQ(rows(host, {"--server", upstream}).find("127.0.0.1"), std::string::npos) << "nothing is relayed there";
    EXPECT_EQ(ask_by_socket(front, {"connections", "--count-by", "server"}).out.substr(0, 32),
              "server           connections\n127");
    EXPECT_EQ(ask_by_socket(front, {"kill", "--server", "unix:/x"}).err,
              "gatehouse: \"unix:/x\" is no server's address (expected one such as 10.0.0.1:5432)\n");
    EXPECT_EQ(ask_by_socket(front, {"kill", "--reason", "why not"}).status, 1) << "it says of none which";
    EXPECT_EQ(ask_by_socket(front, {"kill", "--bytes", "much"}).status, 1);
    EXPECT_EQ(ask_by_socket(host, {"connections", "--count-by", "listener"}).out,
              "listener  connections\necho                2\nquiet               1\n");
    EXPECT_TRUE(ask_by_socket(host, {"connections", "--limit", "1"}).out.ends_with("\n... and 2 more\n"));
    EXPECT_EQ(ask_by_socket(host, {"connections", "--state", "sleepy"}).err,
              "gatehouse: there is no state \"sleepy\" (expected staging, silent, serving, parked, relaying or lingering)\n");
    EXPECT_EQ(ask_by_socket(host, {"sources"}).out, "listener  source     connections  recent\n"
                                                    "echo      127.0.0.1            2       0\n");
    const std::string status = ask_by_socket(host, {"status", "echo", "--json"}).out;
    EXPECT_NE(status.find("\"listener\":\"echo\""), std::string::npos) << status;
    EXPECT_NE(status.find("\"open\":2,\"max\":10000"), std::string::npos) << status;
    EXPECT_EQ(ask_by_socket(host, {"status", "ehco"}).err, "gatehouse: there is no listener \"ehco\" (did you mean echo?)\n");

    EXPECT_EQ(ask_by_socket(front, {"kill", "gateway-100000"}).out, "killed 1 connection\n");
    EXPECT_EQ(front.wait_for_closed("gateway")["reason"], "killed");
    EXPECT_THROW(relayed.recv_until_eof(), std::exception); // reset
    EXPECT_EQ(ask_by_socket(front, {"kill", "gateway-100000"}).err,
              "gatehouse: there is no connection \"gateway-100000\"; it may have ended\n");
    EXPECT_EQ(ask_by_socket(host, {"kill"}).status, 1); // not all of them by mistake
    for (const std::string empty : {"listener", "id", "source", "state", "server", "bytes"})
        EXPECT_EQ(run_control(host, {"host", "kill", empty + "="}).status, 1) << empty;
    for (const std::string wrong : {"echo-", "echo-x", "echo-1000000000000000000", "ech-100000", "echo100000", "gone-100000"})
        EXPECT_EQ(ask_by_socket(host, {"kill", wrong}).status, 1) << wrong;
    EXPECT_EQ(ask_by_socket(host, {"kill", "--source", "127.0.0.0/8", "--plugin", "echo", "--reason", "scan", "--json"}).status,
              0);
    EXPECT_EQ(host.wait_for_closed("echo", parked.local_address())["reason"], "killed");
    EXPECT_EQ(host.wait_for_closed("quiet")["reason"], "killed");
    host.wait_for_log("command",
                      {{"command", "kill"}, {"arguments", "plugin=echo source=127.0.0.0/8 reason=scan"}, {"result", "ok"}});
}

// Who changes something is in the log, whatever its level.
TEST(Control, WhatChangesIsLoggedEvenIfTheLogIsSetToErrors) {
    Gatehouse host(config, with_fixtures());
    EXPECT_EQ(ask_by_socket(host, {"log", "level", "error"}).status, 0);
    EXPECT_EQ(ask_by_socket(host, {"reload"}).status, 0);
    host.wait_for_log("command", {{"command", "log.level"}, {"result", "ok"}});
    host.wait_for_log("command", {{"command", "reload"}, {"result", "ok"}});
}

// They hold at once, over a reload, and until they are removed; the record of who is refused says that it was an order.
TEST(Control, LimitsMayBeSetForAWhile) {
    const auto with = [](const char* keys) {
        return "[host]\ncontrol = \"control.sock\"\n" + listener("echo", "echo", keys) + gateway_to("127.0.0.1:9");
    };
    Gatehouse host(with(""));
    const auto said = [&](std::vector<std::string> words) {
        const Result result = ask_by_socket(host, std::move(words));
        return result.out + result.err;
    };
    EXPECT_EQ(said({"limits", "set", "echo", "max_per_source=1"}), "echo max_per_source = 1 until it is removed (order 1)\n");
    EXPECT_TRUE(std::regex_match(said({"limits", "set", "echo", "max_connections=50", "--for", "1h", "--reason", "abuse"}),
                                 std::regex("echo max_connections = 50 until \\S+Z \\(order 2\\)\n")));
    Client first(host.port("echo"));
    EXPECT_TRUE(first.echoes("x"));
    Client second(host.port("echo"));
    EXPECT_EQ(second.rest().bytes, "");
    const Record closed = host.wait_for_closed("echo", second.local_address());
    EXPECT_EQ(closed["reason"] + ' ' + closed["rule"] + ' ' + closed["limit"] + ' ' + closed["value"],
              "source_full order max_per_source 1");
    EXPECT_EQ(host.reload(with("idle_timeout = \"1m\""))["result"], "applied");
    EXPECT_EQ(Client(host.port("echo")).rest().bytes, "");
    EXPECT_NE(said({"plan"}).find("2 orders hold: echo max_per_source = 1 by "), std::string::npos);
    EXPECT_EQ(ask_by_socket(host, {"control", "gateway", "disable", "127.0.0.1:9"}).err, "");
    EXPECT_EQ(said({"log", "level", "debug", "--source", "192.0.2.0/24"}).substr(0, 36),
              "log.level = debug from 192.0.2.0/24 ");
    const std::string all = said({"orders"});
    for (const char* const row :
         {"\n1 +limit +max_per_source = 1 +echo +\\S+ +\\S+Z +- +-\n",
          "\n2 +limit +max_connections = 50 +echo +\\S+ +\\S+Z +\\S+Z +abuse\n",
          "\n3 +log +log.level = debug from 192.0.2.0/24 +- +", "\ngateway 1 +server +disable 127.0.0.1:9 +gateway +"})
        EXPECT_TRUE(std::regex_search(all, std::regex(row))) << row << '\n' << all;
    EXPECT_EQ(said({"orders", "remove", "1"}), "echo max_per_source = 1 does not hold any more\n");
    EXPECT_TRUE(Client(host.port("echo")).echoes("y"));
    EXPECT_EQ(ask_by_socket(host, {"orders", "remove", "1"}).status, 1);
    EXPECT_EQ(said({"limits", "set", "echo", "max_conections=5"}),
              "gatehouse: there is no live limit \"max_conections\" (did you mean max_connections?)\n");
    EXPECT_EQ(ask_by_socket(host, {"limits", "set", "echo", "max_connections=0"}).status, 1);
    host.wait_for_log("command", {{"command", "limits.set"}, {"result", "ok"}});
    host.wait_for_log("command", {{"command", "orders.remove"}, {"result", "ok"}});
}

// A thread that waits for its client in the plugin's code goes on as well.
TEST(Control, KillsWhatAThreadServes) {
    Gatehouse host("[host]\ncontrol = \"control.sock\"\n" + listener("blocking", "blocking_echo"), with_blocking_echo());
    Client client(host.port("blocking"));
    ASSERT_TRUE(client.echoes("x"));
    EXPECT_NE(ask_by_socket(host, {"connections", "--state", "serving"}).out.find("blocking-100000"), std::string::npos);
    EXPECT_EQ(ask_by_socket(host, {"kill", "blocking-100000"}).status, 0);
    EXPECT_EQ(host.wait_for_closed("blocking")["reason"], "killed");
}

// The instances are others then; the connections of the old ones are seen, and ended, as before.
TEST(Control, AfterAReload) {
    Gatehouse host(config, with_fixtures());
    Client old(host.port("echo"));
    ASSERT_TRUE(old.echoes("x"));
    const std::vector<std::string> hold{gatehouse_binary(), "control", host.dir() / "gatehouse.toml", "fix", "hold"};
    Process waits(hold);
    host.wait_for_log("somebody waits");
    EXPECT_EQ(host.reload(config + listener("more", "echo"))["result"], "applied");
    EXPECT_EQ(waits.wait().err,
              "gatehouse: a reload has replaced plugin instance fix; the command may still be going on in the "
              "old one\n");
    host.wait_for_log("nobody waits");
    EXPECT_EQ(run_control(host, {"fix", "later", "0"}).status, 0); // the new one
    Client fresh(host.port("echo"));
    ASSERT_TRUE(fresh.echoes("x"));
    EXPECT_EQ(ask_by_socket(host, {"connections", "--count-by", "listener"}).out,
              "listener  connections\necho                2\n");
    EXPECT_EQ(ask_by_socket(host, {"kill", "echo-100000"}).status, 0);
    EXPECT_EQ(host.wait_for_closed("echo", old.local_address())["reason"], "killed");
    EXPECT_TRUE(fresh.echoes("y"));
}

TEST(Control, TheHostIsReachedWithoutItsFile) {
    const Gatehouse host(config, with_fixtures());
    const std::string file = host.dir() / "gatehouse.toml";
    host.dir().write("gatehouse.toml", "this is [no TOML");
    EXPECT_EQ(run_gatehouse({"status", "--config", file}).status, 1);
    EXPECT_EQ(run_gatehouse({"status", "--config", file, "--socket", host.dir() / "control.sock"}).status, 0);
    const std::vector<std::string> by_environment{"env", "GATEHOUSE_SOCKET=" + host.dir() / "control.sock", gatehouse_binary()};
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"control", file, "fix", "news"}, {"control", "fix", "news"}}) {
        std::vector<std::string> all = by_environment;
        all.insert(all.end(), words.begin(), words.end());
        EXPECT_EQ(run(all).out, "what  status  text\n");
    }
}

TEST(Control, TheLogsLevelGoesBackByItself) {
    Gatehouse host(config, with_fixtures());
    EXPECT_EQ(ask_by_socket(host, {"log", "level", "dbug"}).err,
              "gatehouse: there is no level \"dbug\" (did you mean debug?)\n");
    EXPECT_TRUE(ask_by_socket(host, {"log", "level", "debug", "--for", "300ms"}).out.starts_with("log.level = debug until "));
    ASSERT_EQ(ask_by_socket(host, {"status"}).status, 0); // logged with the level debug, if it was in time
    host.wait_for_log("the log has the level of the configuration again");
    const std::size_t before = host.log_size();
    ASSERT_EQ(ask_by_socket(host, {"status"}).status, 0);
    ASSERT_EQ(ask_by_socket(host, {"log", "level", "info"}).status, 0);
    host.wait_for_log("command", {{"command", "log.level"}}, before);
    EXPECT_EQ(host.log_size(), before + 1);
}

TEST(Control, AnswersWhenNoDescriptorIsLeft) {
    Gatehouse host(config, {.plugin_path = {fixture_dir()}, .wrapper = {"prlimit", "--nofile=64"}});
    std::vector<Client> clients;
    for (int i = 0; i < 100; ++i) clients.emplace_back(host.port("echo")); // in the accept queue, at least
    host.wait_for_log("cannot accept; newcomers wait");
    for (int i = 0; i < 5; ++i) { // one after the other
        const Result kept = ask_by_socket(host, {"status", "echo"});
        EXPECT_EQ(kept.status, 0) << kept.err;
    }
    EXPECT_EQ(ask_by_socket(host, {"kill", "--listener", "echo"}).status, 0);
}

} // namespace
