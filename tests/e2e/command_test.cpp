// The commands, and what they say of what is wrong.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <gtest/gtest.h>

using namespace gatehouse::support;

namespace {

Result check(const TempDir& dir, const std::string& config) {
    return run_gatehouse({"check", "--plugin-path", plugin_dir(), dir.write("conf.toml", config)});
}

std::size_t lines(const std::string& text) { return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')); }

TEST(Command, CheckSaysThatAFileIsGood) {
    const TempDir dir;
    const Result result = check(dir, listener("one", "echo") + listener("two", "echo") + listener("three", "daytime"));
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out, dir / "conf.toml" + ": ok (3 listeners, 2 plugin instances)\n");
}

TEST(Command, CheckNamesFileLineColumnAndTheNearestKey) {
    const TempDir dir;
    const Result result = check(dir, "[[listeners]]\nname = \"echo\"\nadress = \"127.0.0.1:0\"\nplugin = \"echo\"\n");
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err.find(dir / "conf.toml" + ":3:1: listeners.adress: unknown key (did you mean \"address\"?)"),
              std::string::npos)
        << result.err;
}

TEST(Command, CheckReportsAllProblemsAtOnce) {
    const TempDir dir;
    const Result result = check(dir, listener("one", "echo", "backlog = \"many\"") + listener("two", "echo", "backlog = 0"));
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(lines(result.err), 2U) << result.err;
    EXPECT_NE(result.err.find(dir / "conf.toml" + ":5:"), std::string::npos) << result.err;
    EXPECT_NE(result.err.find(dir / "conf.toml" + ":10:"), std::string::npos) << result.err;
}

// Each problem with its own file, place, key and hints, whoever has found it: the reader, a plugin or a socket.
TEST(Command, CheckPrintsJson) {
    const TempDir dir;
    std::filesystem::create_directory(dir / "sites");
    dir.write("sites/a.toml", listener("one", "echo", "backlog = \"${GATEHOUSE_TEST_NONE}\"\nbacklock = 5"));
    const std::string conf = dir.write("conf.toml", "include = [\"sites/*.toml\"]\n");
    const auto check_json = [&] { return run_gatehouse({"check", "--json", "--plugin-path", plugin_dir(), conf}); };
    Result result = check_json();
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.err, "");
    const auto problem = [](const std::string& file, const std::string& rest) {
        return "    {\n      \"file\": \"" + file + "\",\n      " + rest + "\n    }";
    };
    const std::string site = dir / "sites/a.toml";
    EXPECT_EQ(result.out, "{\n  \"ok\": false,\n  \"file\": \"" + conf + "\",\n  \"listeners\": null,\n  \"plugins\": null,\n" +
                              "  \"problems\": [\n" +
                              problem(site, "\"line\": 5,\n      \"column\": 11,\n      \"key\": \"listeners.backlog\",\n      "
                                            "\"message\": \"the environment has no GATEHOUSE_TEST_NONE\",\n      "
                                            "\"expected\": \"it there, or a default: ${GATEHOUSE_TEST_NONE:-default}\",\n      "
                                            "\"suggestion\": null") +
                              ",\n" +
                              problem(site, "\"line\": 6,\n      \"column\": 1,\n      \"key\": \"listeners.backlock\",\n      "
                                            "\"message\": \"unknown key\",\n      \"expected\": null,\n      "
                                            "\"suggestion\": \"backlog\"") +
                              "\n  ]\n}\n");
    dir.write("sites/a.toml",
              "[plugins.gateway.config]\nupstream = \"localhost:1\"\nconect_timeout = \"3s\"\n" + listener("one", "gateway"));
    result = check_json();
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.out.find(problem(site, "\"line\": 3,\n      \"column\": 1,\n      "
                                            "\"key\": \"plugins.gateway.config.conect_timeout\",\n      "
                                            "\"message\": \"unknown key\",\n      \"expected\": null,\n      "
                                            "\"suggestion\": \"connect_timeout\"")),
              std::string::npos)
        << result.out;
    dir.write("sites/a.toml", listener("one", "echo"));
    result = check_json();
    EXPECT_EQ(result.status, 0);
    EXPECT_NE(result.out.find("\"ok\": true,"), std::string::npos) << result.out;
    EXPECT_NE(result.out.find("\"listeners\": 1,\n  \"plugins\": 1,\n  \"problems\": []"), std::string::npos) << result.out;
}

