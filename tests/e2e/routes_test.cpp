// One port, many protocols: which plugin a connection goes to, and that finding out costs no thread and misses no byte.
#include "certificates.hpp"
#include "clients.hpp"
#include "gatehouse.hpp"
#include "proc.hpp"
#include "real_servers.hpp"

#include <gtest/gtest.h>
#include <vector>

using namespace gatehouse::support;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

std::string route(const std::string& condition, const std::string& plugin) {
    return "[[listeners.routes]]\n" + condition + "\nplugin = \"" + plugin + "\"\n";
}

// Without a plugin of its own.
std::string routed(const std::string& more) { return "[[listeners]]\nname = \"front\"\naddress = \"127.0.0.1:0\"\n" + more; }

std::string gateway(const std::string& name, const std::string& upstream) {
    return "[plugins." + name + "]\nlibrary = \"gateway\"\nconfig = { upstream = \"" + upstream + "\" }\n";
}

TEST(Routes, TheFirstBytesChooseThePluginAndStayForIt) {
    Gatehouse host(listener("front", "discard", route("probe = \"ssh\"", "echo")));
    Client ssh(host.port("front"));
    ssh.send("SSH-2.0-test");
    EXPECT_EQ(ssh.recv_exactly(12), "SSH-2.0-test");
    ssh.send("more");
    EXPECT_EQ(ssh.recv_exactly(4), "more");
    const std::string peer = ssh.local_address();
    ssh.close();
    EXPECT_EQ(host.wait_for_closed("front", peer)["plugin"], "echo");

    Client other(host.port("front"));
    other.send("other");
    other.finish();
    EXPECT_EQ(other.recv_until_eof(), "");
    EXPECT_EQ(host.wait_for_closed("front", other.local_address())["plugin"], "discard");
}

TEST(Routes, BytesMayComeOneByOne) {
    Gatehouse host(routed(route("probe = \"ssh\"", "echo")));
    Client client(host.port("front"));
    for (const char c : std::string_view("SSH-2.0")) {
        client.send(std::string(1, c));
        // The host has looked at it, and rests again.
        host.wait_for_status("front", "parked", [](const Record& now) { return now["parked"] == "1"; });
    }
    client.send("-x");
    EXPECT_EQ(client.recv_exactly(9), "SSH-2.0-x");
}

// Half of what decides must neither be waited for in a loop nor be forgotten.
TEST(Routes, UnreadBytesCostNothingWhileTheyWait) {
    Gatehouse host(routed("detect.timeout = \"1m\"\n" + route("probe = \"ssh\"", "echo")));
    std::vector<Client> clients;
    for (int i = 0; i < 50; ++i) clients.emplace_back(host.port("front")).send("SSH");
    host.wait_for_status("front", "all parked", [](const Record& now) { return now["parked"] == "50"; });
    const auto before = cpu_time(host.pid());
    EXPECT_FALSE(clients.front().readable(500ms));
    EXPECT_LE(cpu_time(host.pid()) - before, 50ms);
    EXPECT_EQ(host.status("front")["threads_blocked"], "0");
    for (Client& client : clients) client.send("-2.0-");
    for (Client& client : clients) EXPECT_EQ(client.recv_exactly(8), "SSH-2.0-");
}

TEST(Routes, BytesOfTheOperatorsOwn) {
    Gatehouse host(
        listener("front", "discard",
                 route("match = { prefix = \"HELLO \" }", "echo") +
                     route("match = [{ hex = \"ff 00\", at = 2 }, { prefix = \"x\", hex = \"79\", at = 3 }]", "echo")));
    for (const std::string& text : {"HELLO you"s, "ab\xff\0"s, "x..y"s}) {
        Client client(host.port("front"));
        for (const char c : text) client.send(std::string(1, c));
        EXPECT_EQ(client.recv_exactly(text.size()), text);
    }
    for (const std::string& text : {"HELL no"s, "x..z"s, "ab\xff\1"s}) {
        Client client(host.port("front"));
        client.send(text);
        client.finish();
        EXPECT_EQ(client.recv_until_eof(), "") << text;
    }
}

TEST(Routes, NobodyTakesIt) {
    Gatehouse host(routed(route("probe = \"ssh\"", "echo")));
    Client client(host.port("front"));
    client.send("GET / HTTP/1.1\r\n\r\n");
    EXPECT_EQ(client.rest().bytes, "");
    EXPECT_EQ(host.wait_for_closed("front", client.local_address())["reason"], "no_match");
}

TEST(Routes, TimeIsUp) {
    Gatehouse host(routed("detect = { timeout = \"100ms\" }\n" + route("probe = \"ssh\"", "echo")));
    Client client(host.port("front"));
    client.send("SSH");
    EXPECT_EQ(client.rest().bytes, "");
    EXPECT_EQ(host.wait_for_closed("front", client.local_address())["reason"], "no_match");
}

