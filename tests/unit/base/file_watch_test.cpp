// What is watched: the whole way to a file.
#include "base/file_watch.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;

class FileWatchTest : public testing::Test {
  public:
    FileWatchTest() {
        std::string name = (fs::temp_directory_path() / "gatehouse-watch-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
        folder_ = name;
    }
    ~FileWatchTest() override { fs::remove_all(folder_); }

  protected:
    void write(const std::string& name) const {
        fs::create_directories((folder_ / name).parent_path());
        std::ofstream(folder_ / name) << name;
    }
    void link(const std::string& name, const std::string& target) const {
        fs::create_directories((folder_ / name).parent_path());
        fs::create_symlink(target, folder_ / name);
    }
    // Turns a link as programs do it that want no moment without one.
    void turn(const std::string& name, const std::string& target) const {
        link(name + ".new", target);
        move(name + ".new", name);
    }
    void move(const std::string& from, const std::string& to) const { fs::rename(folder_ / from, folder_ / to); }

    void follow(const std::string& file, std::size_t id = 0) { EXPECT_EQ(watch_.follow(id, folder_ / file), 0) << file; }
    // Which files may have changed; they are followed again.
    std::set<std::size_t> changed() {
        std::set<std::size_t> ids;
        watch_.read(ids);
        return ids;
    }
    bool noticed(const std::string& file) {
        if (changed().empty()) return false;
        follow(file);
        changed();
        return true;
    }
    // How many folders the kernel watches.
    std::size_t watches() const {
        std::ifstream info("/proc/self/fdinfo/" + std::to_string(watch_.descriptor()));
        std::size_t count = 0;
        for (std::string line; std::getline(info, line);) count += line.starts_with("inotify wd:") ? 1 : 0;
        return count;
    }

    fs::path folder_;
    FileWatch watch_;
};

TEST_F(FileWatchTest, TheFileItself) {
    write("a/c");
    follow("a/c");
    EXPECT_FALSE(noticed("a/c"));
    write("a/c"); // in place
    EXPECT_TRUE(noticed("a/c"));
    write("a/new");
    EXPECT_FALSE(noticed("a/c")); // another file in the same folder
    move("a/new", "a/c");
    EXPECT_TRUE(noticed("a/c"));
    fs::remove(folder_ / "a/c");
    EXPECT_TRUE(noticed("a/c"));
    write("a/c");
    EXPECT_TRUE(noticed("a/c"));
}

TEST_F(FileWatchTest, ALinkInTheMiddleIsTurned) {
    write("1/c");
    write("2/c");
    link("l/current", "../1");
    follow("l/current/c");
    turn("l/current", "../2");
    EXPECT_TRUE(noticed("l/current/c"));
    turn("l/current", "../1");
    EXPECT_TRUE(noticed("l/current/c"));
    write("1/c");
    EXPECT_TRUE(noticed("l/current/c"));
    write("2/c");
    EXPECT_FALSE(noticed("l/current/c"));
}

TEST_F(FileWatchTest, EachLinkOfARowIsTurned) {
    for (const std::string version : {"1", "2"}) write("data/" + version + "/in/c");
    link("a", (folder_ / "links/b").string()); // absolute
    link("links/b", "../c");                   // relative, with ..
    link("c", "data/./1//in/");                // as people write it
    link("data/link", "1/in/c");
    follow("a/c");
    turn("c", "data/2/in");
    EXPECT_TRUE(noticed("a/c"));
    turn("links/b", "../data/1/in");
    EXPECT_TRUE(noticed("a/c"));
    turn("a", "data/2/../2/in");
    EXPECT_TRUE(noticed("a/c"));
    turn("c", "data/1/in"); // no longer on the way
    EXPECT_FALSE(noticed("a/c"));
    follow("data/link");
    turn("data/link", "2/in/c");
    EXPECT_TRUE(noticed("data/link"));
}

TEST_F(FileWatchTest, AFolderOnTheWayIsReplaced) {
    for (const std::string folder : {"x/a", "y/a"}) write(folder + "/b/c");
    follow("x/a/b/c");
    move("x", "old");
    EXPECT_TRUE(noticed("x/a/b/c"));
    move("y", "x");
    EXPECT_TRUE(noticed("x/a/b/c"));
    move("x/a", "x/gone");
    EXPECT_TRUE(noticed("x/a/b/c"));
    fs::remove_all(folder_ / "x");
    EXPECT_TRUE(noticed("x/a/b/c"));
    write("x/a/b/c");
    while (noticed("x/a/b/c")) {
    }
    write("x/a/b/c");
    EXPECT_TRUE(noticed("x/a/b/c"));
}

// The mounts of secrets and config maps: the file is a link through a link to a folder, which is exchanged.
TEST_F(FileWatchTest, AVolumeOfKubernetes) {
    write("..2026_1/tls.crt");
    link("..data", "..2026_1");
    link("tls.crt", "..data/tls.crt");
    follow("tls.crt");
    write("..2026_2/tls.crt");
    link("..data_tmp", "..2026_2");
    EXPECT_FALSE(noticed("tls.crt"));
    move("..data_tmp", "..data");
    EXPECT_TRUE(noticed("tls.crt"));
    fs::remove_all(folder_ / "..2026_1");
    write("..2026_3/tls.crt");
    turn("..data", "..2026_3");
    EXPECT_TRUE(noticed("tls.crt"));
}

TEST_F(FileWatchTest, WhatIsMissingIsAwaited) {
    follow("a/b/c");
    fs::create_directory(folder_ / "a");
    EXPECT_TRUE(noticed("a/b/c"));
    link("a/b", "../d");
    EXPECT_TRUE(noticed("a/b/c"));
    fs::create_directory(folder_ / "d");
    EXPECT_TRUE(noticed("a/b/c"));
    write("d/c");
    EXPECT_TRUE(noticed("a/b/c"));
    follow("file/c", 1);
    write("file"); // no folder
    EXPECT_TRUE(noticed("a/b/c"));
    follow("file/c", 1);
    fs::remove(folder_ / "file");
    write("file/c");
    EXPECT_EQ(changed(), (std::set<std::size_t>{1}));
}

TEST_F(FileWatchTest, LinksInACircle) {
    link("a", "b");
    link("b", "a");
    follow("a/c");
    turn("b", "d");
    write("d/c");
    EXPECT_TRUE(noticed("a/c"));
    write("d/c");
    EXPECT_TRUE(noticed("a/c"));
}

TEST_F(FileWatchTest, FilesAreToldApart) {
    for (const std::string file : {"a/1", "a/2", "b/3"}) write(file);
    link("l", "a");
    follow("l/1", 1);
    follow("a/2", 2);
    follow("b/3", 3);
    write("a/1");
    EXPECT_EQ(changed(), (std::set<std::size_t>{1}));
    turn("l", "b");
    EXPECT_EQ(changed(), (std::set<std::size_t>{1}));
    move("a", "c");
    EXPECT_EQ(changed(), (std::set<std::size_t>{1, 2})); // not followed again yet, 1 is still there
}

TEST_F(FileWatchTest, FoldersThatNoFileIsInAnyMoreAreLet) {
    link("current", "0");
    follow("current/c");
    const std::size_t before = watches();
    for (int i = 1; i < 20; ++i) {
        write(std::to_string(i) + "/c");
        turn("current", std::to_string(i));
        EXPECT_TRUE(noticed("current/c"));
    }
    EXPECT_LE(watches(), before + 1); // the folder, which was missing
}

TEST_F(FileWatchTest, ARelativePath) {
    write("a/c");
    const fs::path here = fs::current_path();
    fs::current_path(folder_);
    EXPECT_EQ(watch_.follow(0, "a/c"), 0);
    fs::current_path(here);
    write("a/c");
    EXPECT_FALSE(changed().empty());
}

// Too many changes for the kernel to keep their names: any file may have changed.
TEST_F(FileWatchTest, AnOverflowMeansAllFiles) {
    write("a/c");
    write("b/c");
    follow("a/c", 0);
    follow("b/c", 1);
    std::ifstream limit("/proc/sys/fs/inotify/max_queued_events");
    int most = 0;
    ASSERT_TRUE(limit >> most);
    if (most > 100'000) GTEST_SKIP() << "this system keeps " << most << " events";
    for (int i = 0; i <= most / 2; ++i) { // two names in turn, so that the kernel does not merge events
        fs::rename(folder_ / (i % 2 == 0 ? "a/c" : "a/d"), folder_ / (i % 2 == 0 ? "a/d" : "a/c"));
    }
    EXPECT_EQ(changed(), (std::set<std::size_t>{0, 1}));
}

} // namespace
} // namespace gatehouse::host
