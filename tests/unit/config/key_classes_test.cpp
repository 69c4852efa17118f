// Each key of the configuration: a plan shows a change of it under its name and with its class, and nothing else.
#include "config/fingerprint.hpp"
#include "config/load.hpp"
#include "config/plan.hpp"
#include "text_files.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unistd.h>
#include <vector>

namespace gatehouse::host {
namespace {

// A file by its sections. Three listeners, since some keys exclude each other.
struct Section {
    std::string name; // as in the paths of keys
    std::string header;
    std::map<std::string, std::string> keys;
};
using Document = std::vector<Section>;

const Document every_section{
    {"host", "[host]", {{"control", "\"gatehouse.sock\""}}},
    {"process", "[process]", {}},
    {"log", "[log]", {}},
    {"tls.NAME", "[tls.NAME]", {{"certificate", "\"cert.pem\""}, {"client", "\"optional\""}, {"client_ca", "\"ca.pem\""}}},
    {"tls.NAME.sni", "[[tls.NAME.sni]]", {{"certificate", "\"sni.pem\""}}},
    {"", "[tls.more]", {{"certificate", "\"more.pem\""}}},
    {"maps.NAME", "[maps.NAME]", {{"file", "\"a.map\""}}},
    {"plugins.NAME", "[plugins.NAME]", {}},
    {"", "[plugins.more]", {}},
    {"listeners",
     "[[listeners]]",
     {{"name", "\"web\""},
      {"address", "\"127.0.0.1:8001\""},
      {"plugin", "\"NAME\""},
      {"max_per_source", "5"},
      {"rate.connections", "10"},
      {"min_rate", "1024"},
      {"proxy_protocol.from", "[\"127.0.0.1\"]"},
      {"on_silence.after", "\"1s\""},
      {"on_silence.plugin", "\"NAME\""}}},
    {"listeners.routes", "[[listeners.routes]]", {{"sni", "\"www.example.org\""}, {"plugin", "\"NAME\""}}},
    {"listeners.routes 2", "[[listeners.routes]]", {{"match.hex", "\"00ff\""}, {"match.at", "2"}, {"plugin", "\"NAME\""}}},
    {"listeners 2", "[[listeners]]", {{"name", "\"plain\""}, {"address", "\"127.0.0.1:8002\""}, {"plugin", "\"NAME\""}}},
    {"listeners 3", "[[listeners]]", {{"name", "\"unix\""}, {"address", "\"unix:/run/a\""}, {"plugin", "\"NAME\""}}},
};

// Keys of other sections than the first that has their name.
const std::map<std::string, std::string> other_sections{
    {"listeners.tls", "listeners 2"},
    {"listeners.pool", "listeners 2"},
    {"listeners.mode", "listeners 3"},
    {"listeners.owner", "listeners 3"},
    {"listeners.group", "listeners 3"},
    {"listeners.routes.match.prefix", "listeners.routes 2"},
    {"listeners.routes.match.hex", "listeners.routes 2"},
    {"listeners.routes.match.at", "listeners.routes 2"},
    {"listeners.routes.probe", "listeners.routes 2"},
};

// Values that the type does not tell.
const std::map<std::string, std::string> special_values{
    {"host.plugin_path", R"(["plugins", "more"])"},
    {"host.resolvers", R"(["192.0.2.1:53"])"},
    {"process.capabilities", R"(["CAP_NET_RAW"])"},
    {"tls.NAME.alpn", R"(["h2"])"},
    {"maps.NAME.default", R"("10.0.0.1:443")"},
    {"plugins.NAME.grants", R"(["host"])"},
    {"plugins.NAME.config", "{ a = 1 }"},
    {"listeners.address", R"("127.0.0.1:8009")"},
    {"listeners.plugin", R"("more")"},
    {"listeners.tls", R"("NAME")"},
    {"listeners.proxy_protocol.from", R"(["127.0.0.2"])"},
    {"listeners.allow", R"(["192.0.2.0/24", "127.0.0.1"])"},
    {"listeners.deny", R"(["192.0.2.0/24"])"},
    {"listeners.on_silence.plugin", R"("more")"},
    {"listeners.routes.sni", R"(["ftp.example.org"])"},
    {"listeners.routes.sni_map", R"("NAME")"},
    {"listeners.routes.alpn", R"(["h2"])"},
    {"listeners.routes.source", R"(["192.0.2.0/24"])"},
    {"listeners.routes.match.hex", R"("00fe")"},
    {"listeners.routes.match.prefix", R"("A")"},
    {"listeners.routes.probe", "true"},
    {"listeners.routes.allow", R"(["192.0.2.0/24", "127.0.0.1"])"},
    {"listeners.routes.deny", R"(["192.0.2.0/24"])"},
    {"listeners.routes.tls", R"("NAME")"},
    {"listeners.routes.plugin", R"("more")"},
    {"listeners.mode", R"("0600")"},
};

// A file with networks, for allow_file and deny_file.
class ListOfNetworks {
  public:
    ListOfNetworks() { std::ofstream(path_) << "192.0.2.0/24\n198.51.100.7\n"; }
    ~ListOfNetworks() { std::filesystem::remove(path_); }
    ListOfNetworks(const ListOfNetworks&) = delete;
    ListOfNetworks& operator=(const ListOfNetworks&) = delete;
    std::string quoted() const { return '"' + path_ + '"'; }

