// Several files that make one configuration.
#include "config/include.hpp"

#include "config/config_folder.hpp"
#include "config/load.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;

std::string listener_called(const std::string& name) {
    return "[[listeners]]\nname = '" + name + "'\naddress = '127.0.0.1:0'\nplugin = 'echo'\n";
}

// What is wrong with x.toml, with "DIR" for the name of the folder.
std::string problems_in(const ConfigFolder& folder) {
    try {
        load_config(folder / "x.toml");
        return "";
    } catch (const ConfigError& error) {
        std::string text = error.what();
        const std::string name = folder.path().string();
        for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos;) text.replace(at, name.size(), "DIR");
        return text;
    }
}

std::string names_in(const Config& config) {
    std::string names;
    for (const ListenerConfig& listener : config.listeners) names += listener.name + ' ';
    return names;
}

TEST(Include, JoinsTheSectionsInTheOrderOfTheNames) {
    const ConfigFolder folder;
    folder.write("x.toml", "include = ['sites/*.toml', 'tls.toml']\n" + listener_called("first") + "[plugins.web]\n");
    folder.write("sites/b.toml", listener_called("b") + "[plugins.b]\nlibrary = './b.so'\n");
    folder.write("sites/a.toml", "include = 'more/[ab].toml'\n" + listener_called("a") + "[log]\nfile = 'a.log'\n");
    folder.write("sites/more/a.toml", listener_called("more"));
    folder.write("sites/.hidden.toml", "no TOML");
    folder.write("tls.toml", "[tls.web]\ncertificate = 'certs/web.pem'\n");
    const Config config = load_config(folder / "x.toml");
    EXPECT_EQ(names_in(config), "first a more b ");
    EXPECT_EQ(config.file, folder / "x.toml");
    // Each path counts from the folder of its own file, and each place is in that file.
    ASSERT_EQ(config.tls.size(), 1U);
    EXPECT_EQ(config.tls[0].pairs[0].certificate.path, folder / "certs/web.pem");
    EXPECT_EQ(config.tls[0].where.text, (folder / "tls.toml").string() + ":1:1");
    EXPECT_EQ(config.log.file, folder / "sites/a.log");
    EXPECT_EQ(config.listeners[2].where.text, (folder / "sites/more/a.toml").string() + ":1:1");
    ASSERT_EQ(config.plugins.size(), 3U); // b, echo, web
    EXPECT_EQ(config.plugins[0].library, folder / "sites/./b.so");
    EXPECT_EQ(config.host.plugin_path.front(), folder / "plugins"); // which stands nowhere
}

TEST(Include, MakesNoOtherConfigurationThanOneFile) {
    const ConfigFolder folder;
    const std::string part = listener_called("b") + "[plugins.echo]\nlibrary = './echo.so'\nconfig = { a = { file = 'x' } }\n";
    folder.write("x.toml", listener_called("a") + part);
    const Config whole = load_config(folder / "x.toml");
    folder.write("x.toml", "include = 'part.toml'\n" + listener_called("a"));
    folder.write("part.toml", "# a comment\n" + part);
    EXPECT_EQ(load_config(folder / "x.toml"), whole);
}

TEST(Include, APatternMayFitNothingButANameHasToBeThere) {
    const ConfigFolder folder;
    folder.write("x.toml", "include = ['*.none']\n" + listener_called("a"));
    EXPECT_EQ(problems_in(folder), "");
    folder.write("x.toml", "include = ['*.none', 'tls.toml']\n" + listener_called("a"));
    EXPECT_EQ(problems_in(folder), "DIR/x.toml:1:22: include: DIR/tls.toml: cannot be opened: No such file or directory");
    fs::create_directory(folder / "d.toml");
    folder.write("x.toml", "include = 'd.*'\n" + listener_called("a"));
    EXPECT_EQ(problems_in(folder),
              "DIR/x.toml:1:11: include: DIR/d.toml: is a directory (expected TOML files, such as those of \"d.*/*.toml\")");
}

