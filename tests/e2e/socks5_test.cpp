// The SOCKS5 proxy as curl, ncat and proxychains see it, and byte by byte.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "proc.hpp"
#include "random_bytes.hpp"

#include <future>
#include <gtest/gtest.h>
#include <list>
#include <thread>
#include <vector>

using namespace gatehouse::support;
using namespace std::string_literals;

namespace {

// These tests have the loopback to themselves, so it has to be opened.
const std::string loopback = R"(allow = ["127.0.0.0/8", "::1"])";

std::string socks5(const std::string& config, const std::string& more = "") {
    return "[plugins.socks5]\n" + config + "\n" + listener("socks5", "socks5", more);
}

Result curl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"curl", "-q", "-sS", "--noproxy", "nowhere", "--max-time", "100"});
    return run(arguments);
}

// A request for an IPv4 destination, after a greeting, in one piece: the client waits for neither answer.
std::string ask(const std::string& endpoint) {
    const auto port = static_cast<unsigned>(std::stoul(endpoint.substr(endpoint.rfind(':') + 1)));
    return "\5\1\0\5\1\0\1\x7f\0\0\1"s + static_cast<char>(port >> 8U) + static_cast<char>(port & 0xffU);
}

// Sends it and takes the answers; the connection then leads to the destination.
void connect(Client& client, const std::string& endpoint) {
    client.send(ask(endpoint));
    EXPECT_EQ(client.recv_exactly(6), "\5\0\5\0\0\1"s);
    EXPECT_EQ(client.recv_exactly(4), "\x7f\0\0\1"s); // what the proxy's side of the connection is bound to
    EXPECT_NE(client.recv_exactly(2), "\0\0"s);
}

// A relay that ended with both sides closed, whichever was the first.
void expect_whole(const Record& closed) {
    const std::string reason = closed["reason"];
    EXPECT_TRUE(reason == "done" || reason == "peer_closed" || reason == "upstream_closed") << closed.line;
}

// The proxy with web servers behind it, on IPv4 and IPv6.
class Socks5 : public testing::Test {
  protected:
    explicit Socks5(const std::string& config = "config = { " + loopback + ", log_requests = true }")
        : host_("[plugins.http]\nconfig = { root = \"" + root_.path().string() + "\" }\n" + listener("http", "http") +
                "[[listeners]]\nname = \"http6\"\naddress = \"[::1]:0\"\nplugin = \"http\"\n" + socks5(config)) {}

    std::string proxy() const { return "127.0.0.1:" + std::to_string(host_.port("socks5")); }
    std::string url(const std::string& host, std::string_view listener = "http") const {
        return "http://" + host + ":" + std::to_string(host_.port(listener)) + "/file";
    }

