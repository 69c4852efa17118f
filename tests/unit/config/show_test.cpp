#include "config/show.hpp"

#include "config/key_classes.hpp"
#include "config/load.hpp"

#include <cstdlib>
#include <gtest/gtest.h>
#include <set>

namespace gatehouse::host {
namespace {

const std::vector<ConfigKey>* no_keys(std::string_view /*plugin*/) { return nullptr; }

std::vector<ShownKey> shown_of(const std::string& text, const std::string& listener = "",
                               const KeysOfPlugin& keys_of = no_keys) {
    return shown_keys(parse_config(text, "g.toml"), listener, keys_of);
}

// "VALUE @ WHERE"; empty: it is not shown.
std::string find_shown(const std::vector<ShownKey>& keys, const std::string& section, const std::string& key) {
    for (const ShownKey& one : keys)
        if (one.section == section && one.key == key) return (one.secret ? "(secret)" : one.value) + " @ " + one.where;
    return "";
}

const std::string shown_file = R"([host]
drain_timeout = "1m"
[tls.web]
certificate = "www.pem"
min_version = "1.3"
[[tls.web.sni]]
certificate = "shop.pem"
[maps.sites]
file = "sites.map"
[plugins.db]
library = "gateway"
max_connections = 7
[plugins.db.config]
balance = "least"
[[plugins.db.config.servers]]
name = "db1"
address = "10.0.0.1:5432"
[[listeners]]
name = "mail"
address = "*:25"
plugin = "echo"
[[listeners]]
name = "web"
address = "*:443"
plugin = "db"
allow = ["192.0.2.0/24",
         "198.51.100.0/24"]
threads = { max = 5 }
rate.connections = 20
[[listeners.routes]]
sni = ["a.example"]
plugin = "db"
)";

TEST(ShowConfig, SaysEachValueAndWhereItWasSaid) {
    const std::vector<ShownKey> keys = shown_of(shown_file);
    EXPECT_EQ(find_shown(keys, "host", "drain_timeout"), "\"1m\" @ g.toml:2");
    EXPECT_EQ(find_shown(keys, "host", "old_timeout"), "\"12h\" @ default");
    EXPECT_EQ(find_shown(keys, "tls.web", "certificate"), "\"www.pem\" @ g.toml:4");
    EXPECT_EQ(find_shown(keys, "tls.web", "min_version"), "\"1.3\" @ g.toml:5");
    EXPECT_EQ(find_shown(keys, "tls.web", "sni.1.certificate"), "\"shop.pem\" @ g.toml:7");
    EXPECT_EQ(find_shown(keys, "tls.web", "max_handshakes"), "1000 @ default");
    EXPECT_EQ(find_shown(keys, "maps.sites", "file"), "\"sites.map\" @ g.toml:9");
    EXPECT_EQ(find_shown(keys, "plugins.db", "library"), "\"gateway\" @ g.toml:11");
    EXPECT_EQ(find_shown(keys, "plugins.db", "max_connections"), "7 @ g.toml:12");
    EXPECT_EQ(find_shown(keys, "plugins.db", "config.balance"), "\"least\" @ g.toml:14");
    EXPECT_EQ(find_shown(keys, "plugins.db", "config.servers.db1.address"), "\"10.0.0.1:5432\" @ g.toml:17");
    EXPECT_EQ(find_shown(keys, "plugins.echo", "library"), "\"echo\" @ default");
    EXPECT_EQ(find_shown(keys, "listeners.web", "address"), "\"*:443\" @ g.toml:24");
    EXPECT_EQ(find_shown(keys, "listeners.mail", "address"), "\"*:25\" @ g.toml:20");
    EXPECT_EQ(find_shown(keys, "listeners.web", "threads.max"), "5 @ g.toml:28");
    EXPECT_EQ(find_shown(keys, "listeners.web", "rate.connections"), "20 @ g.toml:29");
    EXPECT_EQ(find_shown(keys, "listeners.web", "allow"), "[\"192.0.2.0/24\", \"198.51.100.0/24\"] @ g.toml:26");
    EXPECT_EQ(find_shown(keys, "listeners.web", "routes.1.sni"), "[\"a.example\"] @ g.toml:31");
    EXPECT_EQ(find_shown(keys, "listeners.web", "backlog"), "1024 @ default");
    EXPECT_EQ(find_shown(keys, "listeners.web", "deny"), "");
    EXPECT_EQ(find_shown(keys, "listeners.web", "owner"), "");
    EXPECT_EQ(find_shown(keys, "listeners.web", "proxy_protocol.timeout"), "");
    std::set<std::string> once;
    for (const ShownKey& key : keys) EXPECT_TRUE(once.insert(key.section + '.' + key.key).second) << key.section << key.key;
}

TEST(ShowConfig, OfOneListenerAlone) {
    const std::vector<ShownKey> keys = shown_of(shown_file, "web");
    EXPECT_FALSE(keys.empty());
    for (const ShownKey& key : keys) EXPECT_EQ(key.section, "listeners.web");
}

// Its defaults, but for what is said and for the items of lists.
TEST(ShowConfig, KnowsTheDefaultsOfPluginsThatTellThem) {
    const auto key = [](const char* name, ConfigKey::Type type, const char* fallback, std::vector<ConfigKey> fields = {}) {
        ConfigKey made;
        made.name = name;
        made.type = type;
        made.fallback = fallback;
        made.fields = std::move(fields);
        return made;
    };
    using Type = ConfigKey::Type;
    ConfigKey servers = key("servers", Type::table, "", {key("weight", Type::integer, "1")});
    servers.many = ConfigKey::Many::list;
    const std::vector<ConfigKey> known{key("balance", Type::string, "\"round_robin\""),
                                       key("retries", Type::integer, "3"),
                                       key("health", Type::table, "", {key("interval", Type::duration, "\"2s\"")}),
                                       key("queue", Type::table, "{}", {key("size", Type::integer, "9")}),
                                       servers,
                                       key("upstream", Type::string, "")};
    const std::vector<ShownKey> keys =
        shown_of(shown_file, "", [&](std::string_view plugin) { return plugin == "db" ? &known : nullptr; });
    EXPECT_EQ(find_shown(keys, "plugins.db", "config.balance"), "\"least\" @ g.toml:14");
    EXPECT_EQ(find_shown(keys, "plugins.db", "config.retries"), "3 @ default");
    EXPECT_EQ(find_shown(keys, "plugins.db", "config.health.interval"), "") << "there is no such table";
    EXPECT_EQ(find_shown(keys, "plugins.db", "config.queue.size"), "9 @ default");
    EXPECT_EQ(find_shown(keys, "plugins.db", "config.upstream"), "");
    EXPECT_EQ(find_shown(keys, "plugins.echo", "config.retries"), "");
}

TEST(ShowConfig, ShowsNoSecret) {
    ASSERT_EQ(::setenv("GATEHOUSE_SHOWN", "hush-variable", 1), 0);
    const std::vector<ShownKey> keys = shown_of(R"([plugins.p]
library = "echo"
config = { user = "u", password = "${GATEHOUSE_SHOWN}", list = ["a", "${GATEHOUSE_SHOWN}"], token = { file = "/etc/hostname" } }
[[listeners]]
name = "web"
address = "*:80"
plugin = "p"
)");
    ::unsetenv("GATEHOUSE_SHOWN");
    EXPECT_EQ(find_shown(keys, "plugins.p", "config.user"), "\"u\" @ g.toml:3");
    EXPECT_EQ(find_shown(keys, "plugins.p", "config.password"), "(secret) @ g.toml:3");
    EXPECT_EQ(find_shown(keys, "plugins.p", "config.list"), "(secret) @ g.toml:3");
    EXPECT_EQ(find_shown(keys, "plugins.p", "config.token.file"), "\"/etc/hostname\" @ g.toml:3");
    const std::string all = show_text(keys, true) + json_cells(show_table(keys));
    EXPECT_EQ(all.find("hush"), std::string::npos) << all;
    EXPECT_NE(all.find("config.password = (secret)"), std::string::npos) << all;
    EXPECT_NE(all.find("\"key\": \"config.password\", \"value\": null"), std::string::npos) << all;
}

TEST(ShowConfig, AKeyThatWaitsForARestartSaysSo) {
    Config config =
        parse_config("[host]\nrelay_threads = 7\n" + std::string("[[listeners]]\nname = \"web\"\naddress = \"*:80\"\n"
                                                                 "plugin = \"echo\"\n"),
                     "g.toml");
    config.host.relay_threads = 2;
    config.files.waiting = {"host.relay_threads"};
    EXPECT_EQ(find_shown(shown_keys(config, "", no_keys), "host", "relay_threads"), "2 @ before; g.toml:2 needs a restart");
}

TEST(ShowConfig, TheTextIsForPeople) {
    std::vector<ShownKey> keys{{"host", "watch", "true", "g.toml:2", false},
                               {"listeners.web", "backlog", "1024", "default", false},
                               {"listeners.web", "x", "\"a\033b\"", "g.toml:3", false}};
    EXPECT_EQ(show_text(keys, false), "[host]\nwatch = true\n\n[listeners.web]\nbacklog = 1024\nx = \"a\\x1bb\"\n");
    EXPECT_EQ(show_text({keys[0]}, true), "[host]\nwatch = true                                      # g.toml:2\n");
}

// Every key that a reload knows is known here as well, but for what is shown item by item.
TEST(ShowConfig, KnowsAllKeys) {
    const std::vector<ShownKey> keys = shown_of(shown_file);
    for (const char* const key :
         {"host.plugin_path", "process.seccomp", "log.level", "listeners.web.keepalive_idle", "listeners.web.mode"}) {
        const std::string name = key;
        const std::size_t dot = name.starts_with("listeners.") ? name.find('.', 10) : name.find('.');
        EXPECT_NE(find_shown(keys, name.substr(0, dot), name.substr(dot + 1)), "") << key;
    }
}

} // namespace
} // namespace gatehouse::host
