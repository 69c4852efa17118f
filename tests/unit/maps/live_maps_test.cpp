// Maps at work: what a changed file changes, and what it does not.
#include "maps/live_maps.hpp"

#include "config/config_folder.hpp"
#include "eventually.hpp"
#include "maps/map_edits.hpp"
#include "recorded_log.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace gatehouse::host {
namespace {

class LiveMapsTest : public testing::Test {
  protected:
    MapConfig config(const std::string& name) const {
        MapConfig config;
        config.name = name;
        config.file = folder_ / (name + ".map").c_str();
        config.file_where.text = "gatehouse.toml:2:8";
        return config;
    }
    static std::string of(const LiveMap& map, const char* name) { return map.find(ServerName(name)).text; }
    bool logged(const std::string& begin) {
        return std::ranges::any_of(log_.records(), [&](const std::string& record) { return record.starts_with(begin); });
    }
    // In one step, as the manual says.
    void replace(const std::string& name, const std::string& text) const {
        std::filesystem::rename(folder_.write("next", text), folder_ / name.c_str());
    }

    const ConfigFolder folder_;
    RecordedLog log_;
};

TEST_F(LiveMapsTest, SaysTheValueAndWhereItStands) {
    MapConfig with_default = config("a");
    with_default.otherwise = "10.0.0.9:1";
    with_default.otherwise_where.text = "gatehouse.toml:3:11";
    folder_.write("a.map", "\xef\xbb\xbf# saved by an editor of Windows\r\nshop.example 10.0.0.1:1\r\n");
    const LiveMaps maps({with_default}, log_.log);
    const LiveMap& map = maps.find("a");
    EXPECT_EQ(of(map, "shop.example"), "10.0.0.1:1");
    EXPECT_EQ(map.find(ServerName("shop.example")).where, (folder_ / "a.map").native() + ":2");
    EXPECT_EQ(of(map, "other.example"), "10.0.0.9:1");
    EXPECT_EQ(map.find(ServerName("other.example")).where, "gatehouse.toml:3:11");
    EXPECT_EQ(of(map, ""), "") << "a client that asks for no name";
}

TEST_F(LiveMapsTest, AllThatIsWrongIsSaid) {
    folder_.write("a.map", "shop.example\nblog.example 10.0.0.1\n");
    const std::string at = "gatehouse.toml:2:8: maps.";
    try {
        const LiveMaps maps({config("a"), config("b")}, log_.log);
        FAIL() << "it has taken them";
    } catch (const MapError& error) {
        const std::string text = error.what();
        EXPECT_NE(text.find(at + "a.file: " + (folder_ / "a.map").native() + ":1: the value is missing"), std::string::npos)
            << text;
        EXPECT_NE(text.find('\n' + at + "a.file: " + (folder_ / "a.map").native() + ":2: \"10.0.0.1\" has no port"),
                  std::string::npos)
            << text;
        EXPECT_NE(text.find('\n' + at + "b.file: " + (folder_ / "b.map").native() + ": cannot be opened"), std::string::npos)
            << text;
    }
}

TEST_F(LiveMapsTest, AChangedFileCountsAndABadOneDoesNot) {
    folder_.write("a.map", "shop.example 10.0.0.1:1\n");
    folder_.write("b.map", "shop.example 10.0.0.2:1\n");
    Background background{Scheduling::other};
    LiveMaps maps({config("a"), config("b")}, log_.log);
    maps.watch(background);
    const LiveMap& map = maps.find("a");
    replace("a.map", "shop.example 10.0.0.1:2\nblog.example 10.0.0.3:1\n");
    ASSERT_TRUE(eventually([&] { return of(map, "shop.example") == "10.0.0.1:2"; }));
    EXPECT_EQ(of(map, "blog.example"), "10.0.0.3:1");
    EXPECT_TRUE(logged(R"("message":"map reloaded","map":"a","names":2)"));
    replace("a.map", "shop.example 10.0.0.1:3\nshop.example 10.0.0.1:4\n");
    ASSERT_TRUE(eventually([&] { return logged(R"("message":"map not reloaded, the old one stays","map":"a")"); }));
    EXPECT_EQ(of(map, "shop.example"), "10.0.0.1:2");
    std::filesystem::remove(folder_ / "a.map");
    replace("a.map", "shop.example 10.0.0.1:5\n");
    ASSERT_TRUE(eventually([&] { return of(map, "shop.example") == "10.0.0.1:5"; }));
    EXPECT_EQ(of(maps.find("b"), "shop.example"), "10.0.0.2:1");
    maps.unwatch();
    EXPECT_TRUE(background.stop(never));
}

TEST_F(LiveMapsTest, AllAreReadAnewOnRequestAndOnlyAnotherTextIsSaid) {
    folder_.write("a.map", "shop.example 10.0.0.1:1\n");
    folder_.write("b.map", "shop.example 10.0.0.1:1\n");
    LiveMaps maps({config("a"), config("b")}, log_.log);
    folder_.write("b.map", "shop.example 10.0.0.1:2\n");
    EXPECT_EQ(maps.sections().at("a")->refresh(), "");
    EXPECT_EQ(maps.sections().at("b")->refresh(), "");
    EXPECT_EQ(of(maps.find("b"), "shop.example"), "10.0.0.1:2");
    EXPECT_FALSE(logged(R"("message":"map reloaded","map":"a")"));
    EXPECT_TRUE(logged(R"("message":"map reloaded","map":"b")"));
}

TEST_F(LiveMapsTest, AChangeIsWrittenAndCountsAtOnce) {
    const std::filesystem::path file =
        folder_.write("b.map", "# sites\nshop.example 10.0.0.1:1 # a comment\n*.example 10.0.0.2:1");
    std::filesystem::permissions(file, std::filesystem::perms(0640));
    std::filesystem::create_symlink("b.map", folder_ / "a.map");
    LiveMap map(config("a"), log_.log);
    const auto set = [&](const std::string& name, const std::string& value) {
        return map.change([&](const std::string& text, const NameMap& before) { return with_name(text, before, name, value); });
    };
    EXPECT_EQ(set("blog.example", "pool=blog"), "");
    EXPECT_EQ(set("*.example", "10.0.0.3:1"), "");
    EXPECT_EQ(contents(file), "# sites\nshop.example 10.0.0.1:1 # a comment\n*.example  10.0.0.3:1\nblog.example  pool=blog\n");
    EXPECT_EQ(of(map, "www.example"), "10.0.0.3:1");
    EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "a.map"));
    EXPECT_EQ(std::filesystem::status(file).permissions(), std::filesystem::perms(0640));
    EXPECT_EQ(
        map.change([](const std::string& text, const NameMap& before) { return without_name(text, before, "shop.example"); }),
        "");
    EXPECT_EQ(contents(file), "# sites\n*.example  10.0.0.3:1\nblog.example  pool=blog\n");

    EXPECT_TRUE(map.change([](const std::string&, const NameMap&) { return "a.example\n"; })
                    .starts_with("line 1: the value is missing"));
    EXPECT_EQ(of(map, "blog.example"), "pool=blog");
    folder_.write("b.map", "wrong\n");
    EXPECT_TRUE(set("blog.example", "pool=x").ends_with("; mend the file first"));
    EXPECT_EQ(contents(file), "wrong\n") << "what somebody else is writing is not lost";
    EXPECT_EQ(map.replace("shop.example 10.0.0.9:1\n"), "") << "whoever gives all of it needs nothing of the old one";
    EXPECT_EQ(of(map, "shop.example"), "10.0.0.9:1");
    EXPECT_EQ(of(map, "blog.example"), "");
}

} // namespace
} // namespace gatehouse::host