    const TempDir root_;
    const std::string text_ = random_bytes(300'000, 1);
    const std::string file_ = root_.write("file", text_);
    Gatehouse host_;
};

TEST_F(Socks5, CurlWithEveryKindOfAddress) {
    for (const std::string resolver : {"--socks5", "--socks5-hostname"}) {
        for (const std::string& where : {url("127.0.0.1"), url("[::1]", "http6"), url("localhost")}) {
            const std::size_t from = host_.log_size();
            const Result result = curl({resolver, proxy(), where});
            EXPECT_EQ(result.status, 0) << resolver << " " << where << ": " << result.err;
            EXPECT_TRUE(result.out == text_) << resolver << " " << where;
            expect_whole(host_.wait_for_closed("socks5", "", from));
        }
    }
}

TEST_F(Socks5, RequestsAreLoggedIfThatIsAskedFor) {
    ASSERT_EQ(curl({"--socks5-hostname", proxy(), url("localhost")}).status, 0);
    const std::string port = std::to_string(host_.port("http"));
    const Record closed = host_.wait_for_closed("socks5");
    host_.wait_for_log("connected: localhost:" + port + " at 127.0.0.1:" + port,
                       {{"peer", closed["peer"]}, {"id", closed["id"]}});
}

TEST_F(Socks5, Ncat) {
    const std::string port = std::to_string(host_.port("http"));
    const Result result =
        run({"ncat", "--proxy", proxy(), "--proxy-type", "socks5", "127.0.0.1", port}, {.input = "GET /file HTTP/1.0\r\n\r\n"});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(result.out.ends_with(text_));
}

TEST_F(Socks5, Proxychains) {
    const std::string config =
        root_.write("proxychains.conf", "strict_chain\nquiet_mode\nproxy_dns\n[ProxyList]\nsocks5 127.0.0.1 " +
                                            std::to_string(host_.port("socks5")) + "\n");
    const auto chained = [&](std::vector<std::string> program, const std::string& input) {
        program.insert(program.begin(), {"proxychains4", "-q", "-f", config});
        const Result result = run(program, {.input = input});
        EXPECT_EQ(result.status, 0) << result.err;
        EXPECT_TRUE(result.out.ends_with(text_));
    };
    chained({"curl", "-q", "-sS", "--noproxy", "*", url("127.0.0.1")}, "");
    chained({"nc", "-N", "127.0.0.1", std::to_string(host_.port("http"))}, "GET /file HTTP/1.0\r\n\r\n");
    EXPECT_EQ(host_.wait_for_status("socks5", "both", [](const Record& now) { return now["accepted"] == "2"; })["open"], "0");
}

TEST_F(Socks5, ManyAtOnce) {
    std::vector<std::string> urls{"--parallel", "--parallel-max", "50", "--socks5", proxy()};
    for (int i = 0; i < 100; ++i) urls.insert(urls.end(), {"-o", root_ / ("copy" + std::to_string(i)), url("127.0.0.1")});
    const Result result = curl(urls);
    EXPECT_EQ(result.status, 0) << result.err;
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(read_file(root_ / ("copy" + std::to_string(i))) == text_) << i;
}

TEST_F(Socks5, ALargeDownloadArrivesWhole) {
    const std::string large = random_bytes(24 << 20, 2);
    root_.write("file", large);
    const auto sha256 = [](const std::string& file) { return run({"sha256sum", file}).out.substr(0, 64); };
    ASSERT_EQ(curl({"--socks5-hostname", proxy(), "-o", root_ / "copy", url("localhost")}).status, 0);
    EXPECT_EQ(sha256(root_ / "copy"), sha256(file_));
}

// --- users ---------------------------------------------------------------------------------------------------------------

class Socks5Users : public Socks5 {
  protected:
    Socks5Users()
        : Socks5("config.users_file = \"" + users_file + "\"\nconfig." + loopback +
                 "\nconfig.users = [ { name = \"ann\", password = \"s e:c%ret\" } ]") {}

