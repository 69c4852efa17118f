// Holds the include rules on this repository, and shows on small trees that each breach is noticed: for every row of the table
// of rooms each include that the row forbids, and for every heavy library each room that does not own it.
#include "layering.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <initializer_list>
#include <regex>
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
    using File = std::pair<std::string, std::string>; // its name, and what its one #include names
    Tree(std::initializer_list<File> files) : Tree(std::vector<File>(files)) {}
    explicit Tree(const std::vector<File>& files) {
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
        {"host/connection/stream.cpp", "<gatehouse/gatehouse.h>"},
        {"host/abi/one.cpp", "<gatehouse/ext/draft/one.h>"},
        {"host/host.cpp", "\"host.hpp\""},
        {"host/host.hpp", "\"threads/alarm.hpp\""},
        {"host/threads/alarm.hpp", "\"threads/drain.hpp\""},
        {"host/plugin/library.cpp", "<boost/dll/shared_library.hpp>"},
        {"tests/unit/dns_server.hpp", "\"dns/resolver.hpp\""},
        {"tests/unit/dns/resolver_test.cpp", "\"dns/resolver.hpp\""},
        {"plugins/one/a.cpp", "<gatehouse/plugin.hpp>"},
        {"plugins/one/b.cpp", "\"part/b.hpp\""},
        {"plugins/one/c.cpp", "<boost/beast/http/parser.hpp>"},
        {"plugins/one/d.cpp", "<sys/stat.h>"},
        {"plugins/one/e.cpp", "\"../passwords/users.hpp\""},
        {"plugins/one/f.cpp", "<brotli/encode.h>"},
        {"plugins/one/one_test.cpp", "<gatehouse/testing.hpp>"},
        {"sdk/samples/one/one.cpp", "<gatehouse/plugin.hpp>"},
        {"sdk/templates/c++/one/NAME.cpp", "<gatehouse/plugin.hpp>"},
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
    EXPECT_EQ(
        (Tree{{"sdk/include/gatehouse/plugin.hpp", "\"../../../host/config/config.hpp\""}}.breaches()),
        Lines{
            "sdk/include/gatehouse/plugin.hpp:2: \"../../../host/config/config.hpp\": the SDK includes nothing outside sdk/"});
}

TEST(Layering, SamplesArePlugins) {
    EXPECT_EQ((Tree{{"sdk/samples/one/one.cpp", "\"../two/two.hpp\""}}.breaches()),
              Lines{"sdk/samples/one/one.cpp:2: \"../two/two.hpp\": a plugin includes by quotes files of its own folder only"});
    EXPECT_EQ((Tree{{"sdk/samples/one/one.cpp", "<gatehouse/testing.hpp>"}}.breaches()),
              Lines{"sdk/samples/one/one.cpp:2: <gatehouse/testing.hpp>: this is for tests only"});
}

TEST(Layering, HostIncludesTheSdksCHeadersOnly) {
    for (const char* header : {"gatehouse/plugin.hpp", "gatehouse/testing.hpp", "gatehouse/ext/one.hpp"}) {
        EXPECT_EQ((Tree{{"host/abi/a.hpp", "<" + std::string(header) + ">"}}.breaches()),
                  Lines{"host/abi/a.hpp:2: <" + std::string(header) + ">: the host includes the SDK's C headers only"});
    }
}

TEST(Layering, HostIncludesItsOwnFilesByTheirRoom) {
    for (const char* other : {"../plugins/echo/echo.cpp", "../base/clock.hpp", "clock.hpp"}) {
        EXPECT_EQ((Tree{{"host/base/log.cpp", '"' + std::string(other) + '"'}}.breaches()),
                  Lines{"host/base/log.cpp:2: \"" + std::string(other) +
                        "\": the host includes by quotes its own files only, " +
                        "named by their room, as in \"base/clock.hpp\""});
    }
}

TEST(Layering, FoldersAreRooms) {
    EXPECT_EQ((Tree{{"host/utilities/a.cpp", "<vector>"}, {"host/utilities/b.cpp", "\"base/clock.hpp\""}}.breaches()),
              Lines{"host/utilities/: no such room in the table of tests/scripts/layering.cpp"});
    EXPECT_EQ((Tree{{"tests/unit/parsers/a_test.cpp", "<vector>"}}.breaches()),
              Lines{"tests/unit/parsers/: no such room in the table of tests/scripts/layering.cpp"});
    EXPECT_EQ((Tree{{"tests/unit/generation_test.cpp", "<vector>"}}.breaches()), Lines{}); // of host/ itself
}

// A file of the room; "host" is host/ itself.
std::string file_in(std::string_view room, const std::string& name) {
    return room == "host" ? name : std::string(room) + '/' + name;
}

