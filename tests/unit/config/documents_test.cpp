// conf/reference.toml and docs/configuration.md say what the code does: the same keys, with the same defaults.
#include "config/config_folder.hpp"
#include "config/load.hpp"
#include "text_files.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gatehouse::host {
namespace {

// A line of conf/reference.toml that has a key: "#key = value" is one at its default, "key = value" is required.
struct ReferenceKey {
    std::string path;  // "listeners.threads.min"
    std::string value; // "0"
    bool required;
};

std::optional<ReferenceKey> reference_key(const std::string& line, const std::string& section) {
    const std::string text = line.starts_with('#') ? line.substr(1) : line;
    const std::size_t equals = text.find(" = ");
    if (text.empty() || text.front() < 'a' || text.front() > 'z' || equals == std::string::npos) return std::nullopt;
    return ReferenceKey{(section.empty() ? "" : section + '.') + text.substr(0, equals), text.substr(equals + 3),
                        text.size() == line.size()};
}

// Calls back with every line, and the key that is in it, if any.
template <class Call>
void for_each_reference_line(Call call) {
    std::string section;
    for (const std::string& line : lines_of(contents(source / "conf/reference.toml"))) {
        if (line.starts_with('[') || line.starts_with("#[")) { // the latter is an example
            section = line.substr(line.find_first_not_of("#["));
            section.resize(section.find(']'));
        }
        call(line, reference_key(line, section));
    }
}

std::vector<ReferenceKey> reference_keys() {
    std::vector<ReferenceKey> keys;
    for_each_reference_line([&](const std::string&, const std::optional<ReferenceKey>& key) {
        if (key) keys.push_back(*key);
    });
    return keys;
}

// Their values are examples; by default there is none.
const std::set<std::string> without_default{"include",
                                            "host.control",
                                            "host.control_readers",
                                            "host.control_operators",
                                            "process.user",
                                            "process.group",
                                            "log.file",
                                            "log.outputs.kind",
                                            "log.outputs.format",
                                            "log.outputs.level",
                                            "log.outputs.file",
                                            "log.outputs.rotate.size",
                                            "log.outputs.rotate.keep",
                                            "log.outputs.to",
                                            "log.outputs.records",
                                            "log.outputs.listeners",
                                            "listeners.tls",
                                            "tls.NAME.key",
                                            "tls.NAME.ocsp",
                                            "tls.NAME.client_ca",
                                            "tls.NAME.client_crl",
                                            "tls.NAME.sni.key",
                                            "tls.NAME.sni.ocsp",
                                            "listeners.owner",
                                            "listeners.group",
                                            "listeners.allow",
                                            "listeners.deny",
                                            "listeners.allow_file",
                                            "listeners.deny_file",
                                            "listeners.proxy_protocol.from",
                                            "listeners.proxy_protocol.timeout",
                                            "listeners.proxy_protocol.log_local",
                                            "listeners.on_silence.after",
                                            "listeners.on_silence.plugin",
                                            "listeners.routes.sni",
                                            "listeners.routes.sni_map",
                                            "listeners.routes.alpn",
                                            "listeners.routes.source",
                                            "listeners.routes.match.prefix",
                                            "listeners.routes.match.hex",
                                            "listeners.routes.match.at",
                                            "listeners.routes.probe",
                                            "listeners.routes.allow",
                                            "listeners.routes.deny",
                                            "listeners.routes.allow_file",
                                            "listeners.routes.deny_file",
                                            "listeners.routes.tls",
                                            "listeners.routes.plugin"};
const std::set<std::string> instead_of_others{"listeners.tls"};                             // not beside that of the routes
const std::set<std::string> not_beside_outputs{"log.format", "log.file", "log.outputs.to"}; // of the log, to a file
const std::set<std::string> for_unix_only{"listeners.mode", "listeners.owner", "listeners.group"};
const std::set<std::string> for_tcp_only{
    "listeners.reuse_address",    "listeners.ipv6_only",  "listeners.nodelay",        "listeners.defer_accept",
    "listeners.fast_open",        "listeners.allow",      "listeners.deny",           "listeners.routes.allow_file",
    "listeners.routes.deny_file", // whose examples are not there
    "listeners.allow_file",       "listeners.deny_file",  "listeners.max_per_source", "listeners.rate.connections",
    "listeners.rate.per",         "listeners.rate.burst", "listeners.source_bits.v4", "listeners.source_bits.v6"};
// What stands there key by key, as in threads.min.
const std::set<std::string> tables{
    "listeners.threads", "listeners.rate",       "listeners.source_bits", "listeners.proxy_protocol",
    "listeners.detect",  "listeners.on_silence", "listeners.routes",      "listeners.routes.match",
    "tls.NAME.sni",      "log.outputs",          "log.outputs.rotate"};

// The reference with every key set that fits the kind of socket.
std::string uncommented(bool with_examples, bool unix_socket) {
    std::string text;
    for_each_reference_line([&](const std::string& line, const std::optional<ReferenceKey>& key) {
        const bool set = key && !key->required && !instead_of_others.contains(key->path) &&
                         !(with_examples && not_beside_outputs.contains(key->path)) &&
                         (with_examples || !without_default.contains(key->path)) &&
                         !(unix_socket ? for_tcp_only : for_unix_only).contains(key->path);
        text += (set || (with_examples && line.starts_with("#[")) ? line.substr(1) : line) + '\n';
    });
    if (unix_socket) text.replace(text.find("127.0.0.1:7007"), 14, "unix:/run/a");
    return text;
}

// The paths of all keys that are not tables themselves.
void add_paths(const std::vector<ConfigKey>& keys, const std::string& before, std::multiset<std::string>& paths) {
    for (const ConfigKey& key : keys) {
        if (key.fields.empty()) paths.insert(before + key.name);
        add_paths(key.fields, before + key.name + '.', paths);
    }
}

TEST(Reference, HasEveryKeyOnce) {
    std::multiset<std::string> in_file;
    for (const ReferenceKey& key : reference_keys()) in_file.insert(key.path);
    std::multiset<std::string> in_code;
    add_paths(config_keys(), "", in_code);
    EXPECT_EQ(in_file, in_code);
    EXPECT_GT(in_code.size(), 30U);
}

TEST(Reference, DefaultsAreThoseOfTheCode) {
    ListenerConfig tcp;
    tcp.name = "example";
    tcp.address = {Address::Kind::tcp, "127.0.0.1", 7007, "", ""};
    tcp.plugin = "NAME";
    for (const bool unix_socket : {false, true}) {
        const Config config = parse_config(uncommented(false, unix_socket), "reference.toml");
        EXPECT_EQ(config.host, HostConfig{});
        EXPECT_EQ(config.process, ProcessConfig{});
        EXPECT_EQ(config.log, LogConfig{});
        ASSERT_EQ(config.tls.size(), 1U);
        const TlsConfig& tls = config.tls[0];
        TlsConfig expected_tls;
        expected_tls.name = "NAME";
        expected_tls.pairs = tls.pairs;
        EXPECT_EQ(tls, expected_tls);
        EXPECT_EQ(tls.pairs.size(), 2U);
        EXPECT_EQ(tls.pairs[0].key_file().path, "cert.pem");
        ASSERT_EQ(config.maps.size(), 1U);
        EXPECT_EQ(config.maps[0].otherwise, "");
        ASSERT_EQ(config.plugins.size(), 1U);
        EXPECT_EQ(config.plugins[0].library, "NAME");
        ASSERT_EQ(config.listeners.size(), 1U);
        ListenerConfig expected = tcp;
        if (unix_socket) expected.address = {Address::Kind::unix_socket, "", 0, "/run/a", ""};
        EXPECT_EQ(config.listeners[0], expected);
    }
}

TEST(Reference, IsAValidFileAsItIs) {
    const Config config = load_config(source / "conf/reference.toml");
    EXPECT_EQ(config.log, LogConfig{});
    EXPECT_EQ(config.listeners.at(0).backlog, ListenerConfig{}.backlog);
}

TEST(Reference, ExamplesAreValid) {
    const ConfigFolder folder; // nothing in it fits the example of `include`
    const Config config = load_config(folder.write("reference.toml", uncommented(true, true)));
    EXPECT_EQ(config.host.control, folder / "gatehouse.sock");
    EXPECT_EQ(config.host.control_readers, "adm");
    EXPECT_EQ(config.host.control_operators, "gatehouse-ops");
    EXPECT_EQ(config.log.outputs.at(0).file, folder / "gatehouse.log");
    EXPECT_EQ(config.listeners.at(0).owner, "gatehouse");
    EXPECT_EQ(config.listeners.at(0).routes.size(), 1U);
}

TEST(Manual, HasEveryKeyWithTheReferencesDefault) {
    const std::string manual = contents(source / "docs/configuration.md");
    const std::map<std::string, std::string> words{{"include", "none"},
                                                   {"host.control", "no control socket"},
                                                   {"host.control_readers", "nobody"},
                                                   {"host.control_operators", "nobody"},
                                                   {"process.user", "unchanged"},
                                                   {"process.group", "the user's"},
                                                   {"log.file", "standard error"},
                                                   {"log.outputs.kind", "`\"stderr\"`"},
                                                   {"log.outputs.file", "none"},
                                                   {"log.outputs.to", "the usual place"},
                                                   {"log.outputs.records", "all"},
                                                   {"log.outputs.listeners", "all"},
                                                   {"plugins.NAME.library", "the instance's name"},
                                                   {"listeners.owner", "unchanged"},
                                                   {"listeners.group", "unchanged"},
                                                   {"listeners.allow", "everybody"},
                                                   {"listeners.deny", "nobody"},
                                                   {"listeners.allow_file", "none"},
                                                   {"listeners.deny_file", "none"},
                                                   {"tls.NAME.key", "the certificate's file"},
                                                   {"tls.NAME.sni.key", "the certificate's file"},
                                                   {"tls.NAME.ocsp", "none"},
                                                   {"tls.NAME.sni.ocsp", "none"},
                                                   {"tls.NAME.client_ca", "none"},
                                                   {"tls.NAME.client_crl", "none"},
                                                   {"listeners.tls", "none"},
                                                   {"listeners.proxy_protocol.from", "nobody"},
                                                   {"listeners.on_silence.after", "none"},
                                                   {"listeners.on_silence.plugin", "none"},
                                                   {"listeners.routes.sni", "any"},
                                                   {"listeners.routes.sni_map", "none"},
                                                   {"listeners.routes.alpn", "any"},
                                                   {"listeners.routes.source", "any"},
                                                   {"listeners.routes.match.prefix", "none"},
                                                   {"listeners.routes.match.hex", "none"},
                                                   {"listeners.routes.match.at", "`0`"},
                                                   {"listeners.routes.probe", "none"},
                                                   {"listeners.routes.allow", "everybody"},
                                                   {"listeners.routes.deny", "nobody"},
                                                   {"listeners.routes.allow_file", "none"},
                                                   {"listeners.routes.deny_file", "none"},
                                                   {"listeners.routes.tls", "none"},
                                                   {"listeners.routes.plugin", "required without `tls`"}};
    std::size_t rows = 0;
    for (const ReferenceKey& key : reference_keys()) {
        const std::size_t last = key.path.rfind('.'); // npos + 1 is 0
        const std::string table = last == std::string::npos ? "" : key.path.substr(0, last);
        const bool nested = tables.contains(table) && table != "listeners.routes" && table != "log.outputs" &&
                            !key.path.starts_with("tls."); // these have rows by their last word
        const std::string name = nested ? key.path.substr(key.path.rfind('.', last - 1) + 1) : key.path.substr(last + 1);
        const auto word = words.find(key.path);
        const std::string value = key.required ? "required" : word != words.end() ? word->second : '`' + key.value + '`';
        EXPECT_NE(manual.find("\n| `" + name + "` | " + value + " | "), std::string::npos) << key.path << " = " << value;
        ++rows;
    }
    // And no other key.
    std::size_t in_manual = 0;
    for (const std::string& line : lines_of(manual)) in_manual += line.starts_with("| `") ? 1 : 0;
    EXPECT_EQ(in_manual, rows + 5); // the rows of forms of addresses begin alike
}

} // namespace
} // namespace gatehouse::host