// Otherwise a reload by the user of [process] would lose the listeners that are in it.
TEST(Include, AFolderThatCannotBeReadIsNoEmptyOne) {
    const ConfigFolder folder;
    const std::string expected = " (expected a folder that the user of [process] may read)";
    fs::create_symlink("loop", folder / "loop");
    fs::create_directory(folder / "sites");
    for (const char* const pattern : {"loop/*.toml", "*/a.toml"}) { // in the second it may have the file
        folder.write("x.toml", "include = '" + std::string(pattern) + "'\n" + listener_called("x"));
        EXPECT_EQ(problems_in(folder),
                  "DIR/x.toml:1:11: include: DIR/loop: cannot be read: Too many levels of symbolic links" + expected);
    }
    fs::remove(folder / "loop");
    for (const char* const pattern : {"sites/*.toml", "*/a.toml", "x.toml/*", "none/*/*.toml"}) {
        folder.write("x.toml", "include = '" + std::string(pattern) + "'\n" + listener_called("x"));
        EXPECT_EQ(problems_in(folder), "");
    }
    if (::geteuid() == 0) return; // who reads everything
    fs::permissions(folder / "sites", fs::perms::none);
    for (const char* const pattern : {"sites/*.toml", "*/a.toml", "sites/a/*.toml"}) {
        folder.write("x.toml", "include = '" + std::string(pattern) + "'\n" + listener_called("x"));
        EXPECT_NE(problems_in(folder).find(": cannot be read: Permission denied" + expected), std::string::npos) << pattern;
    }
    fs::permissions(folder / "sites", fs::perms::owner_all);
}

TEST(Include, TwoPartsOfANameMayBePatterns) {
    const ConfigFolder folder;
    folder.write("a/b/c.toml", listener_called("c"));
    folder.write("x.toml", "include = '?/b/*.toml'\n");
    EXPECT_EQ(names_in(load_config(folder / "x.toml")), "c ");
    folder.write("x.toml", "include = '*/../[a]/../*.toml'\n" + listener_called("x"));
    EXPECT_EQ(problems_in(folder),
              "DIR/x.toml:1:11: include: too many parts of the name are patterns (expected * ? and [ in at "
              "most two of them)");
}

TEST(Include, NamesAreBounded) {
    const ConfigFolder folder;
    for (const char* const end : {"*", "x"}) {
        std::string name(4095, '/');
        folder.write("x.toml", "include = '" + name + end + "'\n" + listener_called("x"));
        EXPECT_EQ(problems_in(folder), "DIR/x.toml:1:11: include: too long (expected a file's name of at most 4095 bytes)");
    }
}

TEST(Include, FilesAreFollowedByTheirWholeNames) {
    const ConfigFolder folder;
    const std::string name = std::string(150, 'd') + "/\x01" + std::string(150, 'f') + ".toml";
    folder.write("x.toml", "include = '*/*.toml'\n" + listener_called("x"));
    folder.write(name, "");
    EXPECT_EQ(load_config(folder / "x.toml").files.list, (std::vector{folder / "x.toml", folder / name.c_str()}));
}

TEST(Include, TheFoldersOwnNameIsNoPattern) {
    const ConfigFolder folder;
    folder.write("a[1]*/x.toml", "include = ['*/s.toml']\n");
    folder.write("a[1]*/sites/s.toml", listener_called("a"));
    folder.write("a1/sites/s.toml", "no TOML");
    EXPECT_EQ(names_in(load_config(folder / "a[1]*/x.toml")), "a ");
}

TEST(Include, ACircleIsShown) {
    const ConfigFolder folder;
    folder.write("x.toml", "include = 'x.toml'\n" + listener_called("a"));
    EXPECT_EQ(problems_in(folder), "DIR/x.toml:1:11: include: includes itself: DIR/x.toml -> DIR/x.toml (expected no circle)");
    folder.write("x.toml", "include = ['a/a.toml']\n" + listener_called("a"));
    folder.write("a/a.toml", "include = ['../b.toml']\n");
    folder.write("b.toml", "include = ['link.toml']\n");
    fs::create_symlink("a/a.toml", folder / "link.toml");
    EXPECT_EQ(problems_in(folder), "DIR/a/../b.toml:1:12: include: includes itself: DIR/a/a.toml -> DIR/a/../b.toml -> "
                                   "DIR/a/../link.toml (expected no circle)");
}