bool contains(const std::vector<std::string_view>& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

// What one room includes: one file for each include, and the breaches that are expected of them.
class OneRoom {
  public:
    explicit OneRoom(std::string_view name) : name_(name) {}

    void includes(const std::string& target, const std::string& breach) {
        const auto number = std::to_string(100 + files_.size()); // keeps the files in this order
        files_.emplace_back("host/" + file_in(name_, "file_" + number + ".cpp"), target);
        if (!breach.empty()) expected_.push_back(files_.back().first + ":2: " + target + ": " + breach);
    }

    void check() const { EXPECT_EQ(Tree(files_).breaches(), expected_); }

  private:
    std::string_view name_;
    std::vector<Tree::File> files_;
    Lines expected_;
};

class Row : public testing::TestWithParam<Room> {};

TEST_P(Row, AllowsItsRoomsAndForbidsAllOthers) {
    const auto& [name, may_include] = GetParam();
    OneRoom room(name);
    for (const auto& other : rooms()) {
        std::string breach;
        if (other.name == "host" && name != "host")
            breach = "the host includes by quotes its own files only, named by their room, as in \"base/clock.hpp\"";
        else if (other.name != name && !contains(may_include, other.name))
            breach = std::string(name) + "/ may not include " + std::string(other.name) + '/';
        room.includes('"' + file_in(other.name, "other.hpp") + '"', breach);
    }
    room.check();
}

TEST_P(Row, ForbidsHeavyLibrariesOfOtherRooms) {
    struct Library {
        std::string header, prefix, owner;
        std::vector<std::string_view> rooms; // where every file may include it
    };
    const std::vector<Library> libraries{
        {"toml++/toml.h", "toml++/", "config", {"config"}},
        {"openssl/ssl.h", "openssl/", "tls", {"tls"}},
        {"ares.h", "ares", "dns", {"dns"}},
        {"boost/dll/shared_library.hpp", "boost/dll", "plugin", {"plugin"}},
        {"seccomp.h", "seccomp.h", "process", {"process"}},
        {"spdlog/logger.h", "spdlog/", "base/log_output.cpp and base/log_sink.hpp and base/log_sink.cpp", {}},
        {"CLI/CLI.hpp", "CLI/", "main.cpp", {}},
        {"systemd/sd-daemon.h", "systemd/", "host and listen", {"host", "listen"}},
        {"nlohmann/json.hpp", "nlohmann/", "control", {"control"}},
    };
    OneRoom room(GetParam().name);
    for (const auto& library : libraries) {
        const bool owned = contains(library.rooms, GetParam().name);
        room.includes('<' + library.header + '>', owned ? "" : '<' + library.prefix + "...> belongs to " + library.owner);
    }
    room.check();
}

TEST_P(Row, ForbidsTheSdkOutsideItsRooms) {
    OneRoom room(GetParam().name);
    room.includes("<gatehouse/gatehouse.h>", contains({"plugin", "abi", "connection", "serving", "host"}, GetParam().name)
                                                 ? ""
                                                 : "of host/, the rooms plugin, abi, connection and serving, host/ itself and "
                                                   "config/plugin_settings know the SDK");
    room.check();
}

INSTANTIATE_TEST_SUITE_P(OfTheTable, Row, testing::ValuesIn(rooms()),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Layering, RoomsDependOnEarlierRoomsOnly) {
    std::vector<std::string_view> earlier;
    for (const auto& room : rooms()) {
        for (auto other : room.may_include) EXPECT_TRUE(contains(earlier, other)) << room.name << " includes " << other;
        earlier.push_back(room.name);
    }
}

TEST(Layering, SingleFilesThatMayIncludeMoreThanTheirRoom) {
    EXPECT_EQ((Tree{{"host/base/log_output.cpp", "<spdlog/logger.h>"},
                    {"host/main.cpp", "<CLI/CLI.hpp>"},
                    {"host/config/plugin_settings.hpp", "<gatehouse/gatehouse.h>"},
                    {"host/config/plugin_settings.cpp", "<gatehouse/gatehouse.h>"}}
                   .breaches()),
              Lines{});
}

// docs/architecture.md shows the same table, in rows like: | `base/` | the question | net base |
TEST(Layering, ThePageShowsThisTable) {
    std::ifstream page(GATEHOUSE_SOURCE_DIR "/docs/architecture.md");
    Lines shown, expected;
    static const std::regex row(R"(\| `(\w+)/`[^|]*\|[^|]*\| ([\w ]+) \|)");
    std::string line;
    while (std::getline(page, line) && line != "## The rooms of `host/`") {
    }
    while (std::getline(page, line)) {
        std::smatch match;
        if (std::regex_match(line, match, row)) shown.push_back(match.str(1) + ": " + match.str(2));
    }
    for (const auto& [name, may_include] : rooms()) {
        std::string others;
        for (auto other : may_include) others += ' ' + std::string(other);
        expected.push_back(std::string(name) + ':' + (name == "host" ? " all" : others.empty() ? " nothing" : others));
    }
    EXPECT_EQ(shown, expected);
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
    for (const char* header :
         {"spdlog/spdlog.h", "toml++/toml.h", "boost/dll.hpp", "boost/dll/shared_library.hpp", "openssl/ssl.h", "CLI/CLI.hpp",
          "ares.h", "ares_dns.h", "systemd/sd-daemon.h", "nlohmann/json.hpp"}) {
        for (const char* file : {"plugins/one/a.cpp", "sdk/include/gatehouse/plugin.hpp", "tests/unit/base/a_test.cpp"}) {
            EXPECT_EQ((Tree{{file, "<" + std::string(header) + ">"}}.breaches()),
                      Lines{std::string(file) + ":2: <" + header + ">: this library is used under host/ only"});
        }
    }
}

TEST(Layering, HeavyLibrariesDoNotLeaveTheirRoomThroughAHeader) {
    EXPECT_EQ((Tree{{"host/config/toml.hpp", "<toml++/toml.h>"},
                    {"host/config/more.hpp", "\"config/toml.hpp\""},
                    {"host/config/a.cpp", "\"config/more.hpp\""},
                    {"host/tls/a.cpp", "\"config/more.hpp\""}}
                   .breaches()),
              Lines{"host/tls/a.cpp:2: \"config/more.hpp\": <toml++/...> belongs to config"});
}

} // namespace
} // namespace gatehouse::layering
