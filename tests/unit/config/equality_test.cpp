// Two configurations are equal if they mean the same: a reload has nothing to do then.
#include "config/load.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <string_view>

namespace gatehouse::host {
namespace {

const std::string text = R"([host]
drain_timeout = "5s"
[process]
user = "www-data"
[log]
level = "debug"
[tls.web]
certificate = "cert.pem"
ciphers = "ECDHE+AESGCM"
[plugins.http]
library = "./http.so"
max_connections = 5
grants = ["host"]
[plugins.http.config]
root = "/srv"
port = 80
ratio = nan
sites = [{ name = "a", root = "b" }, { name = "c" }]
[[listeners]]
name = "web"
address = "127.0.0.1:8080"
plugin = "http"
threads = { min = 2 }
proxy_protocol = { from = "10.0.0.0/8", log_local = true }
on_silence = { after = "1s", plugin = "echo" }
[[listeners.routes]]
sni = "www.example.org"
tls = "web"
plugin = "http"
)";

Config parsed(const std::string& file) { return parse_config(file, "etc/x.toml"); }

std::string with(std::string_view before, std::string_view after) {
    std::string changed = text;
    const std::size_t at = changed.find(before);
    EXPECT_NE(at, std::string::npos) << before;
    return changed.replace(at, before.size(), after);
}

TEST(ConfigEquality, IgnoresWhereThingsStand) {
    std::string moved = "# a comment\n\n";
    for (const char c : text) moved += c == '\n' ? std::string("\n# and one more\n  ") : std::string(1, c);
    const Config before = parsed(text);
    const Config after = parsed(moved);
    EXPECT_NE(before.listeners.at(0).where.text, after.listeners.at(0).where.text);
    EXPECT_EQ(before, after);
}

TEST(ConfigEquality, IgnoresHowValuesAreWritten) {
    EXPECT_EQ(parsed(text), parsed(with("\"5s\"", "'5000ms'")));
    EXPECT_EQ(parsed(text), parsed(with("port = 80\nratio = nan", "ratio = nan\nport = 0x50")));
    EXPECT_EQ(parsed(text), parsed(text + "[plugins.echo]\nconfig = {}\n")); // named already, by on_silence
}

struct FileChange {
    const char* before;
    const char* after;
};

std::ostream& operator<<(std::ostream& out, const FileChange& change) { return out << change.before << " -> " << change.after; }

class ConfigInequality : public testing::TestWithParam<FileChange> {};

TEST_P(ConfigInequality, SeesEachChange) { EXPECT_FALSE(parsed(text) == parsed(with(GetParam().before, GetParam().after))); }

INSTANTIATE_TEST_SUITE_P(
    , ConfigInequality,
    testing::Values(FileChange{"\"5s\"", "\"6s\""}, FileChange{"www-data", "nobody"}, FileChange{"debug", "info"},
                    FileChange{"cert.pem", "other.pem"}, FileChange{"ECDHE+AESGCM", "AESGCM"},
                    FileChange{"./http.so", "./other.so"}, FileChange{"max_connections = 5", ""}, FileChange{"\"host\"", ""},
                    FileChange{"\"/srv\"", "\"/var\""}, FileChange{"port = 80", "port = 81"},
                    FileChange{"port = 80", "port = 80.0"}, FileChange{"port = 80", "port = 80\nextra = true"},
                    FileChange{"nan", "1.5"}, FileChange{"{ name = \"c\" }", "{ name = \"d\" }"},
                    FileChange{", { name = \"c\" }", ""}, FileChange{"8080", "8081"}, FileChange{"min = 2", "min = 3"},
                    FileChange{"10.0.0.0/8", "10.0.0.0/9"}, FileChange{"log_local = true", "log_local = false"},
                    FileChange{"\"1s\"", "\"2s\""}, FileChange{"\"echo\"", "\"http\""},
                    FileChange{"www.example", "ftp.example"}, FileChange{"tls = \"web\"\nplugin = \"http\"", "tls = \"web\""}));

TEST(ConfigSettings, SettingsOfAnotherFolderMayNameOtherFiles) {
    EXPECT_FALSE(parse_config(text, "etc/x.toml").plugins.at(0) == parse_config(text, "var/x.toml").plugins.at(0));
}

} // namespace
} // namespace gatehouse::host
