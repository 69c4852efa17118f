// `gatehouse plugin check`: good plugins pass; the check for it finds each hostile plugin and each mistake that compiles.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "temp_dir.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <gtest/gtest.h>
#include <regex>
#include <thread>

using namespace gatehouse::support;

namespace {

struct Case {
    std::string file; // the library
    std::vector<std::string> more;
    std::string check;   // that finds it; no other is run
    std::string verdict; // of that
    std::string says;    // somewhere
};

Result check(const std::string& file, std::vector<std::string> more) {
    std::vector<std::string> arguments{"plugin", "check", file};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_gatehouse(arguments);
}

// Most of a check is waiting.
template <class Work>
void side_by_side(std::size_t count, Work work) {
    std::atomic<std::size_t> next{0};
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (std::size_t j; (j = next.fetch_add(1)) < count;) work(j);
        });
}

void expect(const std::vector<Case>& cases) {
    side_by_side(cases.size(), [&](std::size_t i) {
        const Case& one = cases[i];
        std::vector<std::string> more = one.more;
        more.insert(more.end(), {"--only", one.check});
        const Result result = check(one.file, more);
        const std::regex row("(^|\n)" + one.check + " +" + one.verdict + " ");
        EXPECT_TRUE(std::regex_search(result.out, row)) << one.file << '\n' << result.out << result.err;
        EXPECT_NE(result.out.find(one.says), std::string::npos) << one.file << " does not say: " << one.says << '\n'
                                                                << result.out;
        EXPECT_EQ(result.status, one.verdict == "fail" ? 1 : 0) << one.file << '\n' << result.out << result.err;
    });
}

std::string fixture(const std::string& name) { return fixture_dir() + '/' + name + ".so"; }

// Every check, without a failure; `allowed` are the checks that may warn.
struct Good {
    std::string file;
    std::vector<std::string> settings;
    std::string allowed{};
};

void expect_good(const std::vector<Good>& plugins) {
    side_by_side(plugins.size(), [&](std::size_t i) {
        const Good& good = plugins[i];
        std::vector<std::string> more;
        for (const std::string& setting : good.settings) more.insert(more.end(), {"--set", setting});
        const Result result = check(good.file, more);
        EXPECT_EQ(result.status, 0) << good.file << '\n' << result.out << result.err;
        const std::regex row("\n([a-z]+) +(pass|warn|skipped) ");
        int rows = 0;
        for (std::sregex_iterator match(result.out.begin(), result.out.end(), row), end; match != end; ++match, ++rows)
            EXPECT_TRUE((*match)[2] == "pass" || good.allowed.find((*match)[1]) != std::string::npos) << good.file << '\n'
                                                                                                      << result.out;
        EXPECT_EQ(rows, 17) << good.file << '\n' << result.out;
    });
}

TEST(SlowPluginCheck, BundledPluginsAndSamplesPass) {
    const TempDir root;
    std::ofstream(root.path() / "index.html") << "hello\n";
    const Gatehouse server(listener("echo", "echo") + http_from(root));
    const auto at = [&](const char* name) { return "127.0.0.1:" + std::to_string(server.port(name)); };
    const std::string plugins = plugin_dir() + '/';
    expect_good({
        {plugins + "echo.so", {}},
        {plugins + "discard.so", {}},
        {plugins + "daytime.so", {}},
        {plugins + "time.so", {}},
        {plugins + "chargen.so", {}},
        {plugins + "http.so", {"root=" + root.path().string()}, "drain"}, // a client in the middle of a request may finish it
        {plugins + "gateway.so", {"upstream=" + at("echo")}},
        {plugins + "socks5.so", {}},
        {sample_dir() + "/smtp.so", {}},
        {sample_dir() + "/rewriter.so", {"server=" + at("echo")}},
        {sample_dir() + "/http_proxy.so", {"server=" + at("http")}},
        {fixture("no_mistake"), {}},
    });
}

TEST(SlowPluginCheck, FindsMistakesThatCompile) {
    const TempDir folder;
    std::ofstream(folder.path() / "hello.txt") << "hello\n";
    expect({
        {fixture("creates_a_file"), {}, "effects", "fail", "create() opens mistake.txt for writing"},
        {fixture("creates_a_socket"), {}, "effects", "fail", "create() makes a socket"},
        {fixture("creates_a_thread"), {}, "effects", "fail", "create() starts a thread or a process"},
        {fixture("creates_one_only"), {}, "create", "fail", "another instance is refused"},
        {fixture("keeps_a_descriptor"), {}, "create", "fail", "destroy() leaves descriptors open"},
        {fixture("keeps_memory"), {}, "create", "fail", "create() and destroy() leave "},
        {fixture("crashes_at_a_limit"), {}, "keys", "fail", "create() with times = 10 crashes: the process ended by SIGABRT"},
        {fixture("locks_its_name"), {}, "instances", "fail", "plugin b did not start: another instance has the lock"},
        {fixture("stops_late"), {}, "stop", "fail", "when all clients have gone"},
        {fixture("leaks_descriptors"), {}, "leaks", "fail", "descriptors more after 900 clients"},
        {fixture("leaks_threads"), {}, "leaks", "fail", "threads more after 900 clients"},
        {fixture("leaks_memory"), {}, "leaks", "fail", "KiB of memory more after 900 clients"},
        {fixture("spins_at_the_end"), {}, "idle", "fail", "48 clients that say nothing more cost"},
        {fixture("stays_at_the_end"), {}, "close", "warn", "stayed until the host's idle_timeout; the first says nothing"},
        {fixture("does_not_stop"), {}, "drain", "fail", "took the whole drain_timeout"},
        {fixture("waits_for_ever"), {}, "timeout", "fail", "did not end at the host's deadlines"},
        {fixture("takes_a_read_for_a_line"), {}, "bytes", "warn", "byte by byte; so are 5 other inputs"},
        {fixture("takes_a_read_for_a_line"),
         {"--input", folder.path() / "hello.txt"},
         "bytes",
         "fail",
         R"(hello.txt ("hello\x0a") is answered with "you said: hello\x0a\x0a" at once)"},
        {fixture("shares_its_line"), {}, "many", "warn", "clients got another answer among many than one alone"},
        {fixture("bounds_nothing"), {}, "noise", "warn", "it keeps what a client sends without an end"},
    });
}

