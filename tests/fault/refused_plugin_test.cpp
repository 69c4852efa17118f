// Libraries that cannot be plugins are refused before anything is served, each with the exact reason, by `run`, `check` and
// `plugins`.
#include "gatehouse.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

using namespace gatehouse::support;

namespace {

namespace fs = std::filesystem;

struct Fault {
    const char* fixture;
    const char* reason;
};

std::string prefix_of(const std::string& file) { return "plugin library " + file + " cannot be loaded: "; }

// An exception out of a static constructor ends the process if g++ has compiled it; clang lets it through to who loads the
// library. Both say the exception's words.
std::string without_abort(std::string text) {
    const std::string_view abort = "loading it crashes: Aborted (signal 6): terminate called after throwing an instance of "
                                   "'std::runtime_error'\n  what():  ";
    if (const std::size_t at = text.find(abort); at != std::string::npos) text.erase(at, abort.size());
    return text;
}

class RefusedLibrary : public testing::TestWithParam<Fault> {};

TEST_P(RefusedLibrary, IsRefusedWithItsReason) {
    const TempDir folder;
    const std::string library = fixture_dir() + "/" + GetParam().fixture + ".so";
    const fs::path config =
        folder.write("gatehouse.toml", instance("bad", library) + instance("good", plugin_dir() + "/echo.so"));
    const std::string message = "gatehouse: " + config.string() + ":1:1: " + prefix_of(library) + GetParam().reason + "\n";
    for (const char* command : {"check", "run"}) {
        const Result outcome = run({gatehouse_binary(), command, config.string()});
        EXPECT_EQ(outcome.status, 1) << command;
        EXPECT_EQ(without_abort(outcome.err), message) << command;
        EXPECT_EQ(outcome.out, "") << command;
    }
    fs::copy_file(library, folder.path() / "bad.so");
    const Result listed = run({gatehouse_binary(), "plugins", "--json", "--plugin-path", folder.path().string()});
    EXPECT_EQ(listed.status, 1);
    for (const std::string& part : {prefix_of((folder.path() / "bad.so").string()), std::string(GetParam().reason)})
        EXPECT_NE(listed.out.find(part), std::string::npos) << listed.out;
}

#define SCHEMA "its keys (gatehouse.schema/1) are wrong: "
#define ABI_HERE "this host has 0.3; rebuild it against this host's SDK"
INSTANTIATE_TEST_SUITE_P(
    Fault, RefusedLibrary,
    testing::Values(Fault{"no_symbol", "it does not export gatehouse_plugin_v1(); is it a Gatehouse plugin?"},
                    Fault{"null_table", "gatehouse_plugin_v1() returned NULL"},
                    Fault{"wrong_major", "it needs Gatehouse ABI 7.3, " ABI_HERE},
                    Fault{"older_minor", "it needs Gatehouse ABI 0.2, " ABI_HERE},
                    Fault{"older_and_shorter", "it needs Gatehouse ABI 0.2, " ABI_HERE}, // good enough for its own host
                    Fault{"newer_minor", "it needs Gatehouse ABI 0.99, " ABI_HERE},
                    Fault{"size_zero", "its table has 0 bytes, at least 88 are needed"},
                    Fault{"size_too_small", "its table has 24 bytes, at least 88 are needed"},
                    Fault{"bad_name", "its name is invalid (expected 1 to 64 lower-case letters, digits, - and _)"},
                    Fault{"empty_name", "its name is invalid (expected 1 to 64 lower-case letters, digits, - and _)"},
                    Fault{"unknown_flag", "it sets flags that this host does not know (64)"},
                    Fault{"no_serve", "it has no serve()"}, Fault{"schema_no_meaning", SCHEMA "name has no meaning"},
                    Fault{"schema_in_itself",
                          SCHEMA "name.name.name.name.name.name.name.name.name. are nested too deep (at most 8 tables)"},
                    Fault{"schema_uses_self",
                          "loading it crashes: Segmentation fault (signal 11): gatehouse: the library crashed in "
                          "get_extension(NULL) by SIGSEGV"},
                    Fault{"load_exits", "loading it ended the process with status 7"},
                    Fault{"load_exits_quietly", "loading it ended the probe process before the library named itself"},
                    Fault{"load_crashes", "loading it crashes: Segmentation fault (signal 11)"},
                    // The probe process has standard input, output and error, and nothing else of the host's.
                    Fault{"descriptors", "open descriptors: 0 1 2"}, Fault{"load_throws", "no licence found"}),
    [](const testing::TestParamInfo<Fault>& fault) { return std::string(fault.param.fixture); });

// One test for both, since each takes as long as the probe's deadline.
TEST(RefusedLibrary, OneThatHangsIsGivenUp) {
    const TempDir folder;
    const fs::path config = folder.write("gatehouse.toml", instance("hangs", fixture_dir() + "/load_hangs.so") +
                                                               instance("shuts-up", fixture_dir() + "/load_shuts_up.so"));
    const Result outcome = run({gatehouse_binary(), "check", config.string()});
    EXPECT_EQ(outcome.status, 1);
    const std::string at = config.string();
    EXPECT_EQ(outcome.err, "gatehouse: " + at + ":1:1: " + prefix_of(fixture_dir() + "/load_hangs.so") +
                               "loading it did not end within 10 s\n" + at + ":8:1: " +
                               prefix_of(fixture_dir() + "/load_shuts_up.so") + "loading it did not end within 10 s\n");
}

TEST(RefusedInstance, SaysWhatItsConstructorThrew) {
    const TempDir folder;
    const fs::path config = folder.write("gatehouse.toml", instance("bad", fixture_dir() + "/throws_constructor.so"));
    for (const char* command : {"check", "run"}) {
        const Result outcome = run({gatehouse_binary(), command, config.string()});
        EXPECT_EQ(outcome.status, 1);
        EXPECT_EQ(outcome.err,
                  "gatehouse: " + config.string() + ":1:1: plugin bad refused to start: thrown in the constructor\n");
    }
}

// It had no time to read its keys, which are not unknown for that.
TEST(RefusedInstance, WhatItsConstructorThrewCountsMoreThanKeysItHasNotRead) {
    const TempDir folder;
    const fs::path config = folder.write("gatehouse.toml", instance("bad", fixture_dir() + "/throws_constructor.so") +
                                                               "[plugins.bad.config]\nx = 1\n");
    const Result outcome = run({gatehouse_binary(), "check", config.string()});
    EXPECT_EQ(outcome.err, "gatehouse: " + config.string() + ":1:1: plugin bad refused to start: thrown in the constructor\n");
}

// --- files that are no libraries -----------------------------------------------------------------------------------------

class BrokenFile : public testing::Test {
  protected:
    Result check(const std::string& library) const {
        return run({gatehouse_binary(), "check", folder_.write("gatehouse.toml", instance("bad", library))});
    }
    std::string where() const { return "gatehouse: " + (folder_.path() / "gatehouse.toml").string() + ":1:1: "; }