TEST(Command, CheckAsksThePluginsForTheirKeys) {
    const TempDir dir;
    const Result result = check(dir, "[plugins.gateway]\n[plugins.gateway.config]\nupstream = \"localhost:1\"\n"
                                     "conect_timeout = \"3s\"\n" +
                                         listener("gateway", "gateway"));
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.err, "gatehouse: " + dir / "conf.toml" +
                              ":4:1: plugins.gateway.config.conect_timeout: unknown key (did you mean \"connect_timeout\"?)\n");
}

TEST(Command, CheckHoldsPluginsToTheKeysOfTheirLibraries) {
    const TempDir dir;
    const Result result = check(dir, "[plugins.web]\nlibrary = \"http\"\n[plugins.web.config]\nindex = 5\n"
                                     "max_header = \"2MiB\"\n" +
                                         listener("web", "web"));
    EXPECT_EQ(result.status, 1);
    const std::string at = dir / "conf.toml";
    EXPECT_EQ(result.err,
              "gatehouse: " + at + ":4:9: plugins.web.config.index: wrong type: integer (expected a string)\n" + at +
                  ":5:14: plugins.web.config.max_header: out of range: \"2MiB\" (expected a size from 256 to 1MiB)\n");
}

TEST(Command, DescribeShowsTheKeysOfAPlugin) {
    const Result http = run_gatehouse({"plugins", "describe", "http", "--plugin-path", plugin_dir()});
    EXPECT_EQ(http.status, 0) << http.err;
    EXPECT_TRUE(http.out.starts_with("http 1.0.0, ABI 0.3, " + plugin_dir() + "/http.so\n\nkey ")) << http.out;
    EXPECT_NE(http.out.find("\nroot                           path             required, or `sites`        the folder with the "
                            "files; it has to exist\n"),
              std::string::npos)
        << http.out;
    const Result echo = run_gatehouse({"plugins", "describe", plugin_dir() + "/echo.so"});
    EXPECT_EQ(echo.out, "echo 1.0.0, ABI 0.3, " + plugin_dir() + "/echo.so\nIt has no configuration of its own.\n");
    const Result silent = run_gatehouse({"plugins", "describe", fixture_dir() + "/keeps_upstream.so"});
    EXPECT_NE(silent.out.find("\nIt does not say which keys its configuration has; its manual may.\n"), std::string::npos)
        << silent.out;
    const Result missing = run_gatehouse({"plugins", "describe", "htttp", "--plugin-path", plugin_dir()});
    EXPECT_EQ(missing.status, 1);
    EXPECT_EQ(missing.err,
              "gatehouse: plugin library htttp not found; tried " + plugin_dir() + "/htttp.so (did you mean \"http\"?)\n");
}

TEST(Command, DescribeShowsThemToProgramsToo) {
    const Result gateway = run_gatehouse({"plugins", "describe", "gateway", "--json", "--plugin-path", plugin_dir()});
    EXPECT_EQ(gateway.status, 0) << gateway.err;
    for (const std::string part : {R"("plugin": "gateway",)",
                                   "      \"name\": \"weight\",\n", // in a table
                                   "\"name\": \"retries\",\n      \"type\": \"integer\",\n      \"list\": false,\n"
                                   "      \"required\": false,\n      \"default\": 3,\n      \"minimum\": 0,\n"
                                   "      \"maximum\": 100,\n"})
        EXPECT_NE(gateway.out.find(part), std::string::npos) << part << gateway.out;
    const Result silent = run_gatehouse({"plugins", "describe", "--json", fixture_dir() + "/keeps_upstream.so"});
    EXPECT_NE(silent.out.find("\"keys\": null\n"), std::string::npos) << silent.out;
}