TEST(SlowPluginCheck, FindsHostilePlugins) {
    expect({
        {fixture("no_symbol"), {}, "load", "fail", "it does not export gatehouse_plugin_v1()"},
        {fixture("older_minor"), {}, "load", "fail", "it needs Gatehouse ABI 0.2"},
        {fixture("load_crashes"), {}, "load", "fail", "loading it crashes: Segmentation fault"},
        {fixture("throws_constructor"), {}, "create", "fail", "thrown in the constructor"},
        {fixture("throws_destroy"), {}, "create", "fail", "crashes: the process ended by SIGABRT"},
        {fixture("lifecycle"), {"--set", "crashes=create"}, "create", "fail", "create() crashes: the process ended by SIGSEGV"},
        {fixture("lifecycle"), {"--set", "crashes=start"}, "stop", "fail", "the host does not start: it ends by SIGABRT"},
        {fixture("lifecycle"), {"--set", "crashes=stop"}, "stop", "fail", "the host crashed by SIGBUS"},
        {fixture("throws_serve"), {}, "bytes", "fail", "serve() threw: thrown in serve, for a client that says the byte "},
        {fixture("throws_closed"), {}, "leave", "fail", "closed() threw: thrown in closed"},
        {fixture("hangs_in_closed"), {}, "close", "fail", "still open 4 s after the clients have gone"},
        {fixture("hangs_in_stop"), {}, "stop", "fail", "the main thread is still in a plugin's code"},
        {fixture("hangs_in_command"), {}, "commands", "fail", "a command has no answer"},
        {fixture("relay_without_relay"), {}, "instances", "fail", "without a relay(), for a client that says a line"},
        {fixture("stubborn"), {}, "drain", "fail", "and hardly any was let go"},
        {fixture("background_waker"), {}, "idle", "fail", "never rests"},
        {fixture("crashes"), {}, "bytes", "fail", R"(that it crashes with, alone, says the byte 97 ("a"))"},
        {fixture("never_returns"), {}, "timeout", "fail", "a thread is still in the plugin's code"},
    });
}

TEST(CommandPluginCheck, SaysAsJsonWithTypesWhatItHasFound) {
    const Result result = check(fixture("no_symbol"), {"--json"});
    EXPECT_EQ(result.status, 1) << result.err;
    for (const char* part :
         {"\"library\": \"/", "\"failed\": 1,", "\"status\": 1,", "\"check\": \"load\",", "\"verdict\": \"fail\",",
          "\"milliseconds\": ", "\"what\": \"it does not export gatehouse_plugin_v1()", "\"advice\": \""})
        EXPECT_NE(result.out.find(part), std::string::npos) << part << " in\n" << result.out;
}

TEST(CommandPluginCheck, WhatCannotBeChecked) {
    const Result http = check(plugin_dir() + "/http.so", {});
    EXPECT_EQ(http.status, 2);
    EXPECT_NE(http.out.find("create: skipped: it needs a configuration: "), std::string::npos) << http.out;
    EXPECT_NE(http.out.find("give it with --set KEY=VALUE"), std::string::npos) << http.out;

    const auto expect_error = [](const std::string& file, const std::vector<std::string>& more, const std::string& says) {
        const Result result = check(file, more);
        EXPECT_EQ(result.status, 2) << says;
        EXPECT_NE(result.err.find(says), std::string::npos) << result.err;
        EXPECT_EQ(result.out, "");
    };
    const std::string echo = plugin_dir() + "/echo.so";
    expect_error("/nonexistent/x.so", {}, "gatehouse: plugin library /nonexistent/x.so not found");
    expect_error(echo, {"--only", "drian"}, R"(there is no check "drian" (did you mean "drain"?))");
    expect_error(echo, {"--set", "x"}, "--set x: expected KEY=VALUE");
    expect_error(echo, {"--input", "/nonexistent"}, "/nonexistent: cannot be opened");
}

} // namespace
