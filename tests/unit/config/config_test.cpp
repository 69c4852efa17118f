// bad_configs/ holds a file for each mistake; its first lines, "#: MESSAGE", are what it has to be refused with. What Git would
// take for a binary file stands here instead.
#include "config/load.hpp"
#include "sanitizer.hpp"

#include "config/config_folder.hpp"
#include "config/plugin_settings.hpp"
#include "text_files.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

const std::string one_listener = "[[listeners]]\nname = 'a'\naddress = '127.0.0.1:7007'\nplugin = 'echo'\n";

Lines problems_of(const std::string& text, const fs::path& file) {
    try {
        parse_config(text, file);
    } catch (const ConfigError& error) {
        return problem_texts(error.problems());
    }
    return {};
}

Lines load_problems(const fs::path& file) {
    try {
        load_config(file);
    } catch (const ConfigError& error) {
        return problem_texts(error.problems());
    }
    return {};
}

// --- bad files ------------------------------------------------------------------------------------------------------------

std::vector<fs::path> bad_files() {
    std::vector<fs::path> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(source / "tests/unit/config/bad_configs"))
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

class BadConfig : public testing::TestWithParam<fs::path> {};

TEST_P(BadConfig, IsRefusedWithItsMessages) {
    const std::string text = contents(GetParam());
    Lines expected;
    for (const std::string& line : lines_of(text))
        if (line.starts_with("#: ")) expected.push_back(line.substr(3));
    ASSERT_FALSE(expected.empty()) << "the file does not say what is expected";
    EXPECT_EQ(problems_of(text, GetParam().filename()), expected);
}

INSTANTIATE_TEST_SUITE_P(, BadConfig, testing::ValuesIn(bad_files()),
                         [](const auto& file) { return file.param.stem().string(); });

TEST(BadConfigs, AreThere) { EXPECT_GE(bad_files().size(), 100U); }

TEST(BadText, NulByte) {
    EXPECT_EQ(problems_of(std::string("a = 'x'\nb = '\0'\n", 16), "x.toml"),
              Lines{"x.toml:2:6: NUL byte (expected UTF-8 text)"});
}

TEST(BadText, InvalidUtf8) {
    EXPECT_EQ(problems_of("a = 'x'\nb = '\xff'\n", "x.toml"), Lines{"x.toml:2:6: not UTF-8 (expected UTF-8 text)"});
    EXPECT_EQ(problems_of("# \xc3(\n", "x.toml"), Lines{"x.toml:1:3: not UTF-8 (expected UTF-8 text)"});
    EXPECT_EQ(problems_of(std::string("\xff\xfe[\0", 4), "x.toml"), Lines{"x.toml:1:1: UTF-16 (expected UTF-8 text)"});
}

// Places stay those that an editor shows.
TEST(GoodText, MayHaveAMarkAndAnyEndsOfLines) {
    std::string text = one_listener + "backlock = 1\nbacklog = 7";
    for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2) text.replace(at, 1, "\r\n");
    EXPECT_EQ(problems_of("\xef\xbb\xbf" + text, "x.toml"),
              Lines{"x.toml:5:1: listeners.backlock: unknown key (did you mean \"backlog\"?)"});
    EXPECT_EQ(problems_of("\xef\xbb\xbf[[listener]]", "x.toml").front().substr(0, 11), "x.toml:1:1:");
}

TEST(BadText, TooLarge) {
    const ConfigFolder folder;
    const fs::path file = folder.write("large.toml", "#");
    fs::resize_file(file, (64 << 20) + 1);
    EXPECT_EQ(load_problems(file), Lines{file.string() + ": is too large (expected at most 64 MiB)"});
}