// scripts.json_schema looks at the schema itself.
TEST(Command, SchemaSaysWhichPluginItCannotLoad) {
    const TempDir dir;
    std::filesystem::copy_file(fixture_dir() + "/no_serve.so", dir / "no_serve.so");
    std::filesystem::copy_file(plugin_dir() + "/http.so", dir / "http.so");
    const Result result = run_gatehouse({"schema", "--plugin-path", dir.path().string()});
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.out.find("\"plugin.http\": {"), std::string::npos) << result.out;
    EXPECT_EQ(result.err, "gatehouse: plugin library " + dir / "no_serve.so" + " cannot be loaded: it has no serve()\n");
}

TEST(Command, CheckSaysWhereAPluginWasLookedFor) {
    const TempDir dir;
    const Result result = check(dir, listener("one", "nonsense"));
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("plugin library nonsense not found; tried " + plugin_dir() + "/nonsense.so"), std::string::npos)
        << result.err;
    EXPECT_NE(result.err.find(dir / "conf.toml" + ":4:"), std::string::npos) << result.err;
}

TEST(Command, CheckTriesTheAddresses) {
    const TempDir dir;
    const std::string precious = dir.write("precious", "text");
    const auto at = [](const std::string& name, const std::string& address) {
        return listener(name, "echo", "address = \"" + address + "\"");
    };
    const Result result =
        check(dir, at("far", "192.0.2.1:7007") + at("file", "unix:" + precious) + at("folder", "unix:" + dir / "none/socket") +
                       at("good", "unix:" + dir / "socket") +
                       listener("owner", "echo", "address = \"unix:" + dir / "other" + "\"\nowner = \"no-one\"") +
                       at("inherited", "fd:web"));
    EXPECT_EQ(result.status, 1);
    const std::string conf = dir / "conf.toml";
    EXPECT_EQ(
        result.err,
        "gatehouse: listener far: bind to 192.0.2.1:7007 failed: Cannot assign requested address; no interface of this machine "
        "has this address (`ip address` lists them) (" +
            conf +
            ":1:1)\n"
            "listener file: bind to unix:" +
            precious +
            " failed: File exists; something that is not a socket stands there; remove "
            "it, or choose another path (" +
            conf +
            ":5:1)\n"
            "listener folder: bind to unix:" +
            dir / "none/socket" +
            " failed: No such file or directory; the folder does not "
            "exist; create it (" +
            conf +
            ":9:1)\n"
            "listener owner: there is no user no-one on this machine (" +
            conf + ":17:1)\n");
    EXPECT_FALSE(std::filesystem::exists(dir / "socket"));
}

TEST(Command, CheckBindsWhenAskedTo) {
    const Server other;
    const TempDir dir;
    const std::string conf = dir.write("conf.toml", "[host]\ncontrol = \"" + dir / "control" + "\"\n" +
                                                        listener("echo", "echo", "address = \"" + other.address() + "\"") +
                                                        listener("unix", "echo", "address = \"unix:" + dir / "socket" + "\""));
    EXPECT_EQ(run_gatehouse({"check", "--plugin-path", plugin_dir(), conf}).status, 0);
    const Result bound = run_gatehouse({"check", "--bind", "--plugin-path", plugin_dir(), conf});
    EXPECT_EQ(bound.status, 1);
    EXPECT_NE(bound.err.find("listener echo: bind to " + other.address() + " failed: Address already in use"),
              std::string::npos)
        << bound.err;
    EXPECT_EQ(lines(bound.err), 1U) << bound.err;
    EXPECT_FALSE(std::filesystem::exists(dir / "socket"));
    EXPECT_FALSE(std::filesystem::exists(dir / "control"));
}