TEST(Include, EachFileOnce) {
    const ConfigFolder folder;
    folder.write("x.toml", "include = ['a.toml', '?.toml']\n" + listener_called("x"));
    folder.write("a.toml", listener_called("a"));
    EXPECT_EQ(problems_in(folder), "DIR/x.toml:1:22: include: DIR/a.toml is included already, as DIR/a.toml (expected each "
                                   "file once)\n"
                                   "DIR/x.toml:1:22: include: includes itself: DIR/x.toml -> DIR/x.toml (expected no circle)");
}

TEST(Include, IsBoundedInDepth) {
    const ConfigFolder folder;
    folder.write("x.toml", "include = '1.toml'\n" + listener_called("a"));
    for (int i = 1; i < 8; ++i) folder.write(std::to_string(i) + ".toml", "include = '" + std::to_string(i + 1) + ".toml'\n");
    folder.write("7.toml", "");
    EXPECT_EQ(problems_in(folder), "");
    folder.write("7.toml", "include = '8.toml'\n");
    folder.write("8.toml", "");
    EXPECT_EQ(problems_in(folder), "DIR/7.toml:1:11: include: DIR/8.toml is too deep: the 9th file in a row of files that "
                                   "include each other (expected at most 8)");
}

TEST(Include, IsBoundedInSizeAndNumber) {
    const ConfigFolder folder;
    folder.write("x.toml", "include = 'a.toml'\n" + listener_called("a"));
    folder.write("a.toml", "");
    fs::resize_file(folder / "a.toml", 64 << 20); // which is not parsed
    EXPECT_EQ(problems_in(folder),
              "DIR/x.toml:1:11: include: DIR/a.toml: the files are too large (expected at most 64 MiB together)");
    folder.write("x.toml", "include = 'n/*'\n" + listener_called("a"));
    for (std::size_t i = 0; i < max_config_files; ++i) folder.write("n/" + std::to_string(i), "");
    EXPECT_EQ(problems_in(folder), "DIR/x.toml:1:11: include: too many files (expected at most 4096, with those that they "
                                   "include)");
}

TEST(Include, WhatStandsInTwoFilesIsRefusedWithBothPlaces) {
    const ConfigFolder folder;
    folder.write("x.toml", "include = 'a.toml'\n[host]\nrelay_threads = 1\n[plugins.web]\n" + listener_called("x"));
    folder.write("a.toml",
                 "host = { drain_timeout = '5s' }\n[plugins.web]\nlibrary = 'http'\n[plugins.'a b']\n" + listener_called("x"));
    EXPECT_EQ(problems_in(folder),
              "DIR/a.toml:1:8: host: is at DIR/x.toml:2:1 already (expected it in one of the files, with all that belongs to "
              "it)\n"
              "DIR/a.toml:2:1: plugins.web: is at DIR/x.toml:4:1 already (expected it in one of the files, with all that "
              "belongs to it)\n"
              "DIR/a.toml:4:1: plugins.\"a b\": \"a b\" is not a name (expected 1 to 64 letters, digits, '-' or '_')\n"
              "DIR/a.toml:6:8: listeners.name: \"x\" is already used by the listener at DIR/x.toml:6:8");
    folder.write("a.toml", "[listeners]\nname = 'a'\n");
    EXPECT_EQ(problems_in(folder), "DIR/a.toml:1:1: listeners: with one bracket it can stand in one file only (expected "
                                   "[[listeners]] sections, with two brackets)");
    folder.write("a.toml", "plugins = 5\n");
    EXPECT_EQ(problems_in(folder), "DIR/a.toml:1:11: plugins: is no table (expected [plugins.NAME] sections)");
}

