// The keys of a plugin in the wrapper and in the test kit: defaults, the host's refusals, and that a plugin reads what it says.
#include <gatehouse/plugin.hpp>
#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>

using namespace gatehouse::kit;
using namespace std::chrono_literals;
using gatehouse::Config;
using gatehouse::Key;
using gatehouse::Word;

namespace {

std::function<void(const Config&)> constructor; // what the constructor does in the test that runs

constexpr Word methods[] = {"fast", "fair"};
constexpr Key server_keys[] = {Key::address("address", "where it is").required(),
                               Key::integer("weight", "its share").range(1, 9).fallback(2)};
constexpr Key queue_keys[] = {Key::integer("size", "how many wait").fallback(7)};

struct Reader {
    static constexpr Key keys[] = {Key::string("method", "how").one_of(methods).fallback("fair"),
                                   Key::path("root", "where").required(),
                                   Key::integer("retries", "how often").fallback(3).range(0, 100),
                                   Key::boolean("log", "whether").fallback(true),
                                   Key::duration("wait", "how long").fallback(5s).range(1ms, 1h),
                                   Key::bytes("limit", "how much").fallback(4096).at_least(256),
                                   Key::table("servers", "to whom", server_keys).list(),
                                   Key::table("queue", "how to wait", queue_keys),
                                   Key::string("allow", "who").list(),
                                   Key::integer("port", "another").range(1, 65535).without("the usual"),
                                   Key::tls_client("tls", "speaks TLS").fallback(false)};

    explicit Reader(gatehouse::Init& init) { constructor(init.config()); }
    void serve(gatehouse::Connection&) {}
};

// What the host says, whatever the plugin does.
std::string refusal(const Table& more) {
    constructor = [](const Config&) { FAIL() << "create() must not be called"; };
    Table table{{"root", "/srv"}};
    table.entries.insert(table.entries.end(), more.entries.begin(), more.entries.end());
    return Plugin::refusal(table);
}

std::string breach(const Table& table, std::function<void(const Config&)> reads) {
    constructor = std::move(reads);
    try {
        const Plugin plugin(table);
        return "";
    } catch (const ContractViolation& broken) {
        return broken.what();
    }
}

} // namespace

GATEHOUSE_PLUGIN(Reader, "reader", "1.0.0")

TEST(Keys, GiveTheDefaults) {
    constructor = [](const Config& config) {
        EXPECT_EQ(config.string("method"), "fair");
        EXPECT_EQ(config.string("root"), "/srv");
        EXPECT_EQ(config.integer("retries"), 3);
        EXPECT_TRUE(config.boolean("log"));
        EXPECT_EQ(config.duration("wait"), 5s);
        EXPECT_EQ(config.size("limit"), 4096U);
        EXPECT_EQ(config.integer("port"), 0);
        EXPECT_TRUE(config.items("allow").empty());
    };
    EXPECT_EQ(Plugin::refusal({{"root", "/srv"}}), "");
}

TEST(Keys, OfTablesGiveTheirsToo) {
    constructor = [](const Config& config) {
        EXPECT_EQ(config.string("root"), "/srv");
        const auto servers = config.items("servers");
        ASSERT_EQ(servers.size(), 2U);
        EXPECT_EQ(servers[0].string("address"), "a:1");
        EXPECT_EQ(servers[0].integer("weight"), 2);
        EXPECT_EQ(servers[1].string("address"), "b:1");
        EXPECT_EQ(servers[1].integer("weight"), 9);
        EXPECT_EQ(config.table("queue")->integer("size"), 7);
        EXPECT_EQ(config.items("allow")[0].string(""), "*");
    };
    EXPECT_EQ(Plugin::refusal({{"root", "/srv"},
                               {"servers", List{Table{{"address", "a:1"}}, Table{{"address", "b:1"}, {"weight", 9}}}},
                               {"queue", Table{}},
                               {"allow", List{"*"}}}),
              "");
}