    const TempDir folder_;
    const std::string file_ = (folder_.path() / "bad.so").string();
};

TEST_F(BrokenFile, Missing) {
    const Result outcome = check(file_);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.err, where() + "plugin library " + file_ + " not found; tried " + file_ + "\n");
}

TEST_F(BrokenFile, Empty) {
    folder_.write("bad.so", "");
    const Result outcome = check(file_);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_TRUE(outcome.err.starts_with(where() + prefix_of(file_))) << outcome.err;
    EXPECT_NE(outcome.err.find("file too short"), std::string::npos) << outcome.err;
}

TEST_F(BrokenFile, Garbage) {
    std::string garbage;
    for (int i = 0; i < 10'000; ++i) garbage += static_cast<char>(i * 31 + i / 7);
    folder_.write("bad.so", garbage);
    const Result outcome = check(file_);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.err.find("invalid ELF header"), std::string::npos) << outcome.err;
}

TEST_F(BrokenFile, AFolder) {
    fs::create_directory(file_);
    const Result outcome = check(file_);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.err, where() + "plugin library " + file_ + " not found; tried " + file_ + "\n");
    const Result listed = run({gatehouse_binary(), "plugins", "--plugin-path", folder_.path().string()});
    EXPECT_EQ(listed.status, 1);
    EXPECT_NE(listed.out.find("cannot copy " + file_), std::string::npos) << listed.out;
}

TEST_F(BrokenFile, Unreadable) {
    if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
    folder_.write("bad.so", "secret");
    ::chmod(file_.c_str(), 0);
    const Result outcome = check(file_);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.err.find("Permission denied"), std::string::npos) << outcome.err;
}

// Whatever was cut off, the host says something about it and lives. (What is behind the loaded segments is not missed.)
TEST_F(BrokenFile, TruncatedAnywhere) {
    std::ifstream in(plugin_dir() + "/echo.so", std::ios::binary);
    const std::string whole(std::istreambuf_iterator<char>(in), {});
    ASSERT_GT(whole.size(), 10'000U);
    unsigned refused = 0;
    for (std::size_t i = 0; i < 24; ++i) {
        folder_.write("bad.so", whole.substr(0, whole.size() * i / 24));
        const Result outcome = check(file_);
        if (outcome.status == 0) continue;
        ++refused;
        EXPECT_EQ(outcome.status, 1);
        EXPECT_TRUE(outcome.err.starts_with(where() + prefix_of(file_))) << outcome.err;
    }
    EXPECT_GE(refused, 1U);
}

// A running host has a copy of its own: overwriting the file does not touch it.
TEST_F(BrokenFile, OverwrittenUnderARunningHost) {
    fs::copy_file(plugin_dir() + "/echo.so", file_);
    Gatehouse host(instance("echo", file_));
    std::ofstream(file_, std::ios::binary | std::ios::trunc) << std::string(100'000, '\xcc');
    fs::remove(file_);
    EXPECT_EQ(host.terminate(), 0);
}

TEST_F(BrokenFile, NothingIsLeftBehind) {
    Gatehouse host(listener("echo", "echo"));
    const pid_t pid = host.pid();
    EXPECT_EQ(host.terminate(), 0);
    for (const auto& entry : fs::directory_iterator(fs::temp_directory_path()))
        EXPECT_FALSE(entry.path().filename().string().starts_with("gatehouse-" + std::to_string(pid) + "-")) << entry.path();
}

} // namespace