// Before they listen, the kernel lets both have the port.
TEST(Command, ListenersOfOnePortAreFoundByTheNameOfTheirHostToo) {
    const bool v6 = run({"getent", "ahosts", "localhost"}).out.starts_with("::1");
    const ReservedAddress reserved(v6 ? "[::1]:0" : "127.0.0.1:0");
    const TempDir dir;
    const std::string port = reserved.address().substr(reserved.address().rfind(':'));
    const std::string conf = dir.write("conf.toml", listener("one", "echo", "address = \"" + reserved.address() + "\"") +
                                                        listener("two", "echo", "address = \"localhost" + port + "\""));
    for (const std::vector<std::string>& command : {std::vector<std::string>{"check", "--bind"}, {"run"}}) {
        std::vector<std::string> arguments = command;
        arguments.insert(arguments.end(), {"--plugin-path", plugin_dir(), conf});
        const Result result = run_gatehouse(arguments);
        EXPECT_EQ(result.status, 1);
        EXPECT_EQ(result.err, "gatehouse: listener two: " + reserved.address() + " is taken by listener one of this file, at " +
                                  reserved.address() + "; choose another port (" + conf + ":5:1)\n");
    }
}

TEST(Command, CheckLooksAtTheLogFile) {
    const TempDir dir;
    const Result missing = check(dir, "[log]\nfile = \"none/gatehouse.log\"\n" + listener("echo", "echo"));
    EXPECT_EQ(missing.status, 1);
    EXPECT_EQ(missing.err, "gatehouse: " + dir / "conf.toml" + ":2:8: log.file: cannot open " + dir / "none/gatehouse.log" +
                               ": No such file or directory\n");
    EXPECT_EQ(check(dir, "[log]\nfile = \"gatehouse.log\"\n" + listener("echo", "echo")).status, 0);
    EXPECT_FALSE(std::filesystem::exists(dir / "gatehouse.log"));
    const Result folder = check(dir, "[log]\nfile = \".\"\n" + listener("echo", "echo"));
    EXPECT_NE(folder.err.find(": Is a directory\n"), std::string::npos) << folder.err;
}

TEST(Command, CheckWarnsOfMoreConnectionsThanDescriptors) {
    const TempDir dir;
    const Result result = run({"prlimit", "--nofile=100", gatehouse_binary(), "check", "--plugin-path", plugin_dir(),
                               dir.write("conf.toml", listener("one", "echo", "max_connections = 99") +
                                                          listener("two", "echo", "max_connections = 100"))});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(lines(result.err), 1U) << result.err;
    EXPECT_NE(result.err.find("\"message\":\"max_connections is more than the limit on open files\",\"listener\":\"two\","
                              "\"max_connections\":100,\"limit\":100,"),
              std::string::npos)
        << result.err;
}

TEST(Command, AFileThatIsNotThereIsNamed) {
    const TempDir dir;
    for (const std::string command : {"check", "run", "plugins"}) {
        const Result result = run_gatehouse({command, dir / "none.toml"});
        EXPECT_EQ(result.status, 1);
        EXPECT_NE(result.err.find(dir / "none.toml"), std::string::npos) << result.err;
        EXPECT_NE(result.err.find("No such file"), std::string::npos) << result.err;
    }
}

TEST(Command, PluginsListsThem) {
    const Result result = run_gatehouse({"plugins", "--plugin-path", plugin_dir()});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(result.out.starts_with("plugin")) << result.out;
    for (const std::string name : {"chargen", "daytime", "discard", "echo", "gateway", "http", "socks5", "time"})
        EXPECT_NE(result.out.find("\n" + name + " "), std::string::npos) << result.out;
    EXPECT_NE(result.out.find(plugin_dir() + "/echo.so"), std::string::npos) << result.out;
}

TEST(Command, PluginsSaysWhyOneDoesNotLoad) {
    const TempDir dir;
    dir.write("broken.so", "this is no library");
    const Result result = run_gatehouse({"plugins", "--plugin-path", dir.path().string()});
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.out.find("broken"), std::string::npos) << result.out;
    EXPECT_NE(result.out.find("file too short"), std::string::npos) << result.out;
}