TEST(BadText, NestsNoDeeperThanTheStackIs) {
    std::string parts = "a";
    for (int i = 0; i < 500'000; ++i) parts += ".a";
    const std::string what = "too many dots in a row (expected keys of at most 100 parts)";
    EXPECT_EQ(problems_of(parts + " = 1\n", "x.toml"), Lines{"x.toml:1:202: " + what});
    EXPECT_EQ(problems_of("[" + parts + "]\n", "x.toml"), Lines{"x.toml:1:203: " + what});
    EXPECT_EQ(problems_of("x = {" + parts + " = 1}\n", "x.toml"), Lines{"x.toml:1:207: " + what});
    // The most that is let through is taken apart again without harm.
    std::string deepest = "1";
    for (int i = 0; i < 30; ++i) deepest = "{ " + parts.substr(0, 199) + " = " + deepest + " }";
    EXPECT_EQ(problems_of("x = " + deepest + "\n" + one_listener, "x.toml").size(), 1U);
}

// What stands in a string begins no other key.
TEST(BadText, QuotesHideNoPartsOfAKey) {
    const auto is_refused = [](const std::string& text) {
        const Lines problems = problems_of(text, "x.toml");
        return problems.size() == 1 &&
               problems.front().ends_with(": too many dots in a row (expected keys of at most 100 parts)");
    };
    const auto repeated = [](const std::string& part) {
        std::string parts = "a";
        for (int i = 0; i < 1000; ++i) parts += part;
        return parts;
    };
    for (const char* const part : {R"(."=")", R"(.'=')", R"(.",")", R"(."{")", R"(.'[')", R"(."\"=")", R"(."\\")", R"(."#")",
                                   R"(.'\')", R"(.'"')", R"(."'")", R"(."")", R"( . '#')"}) {
        EXPECT_TRUE(is_refused(repeated(part) + " = 1\n")) << part;
        EXPECT_TRUE(is_refused("[" + repeated(part) + "]\n")) << part;
    }
    for (const char* const before : {R"(x = """\"""'""")", R"(x = """a""""")", R"(x = """""")", R"(x = '''"\'''''')",
                                     "x = '''\n'\n''\n'''", R"(x = ['', "\\"])", R"(x = '' # ')", R"(x = "" # """)"})
        EXPECT_TRUE(is_refused(std::string(before) + "\n" + repeated(".b") + " = 1\n")) << before;
}

TEST(BadText, DotsInCommentsAndOrdinaryTextAreWelcome) {
    EXPECT_NO_THROW(
        parse_config("# " + std::string(500, '.') + "\n  #" + std::string(500, '.') + "\n" + one_listener, "x.toml"));
    EXPECT_NO_THROW(parse_config(one_listener + "[plugins.echo]\nconfig.banner = '" + std::string(90, '.') + "'\n", "x.toml"));
    const std::string dots(500, '.');
    const std::string lines = "a = '" + dots + "' # " + dots + "\nb = \"" + dots + "\\\"" + dots + "\"\nc = '''\n" + dots +
                              "''" + dots + "'''\nd = \"\"\"" + dots + "\"\\\"\"\"" + dots + "\"\"\"\"\"\n";
    EXPECT_EQ(problems_of(one_listener + "[plugins.echo.config]\n" + lines, "x.toml"), Lines{});
}

TEST(BadText, ProblemsAreBounded) {
    std::string text = one_listener;
    for (int i = 0; i < 20'000; ++i) text += "k" + std::to_string(i) + " = 1\n";
    const Lines problems = problems_of(text, "x.toml");
    ASSERT_EQ(problems.size(), 101U);
    EXPECT_EQ(problems.back(), "x.toml: and 19900 more");
}

TEST(BadFile, Missing) {
    EXPECT_EQ(load_problems("/nowhere/x.toml"), Lines{"/nowhere/x.toml: cannot be opened: No such file or directory"});
}

TEST(BadFile, Unreadable) {
    if (geteuid() == 0) GTEST_SKIP() << "root reads everything";
    const ConfigFolder folder;
    const fs::path file = folder.write("secret.toml", one_listener);
    chmod(file.c_str(), 0);
    EXPECT_EQ(load_problems(file), Lines{file.string() + ": cannot be opened: Permission denied"});
}

TEST(BadFile, Directory) {
    const ConfigFolder folder;
    fs::create_directory(folder / "d.toml");
    EXPECT_EQ(load_problems(folder / "d.toml"),
              Lines{(folder / "d.toml").string() + ": is a directory (expected a TOML file)"});
}

TEST(BadFile, FifoDoesNotHang) {
    const ConfigFolder folder;
    ASSERT_EQ(mkfifo((folder / "p.toml").c_str(), 0600), 0);
    EXPECT_EQ(load_problems(folder / "p.toml"),
              Lines{(folder / "p.toml").string() + ": is not a regular file (expected a TOML file)"});
}

TEST(ConfigErrors, WhatHasAllProblems) {
    EXPECT_STREQ(ConfigError({{"a", 1, 1, "x", "wrong"}, {"b", 0, 0, "", "worse"}}).what(), "a:1:1: x: wrong\nb: worse");
}

// --- files of networks ----------------------------------------------------------------------------------------------------

TEST(NetworkFile, HasANetworkOnEachLine) {
    const ConfigFolder folder;
    folder.write("blocked.txt",
                 "# made by hand\n10.0.0.0/8\r\n\n  192.0.2.1 # a bare one\n\t2001:db8::/32\t\n::ffff:192.0.2.2");
    const fs::path file = folder.write("x.toml", one_listener + "deny_file = 'blocked.txt'\n");
    const Config config = load_config(file);
    std::string text;
    for (const Network& network : config.listeners.at(0).access.deny) text += to_string(network) + ' ';
    EXPECT_EQ(text, "10.0.0.0/8 192.0.2.1 2001:db8::/32 192.0.2.2 ");
}

TEST(NetworkFile, SaysWhereItIsWrong) {
    const ConfigFolder folder;
    folder.write("blocked.txt", "10.0.0.0/8\n10.0.0.1/8\n\nhello\n");
    const std::string blocked = (folder / "blocked.txt").string();
    EXPECT_EQ(
        problems_of(one_listener + "deny_file = '" + blocked + "'\n", "x.toml"),
        (Lines{"x.toml:5:13: listeners.deny_file: " + blocked +
                   ":2: \"10.0.0.1/8\" has bits set beyond its length (expected the network's first address: \"10.0.0.0/8\")",
               "x.toml:5:13: listeners.deny_file: " + blocked +
                   ":4: \"hello\" is not a network (expected a network such as \"192.0.2.0/24\" or \"2001:db8::/32\", or an "
                   "address)"}));
}

TEST(NetworkFile, MayHaveAMarkButNoOtherEncoding) {
    const ConfigFolder folder;
    const std::string list = (folder / "list.txt").string();
    folder.write("list.txt", "\xef\xbb\xbf"
                             "10.0.0.0/8\r\n192.0.2.1");
    const Config config = parse_config(one_listener + "deny_file = '" + list + "'\n", "x.toml");
    EXPECT_EQ(config.listeners.at(0).access.deny.size(), 2U);
    folder.write("list.txt", "10.0.0.0/8\n# \xfc\n");
    EXPECT_EQ(problems_of(one_listener + "deny_file = '" + list + "'\n", "x.toml"),
              Lines{"x.toml:5:13: listeners.deny_file: " + list + ":2:3: not UTF-8 (expected UTF-8 text)"});
}

TEST(NetworkFile, ThatIsSomethingElseIsNotReportedLineByLine) {
    const ConfigFolder folder;
    std::string text;
    for (int i = 0; i < 50; ++i) text += "x\n";
    folder.write("blocked.txt", text);
    EXPECT_EQ(load_problems(folder.write("x.toml", one_listener + "deny_file = 'blocked.txt'\n")).size(), 10U);
}

TEST(NetworkFile, ThatCannotBeRead) {
    const ConfigFolder folder;
    const auto problem = [&](const std::string& key, const std::string& name, const std::string& what) {
        const fs::path file = folder.write("x.toml", one_listener + key + " = '" + name + "'\n");
        EXPECT_EQ(load_problems(file), Lines{file.string() + ":5:" + std::to_string(key.size() + 4) + ": listeners." + key +
                                             ": " + (folder / name.c_str()).string() + ": " + what});
    };
    problem("deny_file", "nothing", "cannot be opened: No such file or directory");
    fs::create_directory(folder / "folder");
    problem("deny_file", "folder", "is a directory (expected one with a network on each line)");
    ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
    problem("deny_file", "fifo", "is not a regular file (expected one with a network on each line)");
    folder.write("empty", "# nobody\n");
    problem("allow_file", "empty", "has no network (expected at least one; without any, no client could connect)");
    EXPECT_EQ(load_problems(folder.write("x.toml", one_listener + "deny_file = 'empty'\n")), Lines{});
}

// Lists that others make overlap with everything, but must not contradict what is allowed.
TEST(NetworkFile, MayOverlapButNotContradict) {
    const ConfigFolder folder;
    folder.write("blocked.txt", "10.1.0.0/16\n10.1.0.0/16\n10.1.2.0/24\n192.0.2.0/24\n192.0.2.0/25\n192.0.2.128/25\n");
    const std::string text = one_listener + "deny_file = 'blocked.txt'\ndeny = ['10.3.0.0/16']\nallow = ['10.0.0.0/8'";
    EXPECT_EQ(load_problems(folder.write("good.toml", text + "]\n")), Lines{});
    const fs::path file = folder.write("bad.toml", text + ", '192.0.2.0/25']\n");
    EXPECT_EQ(load_problems(file),
              Lines{file.string() +
                    ":5:13: listeners.deny_file: \"192.0.2.0/25\" is both allowed and denied (expected it in one of "
                    "the lists)"});
}

// The nearest of all names is looked for only if the problem is shown.
TEST(ManyReferences, ThatAreWrongTakeNoProductOfTime) {
    constexpr int count = sanitized ? 200 : 4096;
    std::string text;
    for (int i = 0; i < count; ++i) {
        const std::string number = std::to_string(10'000 + i);
        text += "[plugins.a-plugin-with-a-name-" + number + "]\n[tls.a-section-with-a-name-" + number +
                "]\ncertificate = 'c'\n" + "[[listeners]]\nname = 'a" + number +
                "'\naddress = '127.0.0.1:0'\nplugin = 'a-plugin-with-a-nam-" + number + "'\ntls = 'a-section-with-a-nam-" +
                number + "'\n";
    }
    const std::clock_t begin = std::clock(); // of the processor: the machine may be busy
    const Lines problems = problems_of(text, "x.toml");
    EXPECT_LT(std::clock() - begin, 5 * CLOCKS_PER_SEC);
    ASSERT_EQ(problems.size(), 101U);
    EXPECT_TRUE(problems.front().ends_with("(did you mean \"a-plugin-with-a-name-10000\"? If not, add an empty "
                                           "[plugins.a-plugin-with-a-nam-10000] section)"))
        << problems.front();
}

TEST(ManySources, UpTo65536InAllRoutes) {
    const auto routes = [](std::uint32_t first) {
        std::string text = "[[listeners]]\nname = 'a'\naddress = '127.0.0.1:0'\nplugin = 'echo'\n";
        std::uint32_t address = 10U << 24U;
        for (const std::uint32_t count : {first, 32768U}) {
            text += "[[listeners.routes]]\nplugin = 'echo'\nsource = [";
            for (std::uint32_t i = 0; i < count; ++i, ++address)
                text += "'10." + std::to_string(address >> 16U & 255U) + '.' + std::to_string(address >> 8U & 255U) + '.' +
                        std::to_string(address & 255U) + "',";
            text += "]\n";
        }
        return problems_of(text, "x.toml");
    };
    EXPECT_EQ(routes(32768), Lines{});
    EXPECT_EQ(routes(32769),
              Lines{"x.toml:5:1: listeners.routes: too many networks in `source`: 65537 (expected at most 65536 in "
                    "all routes of a listener)"});
}

TEST(ManyListeners, UpTo4096) {
    std::string text;
    for (int i = 0; i < 4096; ++i)
        text += "[[listeners]]\nname = 'l" + std::to_string(i) + "'\naddress = '127.0.0.1:0'\nplugin = 'echo'\n";
    EXPECT_EQ(problems_of(text, "x.toml"), Lines{});
    text += "[[listeners]]\nname = 'last'\naddress = '127.0.0.1:0'\nplugin = 'echo'\n";
    EXPECT_EQ(problems_of(text, "x.toml"), Lines{"x.toml:1:1: listeners: 4097 sections (expected at most 4096)"});
}

// --- good files -----------------------------------------------------------------------------------------------------------

TEST(GoodConfig, EveryKeyIsRead) {
    const Config config = parse_config(R"(
[host]
plugin_path = ["a", "/b"]
drain_timeout = "5s"
relay_threads = 3
scheduling = "other"
stack_size = "1MiB"
resolvers = ["127.0.0.1:5353"]
control = "run/control"
control_readers = "adm"
[process]
user = "www-data"
group = "33"
capabilities = ["CAP_NET_RAW", "CAP_SYS_NICE"]
no_new_privs = false
seccomp = "off"
[log]
level = "debug"
format = "json"
file = "gatehouse.log"
access = false
[plugins.web]
library = "http"
max_connections = 77
grants = ["host"]
config = { root = "/srv" }
[[listeners]]
name = "web"
address = "[::1]:8080"
plugin = "web"
backlog = 7
max_connections = 8
when_full = "refuse"
allow = ["10.0.0.0/8", "2001:db8::/32"]
deny = ["10.1.0.0/16"]
max_per_source = 5
rate = { connections = 20, per = "1m", burst = 30 }
source_bits = { v4 = 24, v6 = 56 }
threads = { min = 2, max = 9 }
first_byte_timeout = "1s"
idle_timeout = "2s"
lifetime = "3s"
linger_timeout = "4s"
linger_idle_timeout = "2s"
linger_bytes = "1MiB"
min_rate = "1KiB"
min_rate_window = "2s"
reuse_address = false
ipv6_only = true
nodelay = false
half_close_timeout = "5s"
keepalive_idle = "1500ms"
keepalive_interval = "3s"
keepalive_probes = 4
receive_buffer = 65536
send_buffer = "64KiB"
defer_accept = "5s"
fast_open = 6
[[listeners]]
name = "local"
address = "unix:/run/web.sock"
plugin = "web"
mode = 0o600
owner = "www-data"
group = "33"
keepalive = false
)",
                                       "etc/web.toml");
    EXPECT_EQ(config.file, "etc/web.toml");
    EXPECT_EQ(config.host, (HostConfig{{"etc/a", "/b"},
                                       5s,
                                       0s,
                                       12h,
                                       false,
                                       3,
                                       Scheduling::other,
                                       1 << 20,
                                       {"127.0.0.1:5353"},
                                       "etc/run/control",
                                       "adm",
                                       "",
                                       {}}));
    EXPECT_EQ(config.process, (ProcessConfig{"www-data", "33", 1U << 13U | 1U << 23U, false, Seccomp::off, {}, {}, {}, {}}));
    EXPECT_EQ(config.host.control_where.text, "etc/web.toml:9:11");
    EXPECT_EQ(config.process.user_where.text, "etc/web.toml:12:8");
    EXPECT_EQ(config.process.group_where.text, "etc/web.toml:13:9");
    EXPECT_EQ(config.process.capabilities_where.text, "etc/web.toml:14:16");
    EXPECT_EQ(config.process.seccomp_where.text, "etc/web.toml:16:11");
    EXPECT_EQ(config.log, (LogConfig{LogLevel::debug, LogFormat::json, "etc/gatehouse.log", false, 10, {}}));
    ASSERT_EQ(config.plugins.size(), 1U);
    EXPECT_EQ(config.plugins[0].name, "web");
    EXPECT_EQ(config.plugins[0].library, "http");
    EXPECT_EQ(config.plugins[0].where.text, "etc/web.toml:22:1");
    EXPECT_EQ(config.plugins[0].max_connections, 77U);
    EXPECT_TRUE(config.plugins[0].sees_host);

    ASSERT_EQ(config.listeners.size(), 2U);
    ListenerConfig web;
    web.name = "web";
    web.address = {Address::Kind::tcp, "::1", 8080, "", ""};
    web.plugin = "web";
    web.backlog = 7;
    web.max_connections = 8;
    web.when_full = WhenFull::refuse;
    web.access.allow = {{{false, 10ULL << 56U, 0}, 8}, {{true, 0x20010db8ULL << 32U, 0}, 32}};
    web.access.deny = {{{false, 0x0a01ULL << 48U, 0}, 16}};
    web.sources = {5, 20, 60s, 30, 24, 56, {}, {}};
    web.threads = {2, 9};
    web.first_byte_timeout = 1s;
    web.idle_timeout = 2s;
    web.lifetime = 3s;
    web.linger_timeout = 4s;
    web.linger_idle_timeout = 2s;
    web.linger_bytes = 1U << 20U;
    web.min_rate = 1024;
    web.min_rate_window = 2s;
    web.reuse_address = false;
    web.ipv6_only = true;
    web.nodelay = false;
    web.half_close_timeout = 5s;
    web.keepalive = {true, 2, 3, 4};
    web.receive_buffer = 65'536;
    web.send_buffer = 65'536;
    web.defer_accept = 5s;
    web.fast_open = 6;
    EXPECT_EQ(config.listeners[0], web);
    EXPECT_EQ(config.listeners[0].where.text, "etc/web.toml:27:1");

    ListenerConfig local;
    local.name = "local";
    local.address = {Address::Kind::unix_socket, "", 0, "/run/web.sock", ""};
    local.plugin = "web";
    local.mode = 0600;
    local.owner = "www-data";
    local.group = "33";
    local.keepalive.on = false;
    EXPECT_EQ(config.listeners[1], local);
    EXPECT_EQ(config.listeners[1].where.text, "etc/web.toml:59:1");
}

TEST(GoodConfig, ResolversHavePorts) {
    const Config config = parse_config(
        "host.resolvers = ['192.0.2.1', '192.0.2.1:5353', '2001:db8::1', '[::1]', '[::1]:5353']\n" + one_listener, "x");
    EXPECT_EQ(config.host.resolvers, (Lines{"192.0.2.1:53", "192.0.2.1:5353", "[2001:db8::1]:53", "[::1]:53", "[::1]:5353"}));
}

TEST(GoodConfig, EveryKeyOfTlsIsRead) {
    const Config config = parse_config(R"(
[tls.web]
certificate = "a.pem"
key = "/keys/a.key"
ocsp = "a.ocsp"
sni = [{ certificate = "b.pem", key = "b.key", ocsp = "b.ocsp" }, { certificate = "c.pem" }]
min_version = "1.3"
ciphers = "c"
ciphersuites = "s"
groups = "g"
alpn = ["h2", "http/1.1"]
client = "required"
client_ca = "ca.pem"
ticket_lifetime = "1h"
handshake_timeout = "3s"
max_handshakes = 7
truncation = "reset"
client_crl = "/ca.crl"
)" + one_listener + "tls = 'web'\n",
                                       "etc/x.toml");
    ASSERT_EQ(config.tls.size(), 1U);
    TlsConfig web;
    web.name = "web";
    web.pairs = {{{"etc/a.pem", "etc/x.toml:3:15: tls.web.certificate"},
                  {"/keys/a.key", "etc/x.toml:4:7: tls.web.key"},
                  {"etc/a.ocsp", "etc/x.toml:5:8: tls.web.ocsp"}},
                 {{"etc/b.pem", "etc/x.toml:6:24: tls.web.sni.certificate"},
                  {"etc/b.key", "etc/x.toml:6:39: tls.web.sni.key"},
                  {"etc/b.ocsp", "etc/x.toml:6:55: tls.web.sni.ocsp"}},
                 {{"etc/c.pem", "etc/x.toml:6:83: tls.web.sni.certificate"}, {}, {}}};
    web.min_version = TlsVersion::v1_3;
    web.ciphers = {"c", "etc/x.toml:8:11: tls.web.ciphers"};
    web.ciphersuites = {"s", "etc/x.toml:9:16: tls.web.ciphersuites"};
    web.groups = {"g", "etc/x.toml:10:10: tls.web.groups"};
    web.alpn = {"h2", "http/1.1"};
    web.client = TlsClient::required;
    web.client_ca = {"etc/ca.pem", "etc/x.toml:13:13: tls.web.client_ca"};
    web.client_crl = {"/ca.crl", "etc/x.toml:18:14: tls.web.client_crl"};
    web.ticket_lifetime = 1h;
    web.handshake_timeout = 3s;
    web.max_handshakes = 7;
    web.truncation = Truncation::reset;
    EXPECT_EQ(config.tls[0].where.text, "etc/x.toml:2:1");
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(config.tls[0].pairs.at(i).certificate.where.text, web.pairs[i].certificate.where.text);
        EXPECT_EQ(config.tls[0].pairs.at(i).key.where.text, web.pairs[i].key.where.text);
    }
    EXPECT_EQ(config.tls[0].pairs[2].key_file().path, "etc/c.pem");
    EXPECT_EQ(config.tls[0].pairs[2].key_file().where.text, "etc/x.toml:6:83: tls.web.sni.certificate");
    EXPECT_EQ(config.tls[0], web);
    EXPECT_EQ(config.listeners[0].tls, "web");
}

