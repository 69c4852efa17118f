// `gatehouse control`, as an operator uses it.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <algorithm>
#include <csignal>
#include <gtest/gtest.h>
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
    EXPECT_TRUE(all.out.starts_with(
        "instance  command              arguments     role    summary\n"
        "host      host                               show    shows the version, and since when the host runs\n"
        "host      listeners                          show    shows the listeners and their connections\n"
        "host      plugins                            show    shows the plugin instances and their connections\n"
        "host      limits                             show    shows how much of each limit is used\n"
        "host      metrics                            show    shows what the plugin instances count\n"
        "host      reload-certificates                change  loads the files of all [tls.NAME] sections anew\n"
        "echo      -                                  -       takes no commands\n"
        "fix       check                ADDRESS       change  checks a server each 20 ms\n"))
        << all.out;
    const Result one = run_control(host, {"fix", "--json"});
    EXPECT_NE(
        one.out.find(R"({"instance": "fix", "command": "refuse", "arguments": "WHY", "role": "change", "summary": "fails"})"),
        std::string::npos)
        << one.out;
    EXPECT_EQ(one.out.find("echo"), std::string::npos);
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
    for (int i = 0; i < 12; ++i) silent.emplace_back(socket); // more than are served at a time
    Client echo(host.port("echo"));
    echo.send("hello");
    EXPECT_EQ(echo.recv_exactly(5), "hello");
    EXPECT_EQ(silent[0].recv_until_eof(), ""); // the deadline
    EXPECT_EQ(run_control(host, {}).status, 0);
    silent.clear();

    Client huge(socket);
    huge.send("\xff\xff\xff\xff");
    const std::string answer = huge.recv_until_eof();
    EXPECT_NE(answer.find("the question is malformed"), std::string::npos);
    Client odd(socket);
    odd.send({"\x08\0\0\0\x09\0\0\0abcd", 12});
    EXPECT_NE(odd.recv_until_eof().find("the question is malformed"), std::string::npos);
    // Byte by byte is as good as at once.
    Client slow(socket);
    for (const char byte : std::string("\x07\0\0\0\x03\0\0\0fix", 11)) slow.send({&byte, 1});
    EXPECT_NE(slow.recv_until_eof().find("follows a name"), std::string::npos);
    for (int i = 0; i < 20; ++i) { // gone before the answer
        Client gone(socket);
        gone.send({"\0\0\0\0", 4});
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

TEST(Control, ReadersMayLookAndChangeNothing) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
    const Gatehouse host("[host]\ncontrol_readers = \"65534\"\n" + config.substr(config.find('\n') + 1), with_fixtures());
    ASSERT_EQ(::chmod((host.dir() / ".").c_str(), 0711), 0);
    ASSERT_EQ(::chmod((host.dir() / "gatehouse.toml").c_str(), 0644), 0);
    struct stat file{};
    ASSERT_EQ(::stat((host.dir() / "control.sock").c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777U, 0660U);
    EXPECT_EQ(file.st_gid, 65534U);
    const auto as_reader = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", gatehouse_binary(),
                                     "control", host.dir() / "gatehouse.toml"});
        return run(std::move(words));
    };
    EXPECT_EQ(as_reader({"fix", "news"}).out, "what  status  text\n");
    EXPECT_EQ(as_reader({"host", "metrics"}).status, 0);
    const Result changing = as_reader({"fix", "refuse", "x"});
    EXPECT_EQ(changing.status, 1);
    EXPECT_EQ(changing.err,
              "gatehouse: only the user that runs the host, and root, may run a command that changes something\n");
    EXPECT_EQ(run_control(host, {"fix", "stop"}).status, 0);
}

} // namespace