TEST(Routes, BytesAreUsedUp) {
    Gatehouse host(routed("detect = { timeout = \"1m\", limit = 16 }\n" + route("sni = \"*.example.org\"", "echo")));
    Client client(host.port("front"));
    client.send(std::string("\x16\x03\x01\x00\xff\x01\x00\x00\xfb\x03\x03", 11) + std::string(4, 'r'));
    host.wait_for_status("front", "parked", [](const Record& now) { return now["parked"] == "1"; });
    client.send("r");
    EXPECT_EQ(client.rest().bytes, "");
    EXPECT_EQ(host.wait_for_closed("front", client.local_address())["reason"], "no_match");
}

// The name stands behind `padding` bytes of an extension, in records of 16 KiB.
std::string hello_for(const std::string& name, std::size_t padding) {
    const auto number = [](std::size_t value, int bytes) {
        std::string text;
        for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> static_cast<unsigned>(8 * i));
        return text;
    };
    const std::string extensions = number(21, 2) + number(padding, 2) + std::string(padding, '\0') + number(0, 2) +
                                   number(name.size() + 5, 2) + number(name.size() + 3, 2) + '\0' + number(name.size(), 2) +
                                   name;
    const std::string body = "\x03\x03" + std::string(32, 'r') + '\0' + number(2, 2) + "\x13\x01" + number(0x100, 2) +
                             number(extensions.size(), 2) + extensions;
    const std::string message = '\x01' + number(body.size(), 3) + body;
    std::string text;
    for (std::size_t at = 0; at < message.size(); at += 16'384) {
        const std::string record = message.substr(at, 16'384);
        text += "\x16\x03\x01" + number(record.size(), 2) + record;
    }
    return text;
}

