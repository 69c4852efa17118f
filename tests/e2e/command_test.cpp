// The commands, and what they say of what is wrong.
#include "gatehouse.hpp"

#include <algorithm>
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

TEST(Command, CheckAsksThePluginsForTheirKeys) {
    const TempDir dir;
    const Result result = check(dir, "[plugins.gateway]\n[plugins.gateway.config]\nupstream = \"localhost:1\"\n"
                                     "conect_timeout = \"3s\"\n" +
                                         listener("gateway", "gateway"));
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.err, "gatehouse: " + dir / "conf.toml" +
                              ":4:1: plugins.gateway.config.conect_timeout: unknown key (did you mean \"connect_timeout\"?)\n");
}

TEST(Command, CheckSaysWhereAPluginWasLookedFor) {
    const TempDir dir;
    const Result result = check(dir, listener("one", "nonsense"));
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("plugin library nonsense not found; tried " + plugin_dir() + "/nonsense.so"), std::string::npos)
        << result.err;
    EXPECT_NE(result.err.find(dir / "conf.toml" + ":4:"), std::string::npos) << result.err;
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
    EXPECT_EQ(parsed.out, "chargen:0.2: daytime:0.2: discard:0.2: echo:0.2: gateway:0.2: http:0.2: socks5:0.2: time:0.2:")
        << parsed.err;
}

TEST(Command, VersionAndHelp) {
    const Result version = run_gatehouse({"--version"});
    EXPECT_EQ(version.status, 0);
    EXPECT_TRUE(version.out.starts_with("gatehouse 0.")) << version.out;
    const Result help = run_gatehouse({"--help"});
    EXPECT_EQ(help.status, 0);
    for (const std::string word :
         {"run", "check", "plugins", "SIGTERM", "SIGHUP", "SIGUSR1", "gatehouse run conf/gatehouse.toml"})
        EXPECT_NE(help.out.find(word), std::string::npos) << word;
    EXPECT_NE(run_gatehouse({}).status, 0);
    EXPECT_NE(run_gatehouse({"dance"}).status, 0);
}

} // namespace