    static const TempDir& dir() {
        static const TempDir dir;
        return dir;
    }
    // htpasswd -nbB bob secret, in an editor that writes a mark
    static inline const std::string users_file =
        dir().write("users", "\xef\xbb\xbf"
                             "bob:$2y$05$tyJblltzN4P3hN0MorLN4OHEKwHVgfuaUNbcy1pWLuyx5B7ZD5Q0m\r\n# the end");
};

TEST_F(Socks5Users, MayUseItWithTheirPasswords) {
    for (const std::string user : {"ann:s e:c%ret", "bob:secret"}) {
        const Result result = curl({"--socks5-hostname", proxy(), "--proxy-user", user, url("localhost")});
        EXPECT_EQ(result.status, 0) << user << ": " << result.err;
        EXPECT_TRUE(result.out == text_);
    }
    const Result ncat = run({"ncat", "--proxy", proxy(), "--proxy-type", "socks5", "--proxy-auth", "bob:secret", "127.0.0.1",
                             std::to_string(host_.port("http"))},
                            {.input = "GET /file HTTP/1.0\r\n\r\n"});
    EXPECT_TRUE(ncat.out.ends_with(text_)) << ncat.err;
    host_.wait_for_log("closed", {{"listener", "socks5"}, {"user", "ann"}});
    host_.wait_for_log("closed", {{"listener", "socks5"}, {"user", "bob"}});
}

TEST_F(Socks5Users, NobodyElseMay) {
    for (const std::string user : {"ann:secret", "bob:Secret", "eve:secret", "ann:"}) {
        const Result wrong = curl({"--socks5-hostname", proxy(), "--proxy-user", user, url("localhost")});
        EXPECT_EQ(wrong.status, 97) << user; // CURLE_PROXY
        EXPECT_NE(wrong.err.find("User was rejected by the SOCKS5 server (1 1)."), std::string::npos) << wrong.err;
    }
    const Result none = curl({"--socks5-hostname", proxy(), url("localhost")});
    EXPECT_EQ(none.status, 97);
    EXPECT_NE(none.err.find("No authentication method was acceptable."), std::string::npos) << none.err;
    const Record closed = host_.wait_for_closed("socks5");
    EXPECT_EQ(closed["reason"], "done");
    host_.wait_for_log("refused: wrong user name or password", {{"peer", closed["peer"]}, {"user", "ann"}});
    EXPECT_EQ(closed["user"], "") << "nobody has been let in";
}

TEST(Socks5Example, IsAGoodConfiguration) {
    const std::string example = GATEHOUSE_SOURCE_DIR "/conf/socks5.toml";
    const Result result = run_gatehouse({"check", "--plugin-path", plugin_dir(), example});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out, example + ": ok (1 listener, 1 plugin instance)\n");
}

TEST(Socks5Example, BadSettingsAreNamedWithTheirPlace) {
    const TempDir dir;
    const std::string file = dir.write("conf.toml", "[plugins.socks5]\nconfig.allow = [\n\"10.0.0.1/8\" ]\n"
                                                    "config.users = [ { name = \"ann\", hash = \"secret\" } ]\n" +
                                                        listener("socks5", "socks5"));
    const Result result = run_gatehouse({"check", "--plugin-path", plugin_dir(), file});
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.err, "gatehouse: " + file +
                              ":3:1: plugins.socks5.config.allow: \"10.0.0.1/8\" has bits set behind its prefix: write the "
                              "network's first address, or no prefix\n" +
                              file +
                              ":4:27: plugins.socks5.config.users.name: the hash of \"ann\" is not one that crypt(3) knows "
                              "(expected one such as \"$y$...\" or \"$2b$...\")\n");
}

// --- what is not to be had -----------------------------------------------------------------------------------------------

void expect_refusal(Gatehouse& host, const std::string& where, char code, std::string_view reason) {
    const std::size_t from = host.log_size();
    const Result result = curl({"--socks5-hostname", "127.0.0.1:" + std::to_string(host.port("socks5")), "http://" + where});
    EXPECT_EQ(result.status, 97) << where; // CURLE_PROXY
    EXPECT_NE(result.err.find("Can't complete SOCKS5 connection to "), std::string::npos) << result.err;
    EXPECT_NE(result.err.find(". ("s + code + ")"), std::string::npos) << where << ": " << result.err;
    const Record closed = host.wait_for_closed("socks5", "", from);
    EXPECT_EQ(closed["reason"] + (closed["cause"].empty() ? "" : ' ' + closed["cause"]), reason) << where;
}

TEST(Socks5Failure, EachHasItsReply) {
    const ReservedAddress nobody;
    const Server full("127.0.0.1:0", 0);
    const Client in_the_queue(full.address());
    Gatehouse host(socks5("config = { allow = [\"127.0.0.0/8\", \"255.255.255.255\"], connect_timeout = \"300ms\" }"));
    expect_refusal(host, nobody.address(), '5', "upstream_failed refused");
    const Record record = host.wait_for_log("no connection to the upstream");
    EXPECT_EQ(record["error"], "upstream " + nobody.address() + ": Connection refused");
    EXPECT_EQ(record.level(), "info") << "the client has been told";
    expect_refusal(host, full.address(), '6', "upstream_failed timeout");
    expect_refusal(host, "255.255.255.255:80", '4',
                   "upstream_failed local");                               // no TCP connection leads to the broadcast address
    expect_refusal(host, "nobody.invalid:80", '4', "upstream_failed dns"); // RFC 6761: never resolves
}