TEST(GoodConfig, OneFolderNeedsNoArray) {
    EXPECT_EQ(parse_config("host.plugin_path = 'p'\n" + one_listener, "x.toml").host.plugin_path, std::vector<fs::path>{"p"});
}

TEST(GoodConfig, RelativePathsAreAnchoredAtTheFile) {
    const Config config = parse_config("[[listeners]]\nname = 'a'\naddress = 'unix:run/a'\nplugin = 'a'\n[plugins.a]\n"
                                       "library = 'lib/a.so'\n[[listeners]]\nname = 'b'\naddress = 'unix:@b'\nplugin = 'a'\n",
                                       "/etc/gatehouse/x.toml");
    EXPECT_EQ(config.listeners[0].address.path, "/etc/gatehouse/run/a");
    EXPECT_EQ(config.listeners[1].address.path, "@b");
    EXPECT_EQ(config.plugins[0].library, "/etc/gatehouse/lib/a.so");
    EXPECT_EQ(config.host.plugin_path, std::vector<fs::path>{"/etc/gatehouse/plugins"});
    EXPECT_EQ(
        problems_of("[[listeners]]\nname = 'a'\naddress = 'unix:a'\nplugin = 'a'\n", "/" + std::string(106, 'd') + "/x.toml")
            .size(),
        1U);
}

