#include "config/plan.hpp"

#include "config/fingerprint.hpp"
#include "config/load.hpp"
#include "config/plugin_settings.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <unistd.h>
#include <vector>

namespace gatehouse::host {
namespace {

Config planned(const std::string& text) { return parse_config(text, "gatehouse.toml"); }

std::string listener_text(const std::string& name, const std::string& address, const std::string& more = "") {
    return "[[listeners]]\nname = \"" + name + "\"\naddress = \"" + address + "\"\nplugin = \"echo\"\n" + more;
}

// "web: kept web: +routes.2 ~routes.1.sni", a line each.
std::string listener_plans(const Plan& plan) {
    constexpr const char* sockets[] = {"kept", "moved", "opened", "closed", "given"};
    std::string text;
    for (const ListenerPlan& one : plan.listeners) {
        text += one.name + ": " + sockets[static_cast<std::size_t>(one.socket)];
        if (!one.socket_of.empty()) text += ' ' + one.socket_of;
        if (!one.running.empty() && one.running != one.name) text += " as " + one.running;
        for (const Change& change : one.changes)
            text += std::string(" ") + "~+-m"[static_cast<std::size_t>(change.kind)] + change.key;
        text += '\n';
    }
    return text;
}

std::string listener_plans(const std::string& running, const std::string& next) {
    return listener_plans(plan_of(planned(running), planned(next)));
}

// --- Listeners ------------------------------------------------------------------------------------------------------------

TEST(Plan, FindsSocketsByAddress) {
    const std::string a = listener_text("a", "127.0.0.1:8001");
    const std::string b = listener_text("b", "127.0.0.1:8002");
    EXPECT_EQ(listener_plans(a, a + b), "a: kept a\nb: opened\n");
    EXPECT_EQ(listener_plans(a + b, a), "a: kept a\nb: closed\n");
    EXPECT_EQ(listener_plans(a, b), "b: opened\na: closed\n");
    EXPECT_EQ(listener_plans(a, listener_text("a", "127.0.0.1:8002")), "a: moved ~address\n");
    EXPECT_EQ(listener_plans(a, listener_text("z", "127.0.0.1:8001")), "z: kept a as a ~name\n");
    // They change places: names keep their past, addresses their sockets.
    EXPECT_EQ(listener_plans(a + b, listener_text("b", "127.0.0.1:8001") + listener_text("a", "127.0.0.1:8002")),
              "b: kept a ~address\na: kept b ~address\n");
    // One takes the socket of another one, which moves on.
    const Plan plan = plan_of(planned(a), planned(listener_text("a", "127.0.0.1:8002") + listener_text("c", "127.0.0.1:8001")));
    EXPECT_EQ(listener_plans(plan), "a: moved ~address\nc: kept a\n");
    EXPECT_EQ(plan.opens, 1U);
    EXPECT_EQ(plan.closes, 0U);
    EXPECT_EQ(plan.keeps, 1U);
    EXPECT_EQ(listener_plans(a + b, listener_text("a", "127.0.0.1:8002")), "a: kept b ~address\nb: given\n");
}

TEST(Plan, KnowsAnAddressInEverySpelling) {
    EXPECT_EQ(listener_plans(listener_text("a", "*:8001"), listener_text("a", "[::]:8001")), "a: kept a ~address\n");
    EXPECT_EQ(listener_plans(listener_text("a", "LOCALHOST:8001"), listener_text("a", "localhost.:8001")),
              "a: kept a ~address\n");
    EXPECT_EQ(listener_plans(listener_text("a", "[fe80::1%1]:8001"), listener_text("a", "[fe80::1%2]:8001")),
              "a: moved ~address\n");
    EXPECT_EQ(listener_plans(listener_text("a", "fd:web"), listener_text("b", "fd:web")), "b: kept a as a ~name\n");
    // Each listener has a free port of its own.
    const std::string two = listener_text("a", "127.0.0.1:0") + listener_text("b", "127.0.0.1:0");
    EXPECT_EQ(listener_plans(two, two + listener_text("c", "127.0.0.1:0")), "a: kept a\nb: kept b\nc: opened\n");
    const std::string zoned = listener_text("a", "[fe80::1%1]:0");
    const Plan plan = plan_of(planned(zoned), planned(zoned + listener_text("b", "[fe80::1%1]:0")));
    EXPECT_EQ(listener_plans(plan), "a: kept a\nb: opened\n");
    EXPECT_EQ(plan.closes, 0U);
}

TEST(Plan, ASocketKeepsItsFamilies) {
    const Config running = planned(listener_text("a", "[::]:8001"));
    const Config same = planned(listener_text("a", "[::]:8001", "ipv6_only = true\nbacklog = 5\n"));
    EXPECT_EQ(plan_of(running, same).waiting(), std::vector<std::string>{"listeners.a.ipv6_only"});
    EXPECT_EQ(with_restart_keys_of(running, same), planned(listener_text("a", "[::]:8001", "backlog = 5\n")));
    const Config other = planned(listener_text("a", "[::]:8002", "ipv6_only = true\n"));
    EXPECT_TRUE(plan_of(running, other).waiting().empty());
    EXPECT_EQ(with_restart_keys_of(running, other), other);
}

TEST(Plan, CountsNetworksInWhicheverOrderTheyStand) {
    const auto with = [](const std::string& lists) { return planned(listener_text("a", "127.0.0.1:8001", lists)); };
    const Config running = with("deny = ['10.0.0.0/8', '192.0.2.1']\n");
    EXPECT_EQ(running, with("deny = ['192.0.2.1', '10.0.0.0/8']\n"));
    EXPECT_TRUE(plan_of(running, with("deny = ['192.0.2.1', '10.0.0.0/8']\n")).empty());
    const Plan plan = plan_of(running, with("deny = ['10.0.0.0/8', '192.0.2.2', '192.0.2.3']\n"));
    ASSERT_EQ(plan.listeners.at(0).changes.size(), 1U);
    EXPECT_EQ(plan.listeners.at(0).changes[0].key, "deny");
    EXPECT_EQ(plan.listeners.at(0).changes[0].networks_added, 2U);
    EXPECT_EQ(plan.listeners.at(0).changes[0].networks_removed, 1U);
}

// --- Routes ---------------------------------------------------------------------------------------------------------------

std::string route_letters(const std::string& letters) {
    std::string text;
    for (const char letter : letters) {
        const bool other_plugin = letter >= 'A' && letter <= 'Z';
        const char name = other_plugin ? static_cast<char>(letter - 'A' + 'a') : letter;
        text += "[[listeners.routes]]\nsni = \"" + std::string(1, name) + ".example\"\nplugin = \"" +
                (other_plugin ? "other" : "echo") + "\"\n";
    }
    return listener_text("web", "127.0.0.1:8001", text) + "[plugins.other]\n";
}

TEST(Plan, SaysWhatBecameOfEachRoute) {
    const auto between = [](const std::string& running, const std::string& next) {
        return listener_plans(route_letters(running), route_letters(next));
    };
    EXPECT_EQ(between("abc", "abc"), "web: kept web\n");
    EXPECT_EQ(between("abc", "abcd"), "web: kept web +routes.4\n");
    EXPECT_EQ(between("abc", "xabc"), "web: kept web +routes.1\n");
    EXPECT_EQ(between("abc", "ac"), "web: kept web -routes.2\n");
    EXPECT_EQ(between("abc", "axc"), "web: kept web ~routes.2.sni\n");
    EXPECT_EQ(between("abc", "abC"), "web: kept web ~routes.3.plugin\n");
    EXPECT_EQ(between("abc", "bca"), "web: kept web mroutes.3\n"); // one went past two
    EXPECT_EQ(between("abcd", "dabc"), "web: kept web mroutes.1\n");
    EXPECT_EQ(between("abcd", "xBd"), "web: kept web ~routes.1.sni ~routes.2.plugin -routes.3\n");
}

// --- The `config` tables of plugins ---------------------------------------------------------------------------------------

// "~config.port 80 -> 81", "+config.servers.c {address = "x"}", a line each.
std::string changes_of_settings(const std::string& running, const std::string& next) {
    const auto with = [](const std::string& config) {
        return planned("[plugins.echo.config]\n" + config + listener_text("a", "127.0.0.1:8001"));
    };
    const Plan plan = plan_of(with(running), with(next));
    EXPECT_EQ(plan.empty(), with(running) == with(next));
    EXPECT_EQ(fingerprint(with(running)) == fingerprint(with(next)), plan.empty());
    std::string text;
    for (const SectionPlan& section : plan.plugins)
        for (const Change& change : section.changes) {
            EXPECT_EQ(change.effect, KeyClass::instance);
            text += "~+-m"[static_cast<std::size_t>(change.kind)] + change.key;
            if (change.kind == Change::Kind::changed) text += ' ' + change.before + " -> " + change.after;
            for (const auto& [key, value] : change.fields) text += ' ' + key + '=' + value;
            text += '\n';
        }
    return text;
}

TEST(Plan, ComparesSettingsOfPluginsByWhatTheySay) {
    EXPECT_EQ(changes_of_settings("port = 80\n", "port = 0x50\n"), "");
    EXPECT_EQ(changes_of_settings("port = 80\n", "port = 81\n"), "~config.port 80 -> 81\n");
    EXPECT_EQ(changes_of_settings("port = 80\n", "port = 80.0\n"), "~config.port 80 -> 80.0\n");
    EXPECT_EQ(changes_of_settings("", "port = 80\n"), "~config.port  -> 80\n");
    EXPECT_EQ(changes_of_settings("a.b = 1\n", "a = {}\n"), "~config.a  -> {}\n~config.a.b 1 -> \n");
    EXPECT_EQ(changes_of_settings("list = ['a']\n", "list = ['a', 'b']\n"), "~config.list [\"a\"] -> [\"a\", \"b\"]\n");
    EXPECT_EQ(changes_of_settings("\"a.b\" = 1\n", "\"a.b\" = 2\n"), "~config.\"a.b\" 1 -> 2\n");
    EXPECT_EQ(changes_of_settings("day = 1979-05-27\n", "day = '1979-05-27'\n"), "~config.day 1979-05-27 -> \"1979-05-27\"\n");
    EXPECT_EQ(changes_of_settings("lists = [[1], [2]]\n", "lists = [[1], [3]]\n"), "~config.lists.2 [2] -> [3]\n");
}

TEST(Plan, KnowsItemsOfSettingsByTheirNames) {
    const std::string a = "[[plugins.echo.config.servers]]\nname = 'a'\nport = 1\n";
    const std::string b = "[[plugins.echo.config.servers]]\nname = 'b'\nport = 2\n";
    EXPECT_EQ(changes_of_settings(a, a + b), "+config.servers.b name=\"b\" port=2\n");
    EXPECT_EQ(changes_of_settings(a + b, b), "-config.servers.a name=\"a\" port=1\n");
    EXPECT_EQ(changes_of_settings(a + b, b + a), "mconfig\n");
    EXPECT_EQ(changes_of_settings(a, a + "weight = 2\n"), "~config.servers.a.weight  -> 2\n");
    // Without names that differ they are known by their numbers.
    EXPECT_EQ(changes_of_settings(a, a + a), "+config.servers.1 name=\"a\" port=1\n+config.servers.2 name=\"a\" port=1\n"
                                             "-config.servers.a name=\"a\" port=1\n");
}

TEST(Plan, ATextFromElsewhereThatSaysTheSameHasNotChanged) {
    ::setenv("GATEHOUSE_TEST_PORT", "80", 1);
    ::setenv("GATEHOUSE_TEST_FLAG", "true", 1);
    EXPECT_EQ(changes_of_settings("a = 1\nport = 80\nlog = true\nname = '80'\n",
                                  "a = 2\nport = '${GATEHOUSE_TEST_PORT}'\nlog = '${GATEHOUSE_TEST_FLAG}'\nname = "
                                  "'${GATEHOUSE_TEST_PORT}'\n"),
              "~config.a 1 -> 2\n");
    EXPECT_EQ(changes_of_settings("a = 1\nports = [80, 81]\n", "a = 2\nports = ['${GATEHOUSE_TEST_PORT}', 81]\n"),
              "~config.a 1 -> 2\n");
    EXPECT_EQ(changes_of_settings("port = '${GATEHOUSE_TEST_PORT}'\n", "port = 81\n"), "~config.port  -> \n");
    EXPECT_EQ(changes_of_settings("port = '${GATEHOUSE_TEST_PORT}'\n", "port = 80.0\n"), "~config.port  -> \n");
    ::unsetenv("GATEHOUSE_TEST_FLAG");
    ::unsetenv("GATEHOUSE_TEST_PORT");
}

TEST(Plan, AnItemWhoseNameComesFromElsewhereHasANumber) {
    ::setenv("GATEHOUSE_TEST_NAME", "hunter2", 1);
    const std::string server = "[[plugins.echo.config.servers]]\nname = '${GATEHOUSE_TEST_NAME}'\nport = ";
    EXPECT_EQ(changes_of_settings(server + "1\n", server + "2\n"), "~config.servers.1.port 1 -> 2\n");
    ::unsetenv("GATEHOUSE_TEST_NAME");
}

TEST(Plan, ShowsThatASecretHasChangedAndNotWhatItIs) {
    const std::string folder = testing::TempDir() + "plan-secrets-" + std::to_string(::getpid());
    std::filesystem::create_directory(folder);
    const auto write = [&](const std::string& text) { std::ofstream(folder + "/password") << text << '\n'; };
    const auto read = [&] {
        return parse_config(
            "[plugins.echo.config]\npassword = { file = 'password' }\nuser = '${GATEHOUSE_TEST_USER:-nobody}'\n" +
                listener_text("a", "127.0.0.1:8001"),
            folder + "/gatehouse.toml");
    };
    const auto use = [](const Config& config) { // as create() does
        gatehouse_str value{};
        config.plugins.at(0).settings->begin();
        EXPECT_EQ(config.plugins[0].settings->string("password", true, value), GATEHOUSE_OK);
    };
    write("hunter-1");
    const Config running = read();
    const std::string id = fingerprint(running);
    use(running);
    EXPECT_TRUE(plan_of(running, read()).empty());
    EXPECT_EQ(fingerprint(read()), id);

    write("hunter-2");
    ::setenv("GATEHOUSE_TEST_USER", "somebody", 1);
    const Config next = read();
    ::unsetenv("GATEHOUSE_TEST_USER");
    EXPECT_NE(fingerprint(next), id);
    const Plan plan = plan_of(running, next);
    const std::vector<Change>& changes = plan.plugins.at(0).changes;
    ASSERT_EQ(changes.size(), 2U);
    EXPECT_EQ(changes[0].key, "config.password");
    EXPECT_EQ(changes[1].key, "config.user");
    for (const Change& change : changes) EXPECT_TRUE(change.secret && change.before.empty() && change.after.empty());
    use(next);
    EXPECT_EQ(plan_of(running, next).plugins.at(0).changes.size(), 2U);
    std::filesystem::remove_all(folder);
}

// --- Everything -----------------------------------------------------------------------------------------------------------

// Random files that are valid: from few names, ports and values, so that two of them have much in common.
class RandomFiles {
  public:
    explicit RandomFiles(std::uint32_t seed) : random_(seed) {}