TEST(Command, PluginsAsJsonHasARecordEach) {
    const Result result = run_gatehouse({"plugins", "--json", "--plugin-path", plugin_dir()});
    EXPECT_EQ(result.status, 0) << result.err;
    const Result parsed = run({"perl", "-MJSON::PP", "-e",
                               "local $/; my $all = decode_json(<STDIN>); "
                               "print join(' ', map { \"$_->{plugin}:$_->{abi}:$_->{problem}\" } @$all)"},
                              {.input = result.out});
    EXPECT_EQ(parsed.out,
              "admin:0.3: chargen:0.3: daytime:0.3: discard:0.3: echo:0.3: gateway:0.3: http:0.3: socks5:0.3: time:0.3:")
        << parsed.err;
}

TEST(Command, VersionAndHelp) {
    const Result version = run_gatehouse({"--version"});
    EXPECT_EQ(version.status, 0);
    EXPECT_TRUE(version.out.starts_with("gatehouse 0.")) << version.out;
    const Result help = run_gatehouse({"--help"});
    EXPECT_EQ(help.status, 0);
    for (const std::string word :
         {"run", "check", "plugins", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "gatehouse run conf/gatehouse.toml"})
        EXPECT_NE(help.out.find(word), std::string::npos) << word;
    EXPECT_NE(run_gatehouse({}).status, 0);
    EXPECT_NE(run_gatehouse({"dance"}).status, 0);
}

// --- plugin run -------------------------------------------------------------------------------------------------------------

class PluginRun {
  public:
    explicit PluginRun(const std::vector<std::string>& arguments) : process_(all(arguments)) {
        process_.wait_output([&](const std::string& out, const std::string& err) {
            const std::size_t at = out.find("127.0.0.1:");
            if (at != std::string::npos) address_ = out.substr(at, out.find(' ', at) - at);
            return at != std::string::npos && err.find("ready") != std::string::npos;
        });
    }
    const std::string& address() const { return address_; }
    bool says(const std::string& what) {
        return process_.wait_output(
            [&](const std::string&, const std::string& err) { return err.find(what) != std::string::npos; });
    }
    int end() {
        process_.signal(SIGTERM);
        return process_.wait().status;
    }

  private:
    static std::vector<std::string> all(const std::vector<std::string>& arguments) {
        std::vector<std::string> words{gatehouse_binary(), "plugin", "run"};
        words.insert(words.end(), arguments.begin(), arguments.end());
        return words;
    }

    Process process_;
    std::string address_;
};

TEST(Command, PluginRunServesALibraryWithoutAFile) {
    PluginRun echo({plugin_dir() + "/echo.so"});
    EXPECT_TRUE(Client(echo.address()).echoes("hello"));
    EXPECT_TRUE(echo.says("closed")); // it says what happens
    EXPECT_EQ(echo.end(), 0);
}

TEST(Command, PluginRunSetsItsKeys) {
    const TempDir root;
    root.write("index.html", "hello");
    PluginRun http({"http", "--plugin-path", plugin_dir(), "--set", "root=" + root.path().string(), "--set", "max_body=64KiB"});
    Client client(http.address());
    client.send("GET / HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(client.recv_until_eof().ends_with("hello"));
    EXPECT_EQ(http.end(), 0);
}

TEST(Command, PluginRunSaysWhatIsWrong) {
    const auto problem = [](const std::vector<std::string>& settings) {
        std::vector<std::string> words{"plugin", "run", "http", "--plugin-path", plugin_dir()};
        words.insert(words.end(), settings.begin(), settings.end());
        const Result result = run_gatehouse(words);
        EXPECT_EQ(result.status, 1);
        return result.err;
    };
    EXPECT_NE(problem({}).find("root: missing"), std::string::npos) << problem({});
    EXPECT_NE(problem({"--set", "rot=/tmp"}).find("did you mean \"root\"?"), std::string::npos);
    EXPECT_NE(problem({"--set", "root"}).find("--set root: expected KEY=VALUE"), std::string::npos);
    const Result none = run_gatehouse({"plugin", "run", "no-such-plugin"});
    EXPECT_EQ(none.status, 1);
    EXPECT_NE(none.err.find("no-such-plugin not found"), std::string::npos) << none.err;
}

} // namespace