TEST(GoodConfig, PluginsWithoutASectionAreImplicitOnce) {
    const std::string second = "[[listeners]]\nname = 'b'\naddress = '127.0.0.1:7008'\nplugin = 'echo'\n";
    const Config config = parse_config(one_listener + second, "x.toml");
    ASSERT_EQ(config.plugins.size(), 1U);
    EXPECT_EQ(config.plugins[0].name, "echo");
    EXPECT_EQ(config.plugins[0].library, "echo");
    EXPECT_EQ(config.plugins[0].where.text, "x.toml:4:10");
    config.plugins[0].settings->begin();
    EXPECT_EQ(config.plugins[0].settings->problems(), Lines{});
}

TEST(GoodConfig, AnEmptySectionTellsANameFromATypingError) {
    const std::string config = "[plugins.echo2]\n" + one_listener;
    EXPECT_EQ(problems_of(config, "x.toml"),
              Lines{R"(x.toml:5:10: listeners.plugin: there is no [plugins.echo] (did you mean "echo2"? If not, )"
                    R"(add an empty [plugins.echo] section))"});
    EXPECT_EQ(problems_of(config + "[plugins.echo]\n", "x.toml"), Lines{});
}

TEST(GoodConfig, PortZeroMayBeTakenTwice) {
    const std::string any = "[[listeners]]\nname = 'a'\naddress = '127.0.0.1:0'\nplugin = 'echo'\n";
    std::string other = any;
    other.replace(other.find("'a'"), 3, "'b'");
    EXPECT_EQ(problems_of(any + other, "x.toml"), Lines{});
}