    std::string file() {
        std::string text;
        line(text, "[host]\n", {"drain_timeout = '5s'\n", "stack_size = '128KiB'\n", "control = 'a.sock'\n"});
        line(text, "[process]\n", {"user = 'www-data'\n", "seccomp = 'on'\n"});
        line(text, "[log]\n", {"level = 'debug'\n", "file = 'a.log'\n"});
        for (const char* const name : {"one", "two"})
            if (name == std::string("one") || half()) {
                line(text, "[tls." + std::string(name) + "]\ncertificate = 'a.pem'\n", {"alpn = ['h2']\n", "key = 'b.pem'\n"});
                for (const char* const sni : {"b.pem", "c.pem", "d.pem"})
                    if (half()) text += "[[tls." + std::string(name) + ".sni]]\ncertificate = '" + sni + "'\n";
            }
        line(text, "[plugins.echo]\n", {"library = 'other'\n", "max_connections = 5\n", "config.port = 80\n"});
        std::vector<int> ports{8001, 8002, 8003, 8004};
        std::ranges::shuffle(ports, random_);
        for (std::size_t i = 0; i < 3; ++i)
            if (i == 0 || half()) {
                text += listener_text(std::string(1, static_cast<char>('a' + i)), "[::1]:" + std::to_string(ports[i]));
                line(text, "", {"backlog = 5\n", "ipv6_only = true\n", "deny = ['192.0.2.1']\n", "idle_timeout = '1m'\n"});
                std::vector<char> letters{'p', 'q', 'r', 's'};
                std::ranges::shuffle(letters, random_);
                for (const char letter : letters)
                    if (half())
                        line(text, "[[listeners.routes]]\nsni = '" + std::string(1, letter) + ".example'\nplugin = 'echo'\n",
                             {"deny = ['192.0.2.2']\n", "alpn = ['h2']\n"});
            }
        return text;
    }

