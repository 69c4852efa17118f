// The `config` table as a plugin sees it, through the whole way from the file.
#include "config/plugin_settings.hpp"

#include "config/key.hpp"
#include "config/load.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <stdlib.h>

namespace gatehouse::host {
namespace {

constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();

using Lines = std::vector<std::string>;

// The settings in `body`, which begins in line 7 of web.toml.
std::shared_ptr<const gatehouse_config> settings(const std::string& body) {
    const std::string listener = "[[listeners]]\nname = 'a'\naddress = 'localhost:1'\nplugin = 'web'\n";
    Config config = parse_config(listener + "\n[plugins.web.config]\n" + body, "web.toml");
    config.plugins.front().settings->begin();
    return config.plugins.front().settings; // outlives the Config
}

std::string string(const gatehouse_config& config, std::string_view key, std::string_view fallback) {
    gatehouse_str value{fallback.data(), fallback.size()};
    config.string(key, false, value);
    return {value.data, value.size};
}

TEST(PluginConfig, PresentValuesReplaceTheDefaults) {
    const auto config = settings("root = '/srv'\nport = 80\nfast = true\nslow = false\nwait = '2s'\nlimit = '1KiB'\n");
    EXPECT_EQ(string(*config, "root", "x"), "/srv");
    std::int64_t port = 1;
    EXPECT_EQ(config->integer("port", 0, 100, port), GATEHOUSE_OK);
    EXPECT_EQ(port, 80);
    std::int32_t fast = 0;
    std::int32_t slow = 1;
    EXPECT_EQ(config->boolean("fast", fast), GATEHOUSE_OK);
    EXPECT_EQ(config->boolean("slow", slow), GATEHOUSE_OK);
    EXPECT_EQ(fast, 1);
    EXPECT_EQ(slow, 0);
    std::uint64_t wait = 0;
    std::uint64_t limit = 0;
    EXPECT_EQ(config->duration("wait", wait), GATEHOUSE_OK);
    EXPECT_EQ(config->size("limit", limit), GATEHOUSE_OK);
    EXPECT_EQ(wait, 2000U);
    EXPECT_EQ(limit, 1024U);
    EXPECT_EQ(config->problems(), Lines{});
}

TEST(PluginConfig, AbsentKeysLeaveTheDefaults) {
    const auto config = settings("");
    EXPECT_EQ(string(*config, "root", "here"), "here");
    EXPECT_EQ(string(*config, "index", ""), "");
    std::int64_t port = 7;
    EXPECT_EQ(config->integer("port", 0, 100, port), GATEHOUSE_OK);
    EXPECT_EQ(port, 7);
    std::int32_t flag = 1;
    EXPECT_EQ(config->boolean("flag", flag), GATEHOUSE_OK);
    EXPECT_EQ(flag, 1);
    std::uint64_t number = 9;
    EXPECT_EQ(config->duration("wait", number), GATEHOUSE_OK);
    EXPECT_EQ(config->size("limit", number), GATEHOUSE_OK);
    EXPECT_EQ(number, 9U);
    std::size_t items = 9;
    EXPECT_EQ(config->count("routes", items), GATEHOUSE_OK);
    EXPECT_EQ(items, 0U);
    EXPECT_EQ(config->problems(), Lines{});
}

TEST(PluginConfig, AStringWithoutADefaultIsRequired) {
    const auto config = settings("");
    gatehouse_str value{nullptr, 0};
    EXPECT_EQ(config->string("upstream", true, value), GATEHOUSE_INVALID);
    EXPECT_EQ(config->problems(), Lines{"web.toml:6:1: plugins.web.config.upstream: missing (expected a string)"});
}

TEST(PluginConfig, BadValuesAreRecordedAndLeaveTheDefaults) {
    const auto config = settings("a = 1\nb = 'x'\nc = 101\nd = 1\ne = '5'\nf = '1QB'\ng = 3\n");
    EXPECT_EQ(string(*config, "a", "kept"), "kept");
    std::int64_t number = 7;
    EXPECT_EQ(config->integer("b", lowest, highest, number), GATEHOUSE_INVALID);
    EXPECT_EQ(config->integer("c", 1, 100, number), GATEHOUSE_INVALID);
    EXPECT_EQ(config->integer("c", lowest, 100, number), GATEHOUSE_INVALID);
    EXPECT_EQ(config->integer("c", 200, highest, number), GATEHOUSE_INVALID);
    EXPECT_EQ(number, 7);
    std::int32_t flag = 1;
    EXPECT_EQ(config->boolean("d", flag), GATEHOUSE_INVALID);
    EXPECT_EQ(flag, 1);
    std::uint64_t unit = 7;
    EXPECT_EQ(config->duration("e", unit), GATEHOUSE_INVALID);
    EXPECT_EQ(config->size("f", unit), GATEHOUSE_INVALID);
    EXPECT_EQ(unit, 7U);
    std::size_t items = 7;
    EXPECT_EQ(config->count("g", items), GATEHOUSE_INVALID);
    const Lines expected{
        "web.toml:7:5: plugins.web.config.a: wrong type: integer (expected a string)",
        "web.toml:8:5: plugins.web.config.b: wrong type: string (expected an integer)",
        "web.toml:9:5: plugins.web.config.c: out of range: 101 (expected an integer from 1 to 100)",
        "web.toml:9:5: plugins.web.config.c: out of range: 101 (expected an integer of at most 100)",
        "web.toml:9:5: plugins.web.config.c: out of range: 101 (expected an integer of at least 200)",
        "web.toml:10:5: plugins.web.config.d: wrong type: integer (expected true or false)",
        R"(web.toml:11:5: plugins.web.config.e: "5" has no unit (expected a duration such as "1500ms", "30s", "5m", "2h" or "1d"))",
        (R"(web.toml:12:5: plugins.web.config.f: "1QB" has the unknown unit "QB"; known ones are GiB, MiB, KiB, GB, MB, KB, B )"
         R"((expected a size such as 512, "64KiB" or "10MB"))"),
        "web.toml:13:5: plugins.web.config.g: wrong type: integer (expected an array)",
    };
    EXPECT_EQ(config->problems(), expected);
}

TEST(PluginConfig, UnreadKeysAreProblemsWithTheNearestThatWasRead) {
    const auto config = settings("rooot = '/srv'\ncompletely_else = 1\n");
    EXPECT_EQ(string(*config, "root", ""), "");
    EXPECT_EQ(string(*config, "index", ""), "");
    const Lines expected{
        R"(web.toml:7:1: plugins.web.config.rooot: unknown key (did you mean "root"?))",
        "web.toml:8:1: plugins.web.config.completely_else: unknown key (known here: root, index)",
    };
    EXPECT_EQ(config->problems(), expected);
    EXPECT_EQ(config->problems(), expected); // asking does not change the answer
}

TEST(PluginConfig, APluginWithoutKeysRefusesAll) {
    EXPECT_EQ(settings("x = 1\n")->problems(), Lines{"web.toml:7:1: plugins.web.config.x: unknown key (there are none here)"});
}

TEST(PluginConfig, RejectionsStandAtTheValueOrTheTable) {
    const auto config = settings("root = '/srv'\n");
    EXPECT_EQ(string(*config, "root", ""), "/srv");
    config->reject("root", "no such\nfolder");
    config->reject("index", "needed because of root");
    const Lines expected{
        "web.toml:6:1: plugins.web.config.index: needed because of root",
        "web.toml:7:8: plugins.web.config.root: no such\\x0afolder",
    };
    EXPECT_EQ(config->problems(), expected);
}

TEST(PluginConfig, ItemsAreTablesOfTheirOwn) {
    const auto config =
        settings("[[plugins.web.config.routes]]\nhost = 'a'\n[[plugins.web.config.routes]]\nhost = 'b'\nhots = 'c'\n");
    std::size_t items = 0;
    EXPECT_EQ(config->count("routes", items), GATEHOUSE_OK);
    ASSERT_EQ(items, 2U);
    const gatehouse_config* first = nullptr;
    const gatehouse_config* second = nullptr;
    ASSERT_EQ(config->item("routes", 0, first), GATEHOUSE_OK);
    ASSERT_EQ(config->item("routes", 1, second), GATEHOUSE_OK);
    EXPECT_EQ(string(*first, "host", ""), "a");
    EXPECT_EQ(string(*second, "host", ""), "b");
    const gatehouse_config* beyond = nullptr;
    EXPECT_EQ(config->item("routes", 2, beyond), GATEHOUSE_NOT_FOUND);
    EXPECT_EQ(config->item("nothing", 0, beyond), GATEHOUSE_NOT_FOUND);
    EXPECT_EQ(beyond, nullptr);
    const gatehouse_config* again = nullptr;
    ASSERT_EQ(config->item("routes", 0, again), GATEHOUSE_OK);
    EXPECT_EQ(again, first); // else a key that was read through one would be unread in the other
    EXPECT_EQ(config->problems(),
              Lines{R"(web.toml:11:1: plugins.web.config.routes.hots: unknown key (did you mean "host"?))"});
}

TEST(PluginConfig, ItemsThatAreNotTablesHaveTheEmptyKey) {
    const auto config = settings("names = ['a', 'b', 3]\n");
    const gatehouse_config* item = nullptr;
    ASSERT_EQ(config->item("names", 1, item), GATEHOUSE_OK);
    EXPECT_EQ(string(*item, "", "x"), "b");
    EXPECT_EQ(string(*item, "name", "absent"), "absent");
    ASSERT_EQ(config->item("names", 2, item), GATEHOUSE_OK);
    EXPECT_EQ(string(*item, "", "x"), "x");
    EXPECT_EQ(config->problems(), Lines{"web.toml:7:20: plugins.web.config.names: wrong type: integer (expected a string)"});
}

TEST(PluginConfig, ReadsTextFilesFromTheFolderOfTheFile) {
    std::string folder = testing::TempDir() + "text-file-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    std::ofstream(folder + "/good") << "\xef\xbb\xbf"
                                       "a\r\nb";
    std::ofstream(folder + "/bad") << "a\n\xfc\n";
    const Config file =
        parse_config("[[listeners]]\nname = 'a'\naddress = 'localhost:1'\nplugin = 'web'\n[plugins.web.config]\n"
                     "good = 'good'\nbad = 'bad'\nnone = 'none'\nempty = ''\n",
                     folder + "/web.toml");
    const gatehouse_config& config = *file.plugins.front().settings;
    config.begin();
    gatehouse_str text{"x", 1};
    EXPECT_EQ(config.text_file("absent", text), GATEHOUSE_OK);
    for (const char* key : {"bad", "none", "empty"}) EXPECT_EQ(config.text_file(key, text), GATEHOUSE_INVALID);
    EXPECT_EQ(std::string(text.data, text.size), "x");
    EXPECT_EQ(config.text_file("good", text), GATEHOUSE_OK);
    EXPECT_EQ(std::string(text.data, text.size), "a\nb");
    const std::string key = folder + "/web.toml:";
    EXPECT_EQ(config.problems(),
              (Lines{key + "7:7: plugins.web.config.bad: " + folder + "/bad:2:1: not UTF-8 (expected UTF-8 text)",
                     key + "8:8: plugins.web.config.none: " + folder + "/none: cannot be opened: No such file or directory",
                     key + "9:9: plugins.web.config.empty: empty (leave it out for the default)"}));
    std::filesystem::remove_all(folder);
}

ConfigKey key_of(ConfigKey::Type type, const char* name) {
    ConfigKey key;
    key.name = name;
    key.type = type;
    return key;
}

// One key of each type, all of them with limits.
std::vector<ConfigKey> some_keys() {
    using Type = ConfigKey::Type;
    std::vector<ConfigKey> keys{key_of(Type::string, "method"),  key_of(Type::path, "root"),
                                key_of(Type::integer, "weight"), key_of(Type::boolean, "log"),
                                key_of(Type::duration, "wait"),  key_of(Type::size, "limit"),
                                key_of(Type::tls_client, "tls"), key_of(Type::table, "servers"),
                                key_of(Type::table, "queue"),    key_of(Type::string, "allow")};
    keys[0].words = {"fast", "fair"};
    keys[1].required = true;
    keys[2].minimum = 1;
    keys[4].minimum = 1;
    keys[4].maximum = 60'000;
    keys[5].minimum = 1024;
    keys[7].many = ConfigKey::Many::list;
    keys[7].fields = {key_of(Type::address, "address")};
    keys[7].fields[0].required = true;
    keys[8].fields = {key_of(Type::integer, "size")};
    keys[9].many = ConfigKey::Many::list;
    return keys;
}

TEST(PluginConfig, IsHeldAgainstTheKeysOfItsLibrary) {
    const auto keys = some_keys();
    EXPECT_EQ(settings("method = 'fair'\nroot = 'x'\nweight = 5\nlog = true\nwait = '5s'\nlimit = '1KiB'\n"
                       "tls = { ca = 'ca.pem', verify = true }\nservers = [{ address = 'a:1' }]\nqueue = { size = 1 }\n"
                       "allow = ['*']\n")
                  ->problems_by(keys),
              Lines{});
    EXPECT_EQ(settings("root = 'x'\ntls = true\nservers = []\nqueue = {}\n")->problems_by(keys), Lines{});
    const std::string at = "web.toml:";
    const std::string key = ": plugins.web.config.";
    EXPECT_EQ(
        settings("method = 'fats'\nweight = 0\nlog = 'true'\nwait = '2m'\nlimit = 5\ntls = { verfy = true }\n"
                 "servers = [{}, 'a:1', { address = 1, wieght = 2 }]\nqueue = 5\nallow = ['a', 5, {}]\nrot = 1\n")
            ->problems_by(keys),
        (Lines{at + "6:1" + key + "root: missing (expected a string)",
               at + "7:10" + key + "method: unknown value \"fats\" (expected \"fast\" or \"fair\"; did you mean \"fast\"?)",
               at + "8:10" + key + "weight: out of range: 0 (expected an integer of at least 1)",
               at + "9:7" + key + "log: wrong type: string (expected true or false, without quotes)",
               at + "10:8" + key + "wait: out of range: \"2m\" (expected a duration from 1ms to 1m)",
               at + "11:9" + key + "limit: out of range: \"5\" (expected a size of at least 1KiB)",
               at + "12:9" + key + "tls.verfy: unknown key (did you mean \"verify\"?)",
               at + "13:12" + key + "servers.address: missing (expected a string)",
               at + "13:16" + key + "servers: wrong type: string (expected a table)",
               at + "13:35" + key + "servers.address: wrong type: integer (expected a string)",
               at + "13:38" + key + "servers.wieght: unknown key (known here: address)",
               at + "14:9" + key + "queue: wrong type: integer (expected a table)",
               at + "15:15" + key + "allow: wrong type: integer (expected a string)",
               at + "15:18" + key + "allow: wrong type: table (expected a string)",
               at + "16:1" + key + "rot: unknown key (did you mean \"root\"?)"}));
    // Nothing of it stays for create().
    const auto config = settings("rot = 1\n");
    EXPECT_EQ(config->problems_by({}).size(), 1U);
    EXPECT_EQ(config->problems_so_far(), Lines{});
}

TEST(PluginConfig, NamesASectionOfTheFile) {
    const Config config = parse_config("[tls.mail]\ncertificate = 'a'\nkey = 'b'\n"
                                       "[[listeners]]\nname = 'a'\naddress = 'localhost:1'\nplugin = 'web'\n"
                                       "[plugins.web]\nconfig = { good = 'mail', bad = 'mial', wrong = 1 }\n",
                                       "web.toml");
    const gatehouse_config& settings = *config.plugins.front().settings;
    const Lines problems{"web.toml:9:33: plugins.web.config.bad: there is no [tls.mial] (did you mean \"mail\"?)",
                         "web.toml:9:49: plugins.web.config.wrong: wrong type: integer (expected a string)"};
    settings.begin();
    std::string name;
    EXPECT_EQ(settings.tls_server("absent", name), GATEHOUSE_OK);
    EXPECT_EQ(name, "");
    EXPECT_EQ(settings.tls_server("bad", name), GATEHOUSE_INVALID);
    EXPECT_EQ(settings.tls_server("wrong", name), GATEHOUSE_INVALID);
    EXPECT_EQ(settings.tls_server("good", name), GATEHOUSE_OK);
    EXPECT_EQ(name, "mail");
    EXPECT_EQ(settings.problems(), problems);
    std::vector<ConfigKey> keys;
    for (const char* key : {"good", "bad", "wrong"}) keys.push_back(key_of(ConfigKey::Type::tls_server, key));
    EXPECT_EQ(settings.problems_by(keys), problems);
}

TEST(PluginConfig, BeginForgets) {
    const auto config = settings("rooot = 1\n");
    config->reject("rooot", "first time");
    EXPECT_EQ(string(*config, "root", ""), "");
    EXPECT_EQ(config->problems().size(), 2U);
    config->begin();
    std::int64_t number = 0;
    EXPECT_EQ(config->integer("rooot", lowest, highest, number), GATEHOUSE_OK);
    EXPECT_EQ(number, 1);
    EXPECT_EQ(config->problems(), Lines{});
    config->begin();
    EXPECT_EQ(config->problems(), Lines{"web.toml:7:1: plugins.web.config.rooot: unknown key (there are none here)"});
}

TEST(PluginConfig, WithoutASectionThePlaceIsWhereTheInstanceIsNamed) {
    const Config config = parse_config("[[listeners]]\nname = 'a'\naddress = 'localhost:1'\nplugin = 'gateway'\n", "web.toml");
    const gatehouse_config& implicit = *config.plugins.front().settings;
    implicit.begin();
    gatehouse_str value{nullptr, 0};
    EXPECT_EQ(implicit.string("upstream", true, value), GATEHOUSE_INVALID);
    EXPECT_EQ(implicit.problems(), Lines{"web.toml:4:10: plugins.gateway.config.upstream: missing (expected a string)"});
}

TEST(PluginConfig, ProblemsAreBounded) {
    std::string body;
    for (int i = 0; i < 5000; ++i) body += "k" + std::to_string(i) + " = 1\n";
    const Lines problems = settings(body)->problems();
    ASSERT_EQ(problems.size(), 101U);
    EXPECT_EQ(problems.back(), "web.toml: and 4900 more");
}

} // namespace
} // namespace gatehouse::host