TEST(Include, ProblemsAreThoseOfAllFilesInTheirOrder) {
    const ConfigFolder folder;
    folder.write("x.toml", "include = ['b.toml', 'a.toml']\n[log]\nlevel = 'loud'\n" + listener_called("x"));
    folder.write("b.toml", "[[listeners]]\nname = 'b'\naddress = '127.0.0.1:0'\nplugin = 'echo'\ntls = 'web'\n");
    folder.write("a.toml", listener_called("a") + "backlock = 5\n[listener]\n");
    EXPECT_EQ(problems_in(folder),
              "DIR/x.toml:3:9: log.level: unknown value \"loud\" (expected \"debug\", \"info\", \"warning\" or \"error\")\n"
              "DIR/b.toml:5:7: listeners.tls: there is no [tls.web]\n"
              "DIR/a.toml:5:1: listeners.backlock: unknown key (did you mean \"backlog\"?)\n"
              "DIR/a.toml:6:2: listener: unknown key (did you mean \"listeners\"?)");
    // Without one of the files the others would seem to have more.
    folder.write("b.toml", "[[listeners]\n");
    folder.write("a.toml", "[log]\nlevel = info\n");
    EXPECT_EQ(
        problems_in(folder),
        "DIR/b.toml:1:13: syntax error: the brackets of the section do not match (expected [listeners] or [[listeners]])\n"
        "DIR/a.toml:2:12: syntax error: info needs quotes (expected \"info\")");
}

TEST(Include, ANameMayHaveAVariable) {
    const ConfigFolder folder;
    folder.write("x.toml", "include = ['${GATEHOUSE_TEST_SITES:-sites}/*.toml']\n" + listener_called("x"));
    folder.write("sites/a.toml", listener_called("a"));
    folder.write("other/b.toml", listener_called("b"));
    EXPECT_EQ(names_in(load_config(folder / "x.toml")), "x a ");
    ::setenv("GATEHOUSE_TEST_SITES", "other", 1);
    EXPECT_EQ(names_in(load_config(folder / "x.toml")), "x b ");
    folder.write("x.toml", "include = ['${GATEHOUSE_TEST_SITES}/c.toml']\n" + listener_called("x"));
    EXPECT_EQ(problems_in(folder),
              "DIR/x.toml:1:12: include: DIR/\"${GATEHOUSE_TEST_SITES}/c.toml\": cannot be opened: No such "
              "file or directory");
    ::unsetenv("GATEHOUSE_TEST_SITES");
    EXPECT_EQ(problems_in(folder),
              "DIR/x.toml:1:12: include: the environment has no GATEHOUSE_TEST_SITES (expected it there, or a "
              "default: ${GATEHOUSE_TEST_SITES:-default})");
}

TEST(Include, HasTextsAlone) {
    const ConfigFolder folder;
    folder.write("x.toml", "include = [5, '', { file = 'x' }]\n" + listener_called("x"));
    EXPECT_EQ(problems_in(folder), "DIR/x.toml:1:12: include: wrong type: integer (expected a string)\n"
                                   "DIR/x.toml:1:15: include: empty (expected a file's name)\n"
                                   "DIR/x.toml:1:19: include: wrong type: table (expected a file's name)");
    folder.write("x.toml", "include = 5\n" + listener_called("x"));
    EXPECT_EQ(problems_in(folder),
              "DIR/x.toml:1:11: include: wrong type: integer (expected a file's name, or an array of them such "
              "as [\"sites/*.toml\"])");
}

TEST(Include, IsNotForTextsInMemory) {
    try {
        parse_config("include = ['/etc/passwd', '/*']\n" + listener_called("x"), "/etc/x.toml");
        ADD_FAILURE();
    } catch (const ConfigError& error) {
        EXPECT_STREQ(error.what(), "/etc/x.toml:1:12: include: only a file can include others (this is a text in memory)\n"
                                   "/etc/x.toml:1:27: include: only a file can include others (this is a text in memory)");
    }
}

} // namespace
} // namespace gatehouse::host
