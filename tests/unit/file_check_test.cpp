#include "file_check.hpp"

#include "config/config_folder.hpp"
#include "config/load.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <sys/stat.h>

namespace gatehouse::host {
namespace {

class FileCheckTest : public testing::Test {
  protected:
    static std::string with_limit(int limit) {
        return "[[listeners]]\nname = \"echo\"\naddress = \"127.0.0.1:0\"\nplugin = \"echo\"\nmax_connections = " +
               std::to_string(limit) + "\n";
    }
    void write(const std::string& text) const { folder_.write("site.toml", text); }
    std::optional<bool> look(unsigned generation, const Config& running) {
        check_.look(generation, running, [this] {
            ++reads_;
            return load_config(file_);
        });
        return check_.differs(generation);
    }

    const ConfigFolder folder_;
    const std::filesystem::path file_ = folder_.write("site.toml", with_limit(5));
    FileCheck check_;
    int reads_ = 0;
};

TEST_F(FileCheckTest, ReadsTheFileOnlyIfItMayHaveChanged) {
    const Config running = load_config(file_);
    EXPECT_EQ(check_.differs(1), std::nullopt);
    EXPECT_EQ(look(1, running), false);
    EXPECT_EQ(look(1, running), false);
    EXPECT_EQ(reads_, 1);
    write(with_limit(5) + "# nothing else\n");
    EXPECT_EQ(look(1, running), false);
    EXPECT_EQ(reads_, 2);
    write(with_limit(50));
    EXPECT_EQ(look(1, running), true);
    EXPECT_EQ(look(1, running), true);
    EXPECT_EQ(reads_, 3);
    write("what is this");
    EXPECT_EQ(look(1, running), true);
    EXPECT_EQ(look(1, running), true);
    EXPECT_EQ(reads_, 5) << "a failure may pass";
    std::filesystem::remove(file_);
    EXPECT_EQ(look(1, running), true);
}

TEST_F(FileCheckTest, WhatWasFoundIsAboutOneGeneration) {
    const Config first = load_config(file_);
    write(with_limit(50));
    EXPECT_EQ(look(1, first), true);
    EXPECT_EQ(check_.differs(2), std::nullopt);
    EXPECT_EQ(look(2, load_config(file_)), false);
    EXPECT_EQ(check_.differs(1), std::nullopt);
}

TEST_F(FileCheckTest, LeavesAPipeAlone) {
    const Config running = load_config(file_);
    EXPECT_EQ(look(1, running), false);
    std::filesystem::remove(file_);
    ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
    EXPECT_EQ(look(1, running), std::nullopt);
    EXPECT_EQ(reads_, 1);
    std::filesystem::remove(file_);
    write(with_limit(5));
    EXPECT_EQ(look(1, running), false);
}

TEST_F(FileCheckTest, IsAskedOnceUntilItHasLooked) {
    Alarm alarm;
    EXPECT_FALSE(check_.begin());
    check_.ask(alarm);
    check_.ask(alarm);
    EXPECT_TRUE(check_.begin());
    check_.ask(alarm);
    EXPECT_FALSE(check_.begin());
    look(1, load_config(file_));
    EXPECT_FALSE(check_.begin());
    check_.ask(alarm);
    EXPECT_TRUE(check_.begin());
    check_.give_up();
    check_.ask(alarm);
    EXPECT_TRUE(check_.begin());
}

} // namespace
} // namespace gatehouse::host
