// Holds the include rules on this repository, and shows on small trees that each breach is noticed.
#include "layering.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <initializer_list>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace gatehouse::layering {
namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;

// A tree in a temporary folder, with the folders that every tree has.
class Tree {
  public:
    Tree(std::initializer_list<std::pair<std::string_view, std::string_view>> files) {
        auto pattern = (fs::temp_directory_path() / "layering-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
        root_ = pattern;
        for (const char* folder : {"sdk", "host", "plugins", "tests"}) fs::create_directories(root_ / folder);
        for (const auto& [name, include] : files) {
            fs::create_directories((root_ / name).parent_path());
            std::ofstream(root_ / name) << "// first line\n#include " << include << '\n';
        }
    }
    Tree(const Tree&) = delete;
    Tree& operator=(const Tree&) = delete;
    ~Tree() {
        std::error_code ignored;
        fs::remove_all(root_, ignored);
    }

    Lines breaches() const { return layering::breaches(root_); }

  private:
    fs::path root_;
};

TEST(Layering, ThisRepositoryKeepsTheRules) { EXPECT_EQ(breaches(GATEHOUSE_SOURCE_DIR), Lines{}); }

TEST(Layering, WhatIsAllowed) {
    Tree tree{
        {"sdk/include/gatehouse/gatehouse.h", "<stddef.h>"},
        {"sdk/include/gatehouse/ext/one.h", "\"../gatehouse.h\""},
        {"sdk/include/gatehouse/plugin.hpp", "<vector>"},
        {"sdk/include/gatehouse/testing/table.hpp", "<unistd.h>"},
        {"sdk/tests/plugin_test.cpp", "<gtest/gtest.h>"},
        {"host/a.cpp", "<gatehouse/gatehouse.h>"},
        {"host/b.cpp", "<gatehouse/ext/draft/one.h>"},
        {"host/c.cpp", "\"config.hpp\""},
        {"host/d.cpp", "<boost/dll/shared_library.hpp>"},
        {"plugins/one/a.cpp", "<gatehouse/plugin.hpp>"},
        {"plugins/one/b.cpp", "\"part/b.hpp\""},
        {"plugins/one/c.cpp", "<boost/beast/http/parser.hpp>"},
        {"plugins/one/d.cpp", "<sys/stat.h>"},
        {"plugins/one/one_test.cpp", "<gatehouse/testing.hpp>"},
    };
    EXPECT_EQ(tree.breaches(), Lines{});
}

TEST(Layering, Sdk) {
    EXPECT_EQ(
        (Tree{{"sdk/include/gatehouse/gatehouse.h", "<stdio.h>"}}.breaches()),
        Lines{"sdk/include/gatehouse/gatehouse.h:2: <stdio.h>: the SDK's C headers include <stddef.h>, <stdint.h> and each "
              "other only"});
    EXPECT_EQ((Tree{{"sdk/include/gatehouse/plugin.hpp", "<unistd.h>"}}.breaches()),
              Lines{"sdk/include/gatehouse/plugin.hpp:2: <unistd.h>: the SDK depends on the standard library only"});
    EXPECT_EQ((Tree{{"sdk/include/gatehouse/plugin.hpp", "\"../../../host/config.hpp\""}}.breaches()),
              Lines{"sdk/include/gatehouse/plugin.hpp:2: \"../../../host/config.hpp\": the SDK includes nothing outside sdk/"});
}

TEST(Layering, Host) {
    for (const char* header : {"gatehouse/plugin.hpp", "gatehouse/testing.hpp", "gatehouse/ext/one.hpp"}) {
        EXPECT_EQ((Tree{{"host/a.hpp", "<" + std::string(header) + ">"}}.breaches()),
                  Lines{"host/a.hpp:2: <" + std::string(header) + ">: the host includes the SDK's C headers only"});
    }
    EXPECT_EQ((Tree{{"host/a.cpp", "\"../plugins/echo/echo.cpp\""}}.breaches()),
              Lines{"host/a.cpp:2: \"../plugins/echo/echo.cpp\": the host includes by quotes its own files only"});
}

TEST(Layering, Plugins) {
    EXPECT_EQ((Tree{{"plugins/one/a.cpp", "\"../two/b.hpp\""}}.breaches()),
              Lines{"plugins/one/a.cpp:2: \"../two/b.hpp\": a plugin includes by quotes files of its own folder only"});
    EXPECT_EQ((Tree{{"plugins/one/a.cpp", "\"../one_more/b.hpp\""}}.breaches()),
              Lines{"plugins/one/a.cpp:2: \"../one_more/b.hpp\": a plugin includes by quotes files of its own folder only"});
    EXPECT_EQ((Tree{{"plugins/one/a.cpp", "<gatehouse/testing.hpp>"}}.breaches()),
              Lines{"plugins/one/a.cpp:2: <gatehouse/testing.hpp>: this is for tests only"});
    EXPECT_EQ(
        (Tree{{"plugins/one/a.cpp", "<google/protobuf/message.h>"}}.breaches()),
        Lines{"plugins/one/a.cpp:2: <google/protobuf/message.h>: plugins depend on the SDK, the standard library, the system "
              "and Boost only"});
}

TEST(Layering, HeavyLibrariesAreTheHosts) {
    for (const char* header : {"spdlog/spdlog.h", "toml++/toml.h", "boost/dll.hpp", "boost/dll/shared_library.hpp",
                               "openssl/ssl.h", "CLI/CLI.hpp", "ares.h", "ares_dns.h", "systemd/sd-daemon.h"}) {
        for (const char* file : {"plugins/one/a.cpp", "sdk/include/gatehouse/plugin.hpp", "tests/unit/a_test.cpp"}) {
            EXPECT_EQ((Tree{{file, "<" + std::string(header) + ">"}}.breaches()),
                      Lines{std::string(file) + ":2: <" + header + ">: this library is used under host/ only"});
        }
    }
}

TEST(Layering, HeavyLibrariesReachTwoFilesAndOpenSslFour) {
    EXPECT_EQ((Tree{{"host/a.cpp", "<toml++/toml.h>"}, {"host/b.cpp", "<toml++/toml.h>"}}.breaches()), Lines{});
    EXPECT_EQ((Tree{{"host/wrap.hpp", "<toml++/toml.h>"},
                    {"host/more.hpp", "\"wrap.hpp\""},
                    {"host/a.cpp", "\"more.hpp\""},
                    {"host/b.cpp", "\"wrap.hpp\""},
                    {"host/c.cpp", "<toml++/toml_table.h>"}}
                   .breaches()),
              Lines{"host/: 3 files compile <toml++/...>, at most 2 may: host/a.cpp host/b.cpp host/c.cpp"});
    const Tree four{{"host/a.cpp", "<openssl/ssl.h>"},
                    {"host/b.cpp", "<openssl/ssl.h>"},
                    {"host/c.cpp", "<openssl/err.h>"},
                    {"host/d.cpp", "<openssl/x509.h>"}};
    EXPECT_EQ(four.breaches(), Lines{});
}

} // namespace
} // namespace gatehouse::layering