TEST(Socks5Failure, WhatIsNotPublicIsDeniedByDefault) {
    const Server server;
    const std::string port = ":" + port_of(server.address());
    Gatehouse host(socks5(""));
    for (const std::string& where :
         {"127.0.0.1" + port, "localhost" + port, "[::1]" + port, "0.0.0.0" + port, "[::]" + port, "[::ffff:127.0.0.1]" + port,
          "10.0.0.1"s, "169.254.169.254"s, "192.168.1.1"s, "[fd00::1]"s, "[fe80::1]"s, "224.0.0.1"s, "[64:ff9b::7f00:1]"s})
        expect_refusal(host, where, '2', "done");
    const Record closed = host.wait_for_closed("socks5");
    host.wait_for_log("denied: 127.0.0.1" + port, {{"peer", closed["peer"]}});
}

TEST(Socks5Failure, BindAndUdpAssociateAreRefused) {
    Gatehouse host(socks5(""));
    for (const char command : {'\2', '\3'}) {
        Client client(host.port("socks5"));
        client.send("\5\1\0\5"s + command + "\0\1\0\0\0\0\0\0"s);
        EXPECT_EQ(client.recv_until_eof(), "\5\0\5\7\0\1\0\0\0\0\0\0"s);
    }
}

// The answer must not be eaten by a reset because input is left unread.
TEST(Socks5Failure, ARefusalIsReadableBehindMuchInput) {
    Gatehouse host(socks5(""));
    for (int round = 0; round < 20; ++round) {
        Client client(host.port("socks5"));
        client.send("\5\1\0\5\1\0\1\x7f\0\0\1\0\1"s + std::string(100'000, 'x'));
        client.finish();
        EXPECT_EQ(client.recv_until_eof(), "\5\0\5\2\0\1\0\0\0\0\0\0"s);
    }
}

// --- the relay -----------------------------------------------------------------------------------------------------------

TEST(Socks5Relay, WhatIsSentWithoutWaitingArrives) {
    Server upstream;
    Gatehouse host(socks5("config = { " + loopback + " }"));
    Client client(host.port("socks5"));
    const std::string much = random_bytes(1 << 20, 3);
    std::future<void> sender = std::async(std::launch::async, [&] {
        client.send(ask(upstream.address()) + much);
        client.finish();
    });
    Client server = upstream.accept();
    EXPECT_TRUE(server.recv_until_eof() == much);
    sender.get();
    server.send("answer");
    server.close();
    EXPECT_EQ(client.recv_exactly(12).substr(0, 4), "\5\0\5\0"s);
    EXPECT_EQ(client.recv_until_eof(), "answer");
    expect_whole(host.wait_for_closed("socks5"));
}

TEST(Socks5Relay, HalfClosesArePassedOnBothWays) {
    Server upstream;
    Gatehouse host(socks5("config = { " + loopback + " }"));
    Client client(host.port("socks5"));
    connect(client, upstream.address());
    Client server = upstream.accept();
    server.send("that was all");
    server.finish();
    EXPECT_EQ(client.recv_until_eof(), "that was all");
    client.send("thanks");
    client.finish();
    EXPECT_EQ(server.recv_until_eof(), "thanks");
    const Record closed = host.wait_for_closed("socks5");
    expect_whole(closed);
    EXPECT_EQ(closed["in"], std::to_string(13 + 6));
    EXPECT_EQ(closed["out"], std::to_string(12 + 12));
}

TEST(Socks5Relay, TheUpstreamsResetReachesTheClient) {
    Server upstream;
    Gatehouse host(socks5("config = { " + loopback + " }"));
    Client client(host.port("socks5"));
    connect(client, upstream.address());
    Client server = upstream.accept();
    server.reset();
    EXPECT_TRUE(client.rest().reset);
    EXPECT_EQ(host.wait_for_closed("socks5")["reason"], "upstream_reset");
}

// The name's addresses are tried until one answers: where localhost is ::1 as well, that is the first and refuses.
TEST(Socks5Relay, TheNextAddressOfANameIsTried) {
    Server upstream;
    Gatehouse host(socks5("config = { " + loopback + " }"));
    Client client(host.port("socks5"));
    const auto port = static_cast<unsigned>(std::stoul(port_of(upstream.address())));
    client.send("\5\1\0\5\1\0\3\x9localhost"s + static_cast<char>(port >> 8U) + static_cast<char>(port & 0xffU));
    EXPECT_EQ(client.recv_exactly(6), "\5\0\5\0\0\1"s);
    Client server = upstream.accept();
}

// --- clients that are in no hurry ----------------------------------------------------------------------------------------

TEST(Socks5Slow, ClientsBetweenTwoBytesHoldNoThread) {
    Server upstream;
    Gatehouse host(socks5("config = { " + loopback + ", negotiation_timeout = \"60s\" }", "threads = { min = 1, max = 2 }"));
    const std::string request = ask(upstream.address());
    std::list<Client> slow;
    for (std::size_t i = 0; i < 60; ++i) {
        slow.emplace_back(host.port("socks5"));
        for (std::size_t sent = 0; sent <= i % (request.size() - 1); ++sent) slow.back().send(request.substr(sent, 1));
    }
    host.wait_for_status("socks5", "all parked", [](const Record& now) { return now["parked"] == "60"; });
    Client quick(host.port("socks5"));
    connect(quick, upstream.address());
    Client server = upstream.accept();
    quick.send("served");
    EXPECT_EQ(server.recv_exactly(6), "served");
    std::size_t i = 0;
    for (Client& client : slow) { // and they are served as well, once they have made up their minds
        client.send(request.substr(i % (request.size() - 1) + 1));
        Client reached = upstream.accept();
        EXPECT_EQ(client.recv_exactly(4), "\5\0\5\0"s);
        ++i;
    }
}

TEST(Socks5Slow, ANegotiationThatTakesTooLongEnds) {
    Gatehouse host(socks5("config = { negotiation_timeout = \"200ms\" }"));
    Client client(host.port("socks5"));
    client.send("\5\1\0\5\1"s);
    EXPECT_EQ(client.recv_until_eof(), "\5\0"s);
    client.close();
    EXPECT_EQ(host.wait_for_closed("socks5")["reason"], "deadline");
}

// Each password costs CPU time and memory to check: no more of that than there are CPUs, and the others wait without a thread.
TEST(Socks5Logins, ManyAtOnceWaitForTheirTurn) {
    constexpr std::size_t count = 400;
    const std::string user = "users = [{ name = \"ann\", hash = "
                             "\"$y$j75$F5Jx5fExrKuPp53xLKQ..1$l5YiXCKNY/N9ezall4xjJAFS/wg.kWVcFXfOzyxVn1.\" }]";
    Gatehouse host(instance("one", "socks5", user + ", negotiation_timeout = \"60s\"") +
                   instance("other", "socks5", user + ", negotiation_timeout = \"60s\""));
    const std::uint64_t before = resident_kib(host.pid());
    std::vector<Client> clients;
    for (std::size_t i = 0; i < count; ++i) {
        clients.emplace_back(host.port(i % 2 == 0 ? "one" : "other")).send("\5\1\2\1\3ann\6secret");
        EXPECT_TRUE(host.alive());
    }
    for (Client& client : clients) EXPECT_EQ(client.recv_exactly(4), "\5\2\1\0"s);
    const std::uint64_t after = resident_kib(host.pid());
    if (sanitizer().empty()) { // whose own memory is much more
        EXPECT_LT(after, before + 24 * 1024) << "KiB";
    }
    const auto cpus = static_cast<double>(std::thread::hardware_concurrency());
    for (const char* name : {"one", "other"}) // on a busy machine a thread may look stuck, and another one is started
        EXPECT_LE(host.status(name).number("threads_most"), 2 * cpus + 8);
    host.leave_busy();
}

} // namespace
