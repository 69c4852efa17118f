// The hooks of an instance that is not a connection's: which are called, when and in which order, whatever fails.
#include "gatehouse.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <regex>
#include <string>
#include <vector>

using namespace gatehouse::support;

namespace {

using Lines = std::vector<std::string>;

// "a: create" for each hook that instance a has said was called.
Lines hooks(const std::string& log) {
    static const std::regex line(R"re("message":"hook: ([^"]*)","plugin":"(\w+)")re");
    Lines found;
    for (std::sregex_iterator at(log.begin(), log.end(), line), end; at != end; ++at)
        found.push_back((*at)[2].str() + ": " + (*at)[1].str());
    return found;
}

// Three instances; `settings` are those of b, and `more` further lines of the file.
std::string three(const std::string& settings, const std::string& more = "") {
    const std::string library = fixture_dir() + "/lifecycle.so";
    return more + instance("a", library) + instance("b", library, settings) + instance("c", library);
}

std::string as_this_user() { return std::to_string(::geteuid()); }

TEST(Lifecycle, CheckMakesInstancesAndStartsNothing) {
    const TempDir folder;
    const std::string file = folder.write("gatehouse.toml", three("folder = \"" + folder.path().string() + "\""));
    const Result result = run({gatehouse_binary(), "check", file});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(hooks(result.err), (Lines{"a: create", "b: create", "c: create", "c: destroy", "b: destroy", "a: destroy"}));
    EXPECT_FALSE(std::filesystem::exists(folder / "started"));
}

TEST(Lifecycle, RunStartsThemAllBeforeAnybodyIsServed) {
    const TempDir folder;
    Gatehouse host(three("folder = \"" + folder.path().string() + "\""));
    EXPECT_TRUE(std::filesystem::exists(folder / "started"));
    EXPECT_EQ(host.terminate(), 0);
    const std::string start = ": start as " + as_this_user();
    Lines said;
    for (const Record& record : host.log()) {
        const std::string message = record["message"];
        if (message.starts_with("hook: ")) said.push_back(record["plugin"] + message.substr(4));
        if (message == "ready") said.emplace_back("ready");
    }
    EXPECT_EQ(said, (Lines{"a: create", "b: create", "c: create", "a" + start, "b" + start, "c" + start, "ready", "a: stop",
                           "b: stop", "c: stop", "c: destroy", "b: destroy", "a: destroy"}));
}

TEST(Lifecycle, AStartThatFailsStopsThoseThatHaveStarted) {
    const TempDir folder;
    const std::string file = folder.write("gatehouse.toml", three("fails = \"start\""));
    const Result result = run({gatehouse_binary(), "run", file});
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("plugin b did not start: no luck"), std::string::npos) << result.err;
    const std::string start = ": start as " + as_this_user();
    EXPECT_EQ(hooks(result.err), (Lines{"a: create", "b: create", "c: create", "a" + start, "b" + start, "a: stop",
                                        "c: destroy", "b: destroy", "a: destroy"}));
}

TEST(Lifecycle, OneThatIsRefusedStartsNobody) {
    const TempDir folder;
    const std::string file = folder.write("gatehouse.toml", three("fails = \"create\""));
    for (const char* command : {"check", "run"}) {
        const Result result = run({gatehouse_binary(), command, file});
        EXPECT_EQ(result.status, 1);
        EXPECT_NE(result.err.find("plugin b refused to start: no luck"), std::string::npos) << result.err;
        EXPECT_EQ(hooks(result.err), (Lines{"a: create", "b: create", "c: create", "c: destroy", "a: destroy"})) << command;
    }
}

struct Crash {
    const char* command;
    const char* hook;
    int signal;
};

class HookThatCrashes : public ::testing::TestWithParam<Crash> {};

TEST_P(HookThatCrashes, IsNamedAndLeavesNothingBehind) {
    if (!sanitizer().empty()) GTEST_SKIP() << "the sanitizers have handlers of their own for crashes";
    const auto& [command, hook, signal] = GetParam();
    const TempDir folder, temporary;
    const std::string library = fixture_dir() + "/lifecycle.so";
    const std::string file = folder.write("gatehouse.toml", three("crashes = \"" + std::string(hook) + "\""));
    const Result result = run({"env", "TMPDIR=" + temporary.path().string(), gatehouse_binary(), command, file});
    EXPECT_EQ(result.status, 128 + signal) << result.err;
    const std::string line = "gatehouse: " + file + ":8:1: plugin b of " + library + " crashed in " + hook + "() by " +
                             (signal == SIGSEGV ? "SIGSEGV\n" : "SIGABRT\n");
    EXPECT_NE(result.err.find(line), std::string::npos) << line << result.err;
    EXPECT_TRUE(std::filesystem::is_empty(temporary.path()));
}

INSTANTIATE_TEST_SUITE_P(Of, HookThatCrashes,
                         ::testing::Values(Crash{"check", "create", SIGSEGV}, Crash{"run", "create", SIGSEGV},
                                           Crash{"run", "start", SIGABRT}, Crash{"check", "destroy", SIGABRT}),
                         [](const auto& crash) { return std::string(crash.param.command) + "_" + crash.param.hook; });

TEST(Lifecycle, AHostThatCannotBindStartsNobody) {
    const TempDir folder;
    const std::string socket = folder / "socket";
    const std::string file =
        folder.write("gatehouse.toml", instance("a", fixture_dir() + "/lifecycle.so", "",
                                                "address = \"unix:" + folder.path().string() + "/none/socket\"\n"));
    const Result result = run({gatehouse_binary(), "run", file});
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(hooks(result.err), (Lines{"a: create", "a: destroy"}));
}

} // namespace