TEST(Keys, RefuseBeforeThePluginIsAsked) {
    constructor = [](const Config&) { FAIL() << "create() must not be called"; };
    EXPECT_EQ(Plugin::refusal({}), "root: missing (expected a string)");
    EXPECT_EQ(refusal({{"method", "fats"}}), "method: unknown value \"fats\" (expected \"fast\" or \"fair\")");
    EXPECT_EQ(refusal({{"retries", 101}}), "retries: out of range: 101 (expected an integer from 0 to 100)");
    EXPECT_EQ(refusal({{"log", 1}}), "log: wrong type: integer (expected true or false)");
    EXPECT_EQ(refusal({{"wait", "0s"}}), "wait: out of range: \"0s\" (expected a duration from 1ms to 1h)");
    EXPECT_EQ(refusal({{"wait", "90m"}}), "wait: out of range: \"90m\" (expected a duration from 1ms to 1h)");
    EXPECT_EQ(refusal({{"wait", "soon"}}), "wait: \"soon\" is not a duration such as \"30s\"");
    EXPECT_EQ(refusal({{"limit", 100}}), "limit: out of range: \"100\" (expected a size of at least 256)");
    EXPECT_EQ(refusal({{"servers", List{Table{{"weight", 0}}, "b:1"}}}),
              "servers[0].address: missing (expected a string)\n"
              "servers[0].weight: out of range: 0 (expected an integer from 1 to 9)\n"
              "servers[1]: wrong type: string (expected a table)");
    EXPECT_EQ(refusal({{"queue", Table{{"sise", 1}}}}), "queue.sise: unknown key (known here: size)");
    EXPECT_EQ(refusal({{"allow", "*"}}), "allow: wrong type: string (expected an array)");
    EXPECT_EQ(refusal({{"allow", List{Table{}}}}), "allow[0]: wrong type: table (expected a string)");
    EXPECT_EQ(refusal({{"tls", Table{{"verify", false}, {"cert", "x"}}}}),
              "tls.cert: unknown key (known here: ca, server_name, certificate, key, verify, alpn)");
    EXPECT_EQ(refusal({{"rot", 1}}).substr(0, 17), "rot: unknown key ");
}

TEST(Keys, AreAllThatThePluginReads) {
    const Table good{{"root", "/srv"}};
    EXPECT_EQ(breach(good, [](const Config& config) { config.string("root"); }), "");
    EXPECT_EQ(breach(good,
                     [](const Config& config) {
                         config.string("root");
                         config.string("rest", "");
                     }),
              "the plugin reads rest, which is not among its keys");
    EXPECT_EQ(breach({{"root", "/srv"}, {"queue", Table{}}},
                     [](const Config& config) {
                         config.string("root");
                         config.table("queue")->integer("depth", 1);
                     }),
              "the plugin reads queue.depth, which is not among its keys");
    EXPECT_EQ(breach(good,
                     [](const Config& config) {
                         config.string("root");
                         config.size("wait", 1);
                         config.string("allow", "");
                     }),
              "the plugin reads wait as another type than its key has\n"
              "the plugin reads allow as another type than its key has");
}

TEST(Keys, AreAllReadThatAreGiven) {
    EXPECT_EQ(breach({{"root", "/srv"}, {"retries", 1}, {"servers", List{Table{{"address", "a:1"}, {"weight", 1}}}}},
                     [](const Config& config) {
                         config.string("root");
                         config.items("servers")[0].string("address");
                     }),
              "the plugin has retries among its keys and has not read it\n"
              "the plugin has servers[0].weight among its keys and has not read it");
}

TEST(Keys, AreAskedForByTheirNames) {
    constructor = [](const Config& config) { config.duration("weit"); };
    EXPECT_EQ(Plugin::refusal({{"root", "/srv"}}), "the plugin reads \"weit\", which is not one of its keys");
}