  private:
    const std::string path_ = testing::TempDir() + "networks-" + std::to_string(::getpid());
};

std::string text_of_document(const Document& document) {
    std::string text;
    for (const Section& section : document) {
        text += section.header + '\n';
        for (const auto& [key, value] : section.keys) text += key + " = " + value + '\n';
    }
    return text;
}

Config written_config(const Document& document) { return parse_config(text_of_document(document), "gatehouse.toml"); }

struct Leaf {
    std::string path;
    ConfigKey key;
};
void add_leaves(const std::vector<ConfigKey>& keys, const std::string& before, std::vector<Leaf>& leaves) {
    for (const ConfigKey& key : keys) {
        if (key.name == "include" && before.empty()) continue; // what it includes is compared
        if (key.fields.empty()) leaves.push_back({before + key.name, key});
        add_leaves(key.fields, before + key.name + '.', leaves);
    }
}
std::vector<Leaf> all_keys() {
    std::vector<Leaf> leaves;
    add_leaves(config_keys(), "", leaves);
    return leaves;
}

// The section that has the key: the one with the longest name before it.
std::string section_name(const std::string& path) {
    std::string name;
    for (const Section& section : every_section)
        if (!section.name.empty() && path.starts_with(section.name + '.') && section.name.size() > name.size())
            name = section.name;
    return name;
}

// Another value than the one that the key has, by its type.
std::string other_value(const ConfigKey& key, const std::string& value) {
    const auto greater = [&](std::int64_t number, std::int64_t step) {
        return number_text(key, !key.maximum || number + step <= *key.maximum ? number + step : number - step);
    };
    const std::string bare = value.starts_with('"') ? value.substr(1, value.size() - 2) : value;
    std::string error;
    if (!key.words.empty()) return '"' + (key.words[0] != bare ? key.words[0] : key.words[1]) + '"';
    switch (key.type) {
    case ConfigKey::Type::integer:
        return greater(std::stoll(bare), 1);
    case ConfigKey::Type::boolean:
        return value == "true" ? "false" : "true";
    case ConfigKey::Type::duration:
        return greater(parse_duration(bare, error)->count(), 1000);
    case ConfigKey::Type::size:
        return greater(static_cast<std::int64_t>(*parse_size(bare, error)), 1024);
    default:
        return R"("other")";
    }
}

// Changes by the whole names of their keys.
std::map<std::string, Change> changes_by_key(const Plan& plan) {
    std::map<std::string, Change> all;
    const auto add = [&](const std::string& section, const std::vector<Change>& changes) {
        for (const Change& change : changes) EXPECT_TRUE(all.emplace(section + '.' + change.key, change).second) << change.key;
    };
    add("host", plan.host);
    add("process", plan.process);
    add("log", plan.log);
    for (const SectionPlan& section : plan.tls) add("tls." + section.name, section.changes);
    for (const SectionPlan& section : plan.maps) add("maps." + section.name, section.changes);
    for (const SectionPlan& section : plan.plugins) add("plugins." + section.name, section.changes);
    for (const ListenerPlan& listener : plan.listeners) add("listeners." + listener.running, listener.changes);
    return all;
}

// "listeners.web.routes.1.sni" for "listeners.routes.sni".
std::string name_in_plan(const std::string& path, const std::string& section) {
    const std::string key = path.substr(section_name(path).size() + 1);
    if (section == "tls.NAME.sni") return "tls.NAME.sni.1." + key;
    if (section == "listeners.routes") return "listeners.web.routes.1." + key;
    if (section == "listeners.routes 2") return "listeners.web.routes.2." + key.substr(0, key.find('.'));
    if (section == "listeners 2") return "listeners.plain." + key;
    if (section == "listeners 3") return "listeners.unix." + key;
    if (section == "listeners") return "listeners.web." + key;
    return section + '.' + key + (path == "plugins.NAME.config" ? ".a" : "");
}

TEST(KeyClasses, EachKeyHasOneAndEachClassItsKey) {
    std::map<std::string, KeyClass> classes;
    for (const ClassedKey& one : key_classes()) EXPECT_TRUE(classes.emplace(one.key, one.effect).second) << one.key;
    std::set<std::string> used;
    for (const Leaf& leaf : all_keys()) {
        std::string path = leaf.path; // that of a table covers its keys
        while (!classes.contains(path) && path.find('.') != std::string::npos) path.resize(path.rfind('.'));
        EXPECT_TRUE(classes.contains(path)) << leaf.path << " has no class: add it to config/key_classes.cpp";
        for (std::string table = path; table.find('.') != std::string::npos; table.resize(table.rfind('.'))) used.insert(table);
    }
    for (const auto& [key, effect] : classes) EXPECT_TRUE(used.contains(key)) << "there is no key " << key;
}

TEST(KeyClasses, APlanShowsAChangeOfEachKeyAndNothingElse) {
    const ListOfNetworks file;
    const Config running = written_config(every_section);
    std::map<std::string, KeyClass> classes;
    for (const ClassedKey& one : key_classes()) classes.emplace(one.key, one.effect);
    classes["listeners.routes.match.prefix"] = classes["listeners.routes.match.hex"] = classes["listeners.routes.match.at"] =
        classes["listeners.routes.match"];
    for (const Leaf& leaf : all_keys()) {
        SCOPED_TRACE(leaf.path);
        if (leaf.path.starts_with("log.outputs.")) continue; // see below
        const auto place = other_sections.find(leaf.path);
        const std::string section = place != other_sections.end() ? place->second : section_name(leaf.path);
        const std::string key = leaf.path.substr(section_name(leaf.path).size() + 1);
        Document document = every_section;
        const auto changed = std::ranges::find(document, section, &Section::name);
        ASSERT_NE(changed, document.end());
        std::string& value = changed->keys[key];
        const auto special = special_values.find(leaf.path);
        const bool is_file = key == "allow_file" || key == "deny_file";
        value = is_file                           ? file.quoted()
                : special != special_values.end() ? special->second
                                                  : other_value(leaf.key, value.empty() ? leaf.key.fallback : value);
        std::optional<Config> next;
        try {
            next = written_config(document);
        } catch (const ConfigError& error) {
            ADD_FAILURE() << error.what();
            continue;
        }
        EXPECT_FALSE(running == *next);
        EXPECT_NE(fingerprint(running), fingerprint(*next));

        const std::string name = name_in_plan(leaf.path, section);
        const std::map<std::string, Change> changes = changes_by_key(plan_of(running, *next));
        ASSERT_EQ(changes.size(), 1U) << changes.begin()->first << " and " << changes.rbegin()->first;
        const Change& change = changes.begin()->second;
        EXPECT_EQ(changes.begin()->first, name);
        EXPECT_EQ(to_string(change.effect), to_string(classes.at(leaf.path)));
        const bool is_list = key.starts_with("allow") || key.starts_with("deny");
        const bool as_written = !leaf.path.starts_with("listeners.routes.match") && leaf.path != "plugins.NAME.config";
        EXPECT_EQ(change.networks_added, !is_list ? 0U : is_file || key == "allow" ? 2U : 1U);
        if (as_written && !is_list) {
            EXPECT_EQ(change.after, value);
        }

        const std::map<std::string, Change> back = changes_by_key(plan_of(*next, running));
        ASSERT_EQ(back.size(), 1U);
        EXPECT_EQ(back.begin()->second.before, change.after);
        EXPECT_EQ(back.begin()->second.after, change.before);
        EXPECT_EQ(back.begin()->second.networks_removed, change.networks_added);

        const bool waits = change.effect == KeyClass::restart;
        EXPECT_EQ(with_restart_keys_of(running, *next), waits ? running : *next);
        EXPECT_EQ(plan_of(running, *next).waiting(), waits ? std::vector<std::string>{name} : std::vector<std::string>{});
    }
}

TEST(KeyClasses, APlanShowsTheOutputsOfTheLogAsAWhole) {
    const auto with_output = [](const std::string& keys) {
        return parse_config("[host]\ncontrol = 'a.sock'\n[[log.outputs]]\n" + keys, "gatehouse.toml");
    };
    const Config running = with_output("kind = 'file'\nfile = 'a'");
    for (const std::string more : {"format = 'json'", "level = 'error'", "rotate.size = '1MiB'", "rotate.keep = 5",
                                   "records = 'closed'", "listeners = ['web']"}) {
        SCOPED_TRACE(more);
        const Config next = with_output("kind = 'file'\nfile = 'a'\n" + more);
        const std::map<std::string, Change> changes = changes_by_key(plan_of(running, next));
        ASSERT_EQ(changes.size(), 1U);
        EXPECT_EQ(changes.begin()->first, "log.outputs");
        EXPECT_EQ(to_string(changes.begin()->second.effect), "restart");
        EXPECT_NE(fingerprint(running), fingerprint(next));
        EXPECT_EQ(with_restart_keys_of(running, next), running);
    }
    EXPECT_NE(fingerprint(with_output("kind = 'syslog'\nto = 'udp:127.0.0.1:514'")),
              fingerprint(with_output("kind = 'syslog'\nto = 'tcp:127.0.0.1:514'")));
}

// "`a.b`, `c.*`" as a list.
std::vector<std::string> keys_of_cell(std::string_view cell) {
    std::vector<std::string> keys;
    for (std::size_t begin = cell.find('`'); begin != std::string_view::npos;) {
        const std::size_t end = cell.find('`', begin + 1);
        keys.emplace_back(cell.substr(begin + 1, end - begin - 1));
        begin = cell.find('`', end + 1);
    }
    return keys;
}

// "a.*" stands for a and for all below it.
bool stands_for(const std::string& written, const std::string& key) {
    if (!written.ends_with(".*")) return written == key;
    const std::string table = written.substr(0, written.size() - 2);
    return key == table || key.starts_with(table + '.');
}

TEST(KeyClasses, TheManualHasTheirTable) {
    const std::vector<ClassedKey> keys = key_classes();
    std::map<std::string, std::size_t> found; // in how many rows each key is
    std::size_t rows = 0;
    for (const std::string& line : lines_of(contents(source / "docs/operations.md")))
        for (const KeyClass effect :
             {KeyClass::live, KeyClass::fresh, KeyClass::rebind, KeyClass::instance, KeyClass::restart}) {
            const std::string begin = "| " + std::string(to_string(effect)) + " | `";
            if (!line.starts_with(begin)) continue;
            ++rows;
            for (const std::string& written : keys_of_cell(line.substr(0, line.find(" | ", begin.size())))) {
                bool any = false;
                for (const ClassedKey& key : keys) {
                    if (!stands_for(written, key.key)) continue;
                    any = true;
                    ++found[key.key];
                    EXPECT_EQ(to_string(key.effect), to_string(effect)) << key.key;
                }
                EXPECT_TRUE(any) << "there is no key " << written;
            }
        }
    EXPECT_EQ(rows, 5U);
    for (const ClassedKey& key : keys) EXPECT_EQ(found[key.key], 1U) << key.key << " in docs/operations.md";
}

} // namespace
} // namespace gatehouse::host