TEST(GoodConfig, ZeroNeedsNoUnit) {
    const Config config = parse_config(one_listener + "idle_timeout = 0\nlifetime = '0'\n", "x.toml");
    EXPECT_EQ(config.listeners[0].idle_timeout, 0ms);
    EXPECT_EQ(config.listeners[0].lifetime, 0ms);
}

TEST(GoodConfig, LoadsFromAFile) {
    const ConfigFolder folder;
    const Config config = load_config(folder.write("x.toml", one_listener));
    EXPECT_EQ(config.file, folder / "x.toml");
    EXPECT_EQ(config.listeners.size(), 1U);
}

TEST(GoodConfig, TheDemonstrationStaysOnThisMachine) {
    const Config config = load_config(source / "conf/gatehouse.toml");
    std::set<std::pair<std::string, int>> listeners;
    for (const ListenerConfig& one : config.listeners) {
        EXPECT_EQ(one.address.host, "127.0.0.1") << one.name;
        listeners.emplace(one.plugin, one.address.port);
    }
    EXPECT_EQ(listeners, (std::set<std::pair<std::string, int>>{{"echo", 7007},
                                                                {"discard", 7009},
                                                                {"daytime", 7013},
                                                                {"time", 7037},
                                                                {"chargen", 7019},
                                                                {"http", 8080},
                                                                {"gateway", 8081},
                                                                {"socks5", 1080},
                                                                {"admin", 9901}}));
    EXPECT_TRUE(fs::exists(source / "conf/www/index.html"));
}

TEST(GoodConfig, TheExampleOfTlsIsValid) {
    const Config config = load_config(source / "conf/tls.toml");
    ASSERT_EQ(config.tls.size(), 1U);
    EXPECT_EQ(config.tls[0].pairs.at(0).key.path, source / "conf/dev-cert/key.pem");
    EXPECT_EQ(config.listeners.at(0).tls, "web");
    EXPECT_EQ(config.listeners.at(1).tls, "");
}

} // namespace
} // namespace gatehouse::host