TEST(Routes, LongHellosHaveTheirRouteToo) {
    const std::string routes = route("sni = \"*.example.org\"", "echo");
    Gatehouse host(routed(routes) + "[[listeners]]\nname = \"long\"\naddress = \"127.0.0.1:0\"\ndetect.limit = \"64KiB\"\n" +
                   routes);
    for (const auto& [listener, padding] : {std::pair("front", 4'200), std::pair("front", 15'000), std::pair("long", 60'000)}) {
        const std::string hello = hello_for("www.example.org", static_cast<std::size_t>(padding));
        Client client(host.port(listener));
        client.send(hello);
        EXPECT_EQ(client.recv_exactly(hello.size()), hello) << padding;
    }
    Client client(host.port("front"));
    client.send(hello_for("www.example.org", 20'000));
    client.rest();
    EXPECT_EQ(host.wait_for_closed("front", client.local_address())["reason"], "no_match");
    EXPECT_EQ(host.wait_for_log("a route was passed over")["error"], "it needs more bytes than detect.limit");
}

TEST(Routes, AnEndDecides) {
    Gatehouse host(listener("front", "echo", "detect.timeout = \"1m\"\n" + route("probe = \"ssh\"", "discard")));
    Client client(host.port("front"));
    client.send("SSH");
    client.finish();
    EXPECT_EQ(client.recv_until_eof(), "SSH");
    EXPECT_EQ(host.wait_for_closed("front", client.local_address())["plugin"], "echo");

    Client nothing(host.port("front"));
    nothing.finish();
    EXPECT_EQ(nothing.recv_until_eof(), "");
    EXPECT_EQ(host.wait_for_closed("front", nothing.local_address())["reason"], "peer_closed");
}

TEST(Routes, SilenceMeansThatTheServerSpeaksFirst) {
    Gatehouse host(listener(
        "front", "echo", "on_silence = { after = \"100ms\", plugin = \"daytime\" }\n" + route("probe = \"ssh\"", "discard")));
    Client silent(host.port("front"));
    EXPECT_NE(silent.recv_until_eof(), "");
    EXPECT_EQ(host.wait_for_closed("front", silent.local_address())["plugin"], "daytime");

    Client half(host.port("front")); // it has said something
    half.send("SS");
    EXPECT_FALSE(half.readable(300ms));
    half.send("X");
    EXPECT_EQ(half.recv_exactly(3), "SSX");
}

TEST(Routes, SilenceWithoutRoutes) {
    Gatehouse host(listener("front", "echo", "on_silence = { after = \"100ms\", plugin = \"daytime\" }"));
    Client silent(host.port("front"));
    EXPECT_NE(silent.recv_until_eof(), "");
    Client client(host.port("front"));
    client.send("a");
    EXPECT_EQ(client.recv_exactly(1), "a");
}

TEST(Routes, SilenceThatNobodyWants) {
    Gatehouse host(routed("first_byte_timeout = \"100ms\"\n" + route("probe = \"ssh\"", "echo")));
    Client client(host.port("front"));
    EXPECT_EQ(client.recv_until_eof(), "");
    EXPECT_EQ(host.wait_for_closed("front", client.local_address())["reason"], "first_byte_timeout");
}

TEST(Routes, SourcesDecideBeforeAnythingIsSaid) {
    Gatehouse host(listener("front", "echo", route("source = \"127.0.0.1\"", "daytime")));
    Client client(host.port("front"));
    EXPECT_NE(client.recv_until_eof(), "");
    EXPECT_EQ(host.wait_for_closed("front", client.local_address())["plugin"], "daytime");
}

TEST(Routes, LetInWhomTheyAllow) {
    Gatehouse host(routed("plugin = \"daytime\"\non_silence = { after = \"10s\", plugin = \"daytime\" }\n" +
                          route("probe = \"ssh\"\ndeny = [\"127.0.0.2\"]", "echo") +
                          route("probe = \"http\"\nallow = [\"127.0.0.2\"]", "echo")));
    const auto talk = [&](const std::string& source, const std::string& text) {
        Client client("127.0.0.1:" + std::to_string(host.port("front")), source + ":0");
        client.send(text);
        client.finish();
        const std::string answer = client.rest().bytes;
        return answer + " " + host.wait_for_closed("front", client.local_address())["reason"];
    };
    EXPECT_EQ(talk("127.0.0.1", "SSH-2.0-x\r\n"), "SSH-2.0-x\r\n peer_closed");
    EXPECT_EQ(talk("127.0.0.2", "SSH-2.0-x\r\n"), " denied_acl"); // and not daytime, which takes all others
    EXPECT_EQ(talk("127.0.0.2", "GET / HTTP/1.0\r\n"), "GET / HTTP/1.0\r\n peer_closed");
    EXPECT_EQ(talk("127.0.0.1", "GET / HTTP/1.0\r\n"), " denied_acl");
}

TEST(Routes, TheSourceIsTheOneInTheProxyHeader) {
    Gatehouse host(listener("front", "daytime",
                            "proxy_protocol = { from = \"127.0.0.1\" }\n" + route("source = \"192.0.2.0/24\"", "echo")));
    Client client(host.port("front"));
    client.send("PROXY TCP4 192.0.2.1 198.51.100.2 40000 443\r\n");
    client.send("hello");
    EXPECT_EQ(client.recv_exactly(5), "hello");
}

TEST(Routes, ADrainAsksWhoHasSpoken) {
    Gatehouse host(routed("detect.timeout = \"1m\"\n" + route("probe = \"ssh\"", "echo")));
    Client half(host.port("front"));
    half.send("SSH");
    Client silent(host.port("front"));
    host.wait_for_status("front", "both parked", [](const Record& now) { return now["parked"] == "2"; });
    host.signal(SIGTERM);
    EXPECT_EQ(silent.recv_until_eof(), "");
    half.send("-2.0-");
    EXPECT_EQ(half.recv_exactly(8), "SSH-2.0-");
    half.close();
    EXPECT_EQ(host.wait_exit(), 0);
}

// --- what is wrong with routes ---------------------------------------------------------------------------------------------

std::string refused_with(const std::string& config) {
    const TempDir dir;
    std::ofstream(dir / "x.toml") << "host.plugin_path = \"" + plugin_dir() + "\"\n" + config;
    const Result result = run_gatehouse({"check", dir / "x.toml"});
    EXPECT_EQ(result.status, 1) << result.out;
    std::string text = result.err;
    for (std::size_t at = 0; (at = text.find(dir.path().string() + "/", at)) != std::string::npos;)
        text.erase(at, dir.path().string().size() + 1);
    return text;
}

TEST(Routes, APluginWithoutAProbeIsRefused) {
    EXPECT_EQ(
        refused_with(routed(route("probe = true", "echo"))),
        "gatehouse: x.toml:5:1: listeners.routes.probe: plugin echo has no probe of its own (expected the name of a pattern, "
        "such as probe = \"ssh\")\n");
}

TEST(Routes, APluginThatDoesNotTakeTlsIsRefused) {
    const TempDir root;
    const std::string web = "[plugins.http]\nconfig = { root = \"" + root.path().string() + "\" }\n";
    EXPECT_EQ(
        refused_with(web + routed(route("sni = \"a.example\"", "http"))),
        "gatehouse: x.toml:7:1: listeners.routes.plugin: plugin http does not take TLS, which this route is for (expected one "
        "that does, such as a gateway)\n");
}

TEST(Routes, AServerThatSpeaksFirstNeedsOnSilence) {
    EXPECT_EQ(
        refused_with(listener("front", "daytime", route("probe = \"ssh\"", "echo"))),
        "gatehouse: x.toml:2:1: listeners.plugin: plugin daytime speaks first, but the routes wait for what the client says "
        "(expected on_silence = { after = \"1s\", plugin = \"daytime\" } as well)\n");
}

TEST(Routes, TheExampleIsAValidFile) {
    const Result result = run({"env", "--chdir", GATEHOUSE_SOURCE_DIR, gatehouse_binary(), "check", "--plugin-path",
                               plugin_dir(), "conf/one-port.toml"});
    EXPECT_EQ(result.status, 0) << result.err;
}

// --- the real thing --------------------------------------------------------------------------------------------------------

TEST(Routes, OnePortForAll) {
    const TempDir root;
    std::ofstream(root / "index.html") << "hello\n";
    const Redis redis;
    const Postgres postgres;
    const Sshd sshd;
    // A SOCKS5 server: what ssh -D offers, through the same sshd.
    const ReservedAddress socks_address;
    std::vector<std::string> dynamic =
        sshd.client(sshd.address().substr(10), {"-N", "-D", socks_address.address(), Sshd::user() + "@127.0.0.1"});
    const Process socks(dynamic);
    for (const Deadline deadline; refused(socks_address.address()) && !deadline.passed();) {
    }
    // And TLS, by name: passed on to a server of its own, or ended here.
    const Certificates certificates;
    for (const char* name : {"a", "b"}) certificates.make(name, {name + std::string(".example")});
    const ConfiguredServer tls({"openssl", "s_server", "-quiet", "-www", "-accept", "127.0.0.1:PORT", "-cert",
                                certificates / "a.pem", "-key", certificates / "a.key"},
                               "");

    Gatehouse host(certificates.section("b") + "[plugins.http]\nconfig = { root = \"" + root.path().string() + "\" }\n" +
                   gateway("ssh", sshd.address()) + gateway("redis", redis.tcp()) + gateway("postgresql", postgres.address()) +
                   gateway("socks", socks_address.address()) + gateway("tls", "127.0.0.1:" + tls.port()) +
                   routed("on_silence = { after = \"500ms\", plugin = \"daytime\" }\n" + route("sni = \"a.example\"", "tls") +
                          "[[listeners.routes]]\ntls = \"b\"\n" + route("probe = true", "http") +
                          route("probe = \"ssh\"", "ssh") + route("probe = \"redis\"", "redis") +
                          route("probe = \"postgresql\"", "postgresql") + route("probe = \"socks5\"", "socks")));
    const std::string port = std::to_string(host.port("front"));
    const std::string url = "http://127.0.0.1:" + port + "/";

    // All at once.
    const ProcessOptions options{.environment = {"PGDATABASE=postgres"}};
    Process curl({"curl", "-sS", url});
    Process ssh(sshd.client(port, {Sshd::user() + "@127.0.0.1", "echo", "through", "ssh"}));
    Process redis_cli({"redis-cli", "-p", port, "ping"});
    Process psql({Postgres::program("psql"), "-h", "127.0.0.1", "-p", port, "-U", "postgres", "-XAtc", "select 6 * 7"},
                 options);
    Process socks_client({"curl", "-sS", "--socks5", "127.0.0.1:" + port, url});
    Process https({"curl", "-sSk", "--resolve", "a.example:" + port + ":127.0.0.1", "https://a.example:" + port + "/"});
    Process silent({"ncat", "--recv-only", "127.0.0.1", port});
    Process ended({"curl", "-sS", "--cacert", certificates.ca(), "--resolve", "b.example:" + port + ":127.0.0.1",
                   "https://b.example:" + port + "/"});
    Process other({"sh", "-c", "echo EHLO there | ncat 127.0.0.1 " + port});

    EXPECT_EQ(curl.wait().out, "hello\n") << curl.err();
    EXPECT_EQ(ssh.wait().out, "through ssh\n") << ssh.err();
    EXPECT_EQ(redis_cli.wait().out, "PONG\n") << redis_cli.err();
    EXPECT_EQ(psql.wait().out, "42\n") << psql.err();
    EXPECT_EQ(socks_client.wait().out, "hello\n") << socks_client.err();
    EXPECT_NE(https.wait().out.find("<HTML>"), std::string::npos) << https.err();
    EXPECT_NE(silent.wait().out, "");
    EXPECT_EQ(ended.wait().out, "hello\n") << ended.err();
    EXPECT_EQ(other.wait().out, "");
    for (const char* plugin : {"http", "ssh", "redis", "postgresql", "socks", "tls", "daytime"})
        host.wait_for_log("closed", {{"listener", "front"}, {"plugin", plugin}});
    host.wait_for_log("closed", {{"listener", "front"}, {"reason", "no_match"}});
}

} // namespace