  private:
    bool half() { return random_() % 2 == 0; }
    void line(std::string& text, const std::string& first, const std::vector<std::string>& others) {
        text += first;
        for (const std::string& other : others)
            if (random_() % 4 == 0) text += other;
    }

    std::mt19937 random_;
};

std::vector<const std::vector<Change>*> all_changes_of(const Plan& plan) {
    std::vector<const std::vector<Change>*> all{&plan.host, &plan.process, &plan.log};
    for (const SectionPlan& one : plan.tls) all.push_back(&one.changes);
    for (const SectionPlan& one : plan.plugins) all.push_back(&one.changes);
    for (const ListenerPlan& one : plan.listeners) all.push_back(&one.changes);
    return all;
}

// How often each kind of difference is there; `back`: as the plan of the way back should have it.
std::map<std::string, std::size_t> counts_of(const Plan& plan, bool back) {
    std::map<std::string, std::size_t> counts;
    for (const std::vector<Change>* changes : all_changes_of(plan))
        for (const Change& change : *changes) {
            if (change.key == "ipv6_only")
                continue; // it is compared with the listener that has the socket, which may be another
            const bool item = change.kind == Change::Kind::added || change.kind == Change::Kind::removed;
            if (item)
                ++counts[(change.kind == Change::Kind::added) != back ? "added" : "removed"];
            else if (change.kind == Change::Kind::moved)
                ++counts["moved"];
            else
                ++counts[back ? change.after + " -> " + change.before : change.before + " -> " + change.after];
            counts["networks added"] += back ? change.networks_removed : change.networks_added;
        }
    counts["opens"] = back ? plan.closes : plan.opens;
    counts["keeps"] = plan.keeps;
    return counts;
}

TEST(Plan, HoldsForRandomConfigurations) {
    RandomFiles files(20'261'128);
    std::size_t equal = 0;
    for (int round = 0; round < 300; ++round) {
        const std::string one = files.file();
        const std::string two = round % 20 == 0 ? "# the same\n" + one : files.file();
        SCOPED_TRACE("--- running\n" + one + "--- next\n" + two);
        const Config running = planned(one);
        const Config next = planned(two);
        const Plan plan = plan_of(running, next);
        equal += running == next ? 1 : 0;
        EXPECT_EQ(plan.empty(), running == next);
        EXPECT_EQ(fingerprint(running) == fingerprint(next), running == next);
        EXPECT_TRUE(plan_of(next, next).empty());
        EXPECT_EQ(plan.keeps + plan.opens, next.listeners.size());
        EXPECT_EQ(plan.keeps + plan.closes, running.listeners.size());
        EXPECT_EQ(counts_of(plan, false), counts_of(plan_of(next, running), true));

        // What can be applied at once, and then what has waited, is all of it.
        const Config applied = with_restart_keys_of(running, next);
        EXPECT_TRUE(plan_of(running, applied).waiting().empty());
        const Plan rest = plan_of(applied, next);
        EXPECT_EQ(rest.waiting(), plan.waiting());
        for (const std::vector<Change>* changes : all_changes_of(rest))
            for (const Change& change : *changes) EXPECT_EQ(change.effect, KeyClass::restart) << change.key;
        if (HasFailure()) break;
    }
    EXPECT_GE(equal, 15U);
    EXPECT_LT(equal, 100U);
}

} // namespace
} // namespace gatehouse::host
