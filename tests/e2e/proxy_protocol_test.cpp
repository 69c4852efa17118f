// The PROXY protocol from those who speak it: curl, HAProxy and nginx; and from those who do not.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "real_servers.hpp"

#include <gtest/gtest.h>
#include <thread>

using namespace gatehouse::support;

namespace {

const std::string trusting = "proxy_protocol = { from = [\"127.0.0.0/8\", \"unix\"] }";
const std::string v1_header = "PROXY TCP4 192.0.2.1 198.51.100.2 40000 443\r\n";

std::string web(const TempDir& root, const std::string& more) {
    std::ofstream(root / "index.html") << "hello\n";
    return "[plugins.http]\nconfig = { root = \"" + root.path().string() + "\" }\n" + listener("http", "http", more);
}

TEST(ProxyProtocol, TheClientIsThePeerAndTheProxyIsKeptBesideIt) {
    Gatehouse host(listener("echo", "echo", trusting));
    Client client(host.port("echo"));
    client.send(v1_header + "hello");
    EXPECT_EQ(client.recv_exactly(5), "hello");
    const std::string proxy = client.local_address();
    client.close();
    const Record record = host.wait_for_closed("echo", "192.0.2.1:40000");
    EXPECT_EQ(record["transport_peer"], proxy);
    EXPECT_EQ(record["in"], "5"); // the header is the host's
}

TEST(ProxyProtocol, HeadersMayComeInPieces) {
    Gatehouse host(listener("echo", "echo", trusting));
    Client client(host.port("echo"));
    for (const char c : v1_header) {
        client.send(std::string(1, c));
        std::this_thread::yield();
    }
    client.send("a");
    EXPECT_EQ(client.recv_exactly(1), "a");
    client.send("b");
    EXPECT_EQ(client.recv_exactly(1), "b");
}

TEST(ProxyProtocol, ServersThatSpeakFirstWaitForTheHeader) {
    Gatehouse host(listener("daytime", "daytime", trusting));
    Client client(host.port("daytime"));
    EXPECT_FALSE(client.readable(std::chrono::milliseconds(50)));
    client.send(v1_header);
    EXPECT_NE(client.recv_until_eof(), "");
    EXPECT_EQ(host.wait_for_closed("daytime", "192.0.2.1:40000")["reason"], "done");
}

TEST(ProxyProtocol, OthersAreNeverLookedAt) {
    Gatehouse host(listener("echo", "echo", "proxy_protocol = { from = \"10.0.0.0/8\" }"));
    Client client(host.port("echo"));
    client.send(v1_header);
    EXPECT_EQ(client.recv_exactly(v1_header.size()), v1_header);
    const std::string peer = client.local_address();
    client.close();
    EXPECT_EQ(host.wait_for_closed("echo", peer)["transport_peer"], "");
}

TEST(ProxyProtocol, WithoutAHeaderThereIsNoService) {
    Gatehouse host(listener("echo", "echo", trusting));
    Client client(host.port("echo"));
    client.send("hello");
    EXPECT_EQ(client.rest().bytes, "");
    EXPECT_EQ(host.wait_for_closed("echo", client.local_address())["reason"], "bad_proxy_header");
    EXPECT_EQ(host.wait_for_log("bad PROXY header", {{"peer", client.local_address()}})["error"],
              "something else than a PROXY header");
}

TEST(ProxyProtocol, HeadersThatNeverEnd) {
    Gatehouse host(listener("echo", "echo", "proxy_protocol = { from = \"127.0.0.1\", timeout = \"100ms\" }"));
    Client half(host.port("echo"));
    half.send("PROXY TCP4 ");
    half.rest();
    EXPECT_EQ(host.wait_for_closed("echo", half.local_address())["reason"], "bad_proxy_header");
    EXPECT_EQ(host.wait_for_log("bad PROXY header")["error"], "it was not complete in time");

    Client silent(host.port("echo"));
    silent.rest();
    EXPECT_EQ(host.wait_for_closed("echo", silent.local_address())["reason"], "first_byte_timeout");

    Client gone(host.port("echo"));
    gone.send("PROXY TCP4 ");
    gone.finish();
    gone.rest();
    EXPECT_EQ(host.wait_for_closed("echo", gone.local_address())["reason"], "bad_proxy_header");
    EXPECT_EQ(host.wait_for_log("bad PROXY header", {{"error", "it ends within the header"}})["peer"], gone.local_address());

    Client check(host.port("echo")); // as load balancers do to see whether somebody is there
    const std::string peer = check.local_address();
    check.close();
    EXPECT_EQ(host.wait_for_closed("echo", peer)["reason"], "peer_closed");
}

// Whoever drips bytes is still held to one deadline.
TEST(ProxyProtocol, DrippingDoesNotPushTheDeadlineOut) {
    Gatehouse host(listener("echo", "echo", "proxy_protocol = { from = \"127.0.0.1\", timeout = \"300ms\" }"));
    Client client(host.port("echo"));
    const std::string peer = client.local_address();
    EXPECT_THROW(
        for (const Deadline deadline; !deadline.passed();) {
            client.send("P"); // the second one is wrong, so the drip is of version 2's
            client.recv_exactly(1);
        },
        std::exception);
    EXPECT_EQ(host.wait_for_closed("echo", peer)["reason"], "bad_proxy_header");
}

TEST(ProxyProtocol, LocalConnectionsKeepTheirOwnPeer) {
    Gatehouse host(listener("echo", "echo", trusting));
    Client client(host.port("echo"));
    client.send(std::string("\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00hello", 21));
    EXPECT_EQ(client.recv_exactly(5), "hello");
    const std::string peer = client.local_address();
    client.close();
    EXPECT_EQ(host.wait_for_closed("echo", peer)["transport_peer"], "");
}

// What a proxy says when it connects to see whether the listener is well, and for clients that have no address.
const std::vector<std::string>& own_headers() {
    static const std::vector<std::string> all{
        std::string("\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00", 16),    // LOCAL
        std::string("\r\n\r\n\0\r\nQUIT\n\x20\xff\x00\x03xyz", 19), // the family and the rest are to be ignored
        std::string("\r\n\r\n\0\r\nQUIT\n\x21\x00\x00\x00", 16),    // UNSPEC
        "PROXY UNKNOWN\r\n",
    };
    return all;
}

TEST(ProxyProtocol, AProxyOnItsOwnBehalfIsAdmittedAsItself) {
    const std::string keys = "proxy_protocol = { from = [\"127.0.0.1\", \"127.0.1.0/24\"] }\nallow = [\"192.0.2.0/24\"]\n";
    Gatehouse host(listener("echo", "echo", keys + "deny = [\"127.0.1.1\"]") +
                   listener("routed", "discard",
                            keys + "[[listeners.routes]]\nprobe = \"ssh\"\nplugin = \"echo\"\nallow = "
                                   "[\"192.0.2.0/25\"]\n"));
    const auto admitted = [&](const std::string& listener, const std::string& from, const std::string& own) {
        Client proxy(host.address(listener), from + ":0");
        proxy.send(own);
        return proxy.echoes("SSH-2.0-x");
    };
    for (const std::string& own : own_headers()) {
        EXPECT_TRUE(admitted("echo", "127.0.0.1", own));
        EXPECT_TRUE(admitted("routed", "127.0.0.1", own));
        EXPECT_TRUE(admitted("echo", "127.0.1.2", own));
        EXPECT_FALSE(admitted("echo", "127.0.1.1", own)) << "this one is denied";
    }
    EXPECT_NE(host.status("echo")["reasons"].find("denied_acl:" + std::to_string(own_headers().size())), std::string::npos);
    const auto client = [&](const std::string& address) {
        const std::size_t from = host.log_size();
        Client proxy(host.port("echo"));
        proxy.send("PROXY TCP4 " + address + " 198.51.100.2 40000 443\r\n");
        proxy.close();
        return std::string(host.wait_for_closed("echo", address + ":40000", from)["reason"]);
    };
    EXPECT_EQ(client("192.0.2.7"), "peer_closed");
    EXPECT_EQ(client("127.0.0.1"), "denied_acl") << "a client is never the proxy, whatever the header says";
}

TEST(ProxyProtocol, AProxysOwnConnectionsCountForItsAddress) {
    Gatehouse host(listener("echo", "echo", trusting + "\nmax_per_source = 1"));
    Client first(host.port("echo"));
    first.send(own_headers().front() + "a");
    EXPECT_EQ(first.recv_exactly(1), "a");
    Client second(host.port("echo"));
    second.send(own_headers().front());
    EXPECT_EQ(second.rest().bytes, "");
    EXPECT_EQ(host.wait_for_closed("echo", second.local_address())["reason"], "source_full");
    Client another(host.port("echo")); // the client's source is another one
    another.send(v1_header + "b");
    EXPECT_EQ(another.recv_exactly(1), "b");
}

TEST(ProxyProtocol, AProxysOwnConnectionsMayBeLeftOutOfTheLog) {
    Gatehouse host(listener("echo", "echo", "proxy_protocol = { from = \"127.0.0.1\", log_local = false }"));
    const auto talk = [&](const std::string& text) {
        Client client(host.port("echo"));
        client.send(text);
        client.finish();
        client.rest();
        return client.local_address();
    };
    std::vector<std::string> own;
    for (const std::string& head : own_headers()) own.push_back(talk(head + "a"));
    own.push_back(talk("")); // it only looks whether the port is open
    const std::string bad = talk("hello");
    EXPECT_EQ(host.wait_for_closed("echo", bad)["reason"], "bad_proxy_header");
    talk(v1_header + "a");
    host.wait_for_closed("echo", "192.0.2.1:40000");
    host.wait_for_status("echo", "all counted", [](const Record& now) { return now["open"] == "0" && now["accepted"] == "7"; });
    for (const std::string& peer : own)
        for (const Record& record : host.log()) EXPECT_NE(record["peer"], peer) << record.line;
}

TEST(ProxyProtocol, UnixSocketsAreListedByTheirWord) {
    const TempDir dir;
    const std::string address = "unix:" + (dir / "echo");
    Gatehouse host("[[listeners]]\nname = \"echo\"\naddress = \"" + address + "\"\nplugin = \"echo\"\n" + trusting);
    Client client(address);
    client.send(v1_header + "hello");
    EXPECT_EQ(client.recv_exactly(5), "hello");
    client.close();
    EXPECT_EQ(host.wait_for_closed("echo", "192.0.2.1:40000")["transport_peer"], "unix:");
}

TEST(ProxyProtocol, ADrainLetsHalfAHeaderBeFinished) {
    Gatehouse host(listener("echo", "echo", trusting));
    Client half(host.port("echo"));
    Client silent(host.port("echo"));
    half.send(v1_header.substr(0, 20));
    host.wait_for_status("echo", "both accepted", [](const Record& now) { return now["open"] == "2"; });
    host.signal(SIGTERM);
    EXPECT_EQ(silent.rest().bytes, "");
    EXPECT_EQ(host.wait_for_closed("echo", silent.local_address())["reason"], "drained");
    half.send(v1_header.substr(20) + "hello");
    EXPECT_EQ(half.recv_exactly(5), "hello");
    half.close();
    EXPECT_EQ(host.wait_exit(), 0);
}

TEST(ProxyProtocol, FromCurl) {
    const TempDir root;
    Gatehouse host(web(root, trusting));
    const Result result =
        run({"curl", "-sS", "--haproxy-protocol", "http://127.0.0.1:" + std::to_string(host.port("http")) + "/"});
    EXPECT_EQ(result.out, "hello\n") << result.err;
    const Record record = host.wait_for_closed("http");
    EXPECT_EQ(record["peer"], record["transport_peer"]);
}

class FromHaproxy : public testing::TestWithParam<std::string> {};

TEST_P(FromHaproxy, TheClientsAddressArrives) {
    const TempDir root;
    Gatehouse host(web(root, trusting));
    const ConfiguredServer haproxy(
        {"haproxy", "-db", "-f", "CONFIG"},
        "global\n  maxconn 100\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\n"
        "listen a\n  unique-id-format id-7\n  bind 127.0.0.1:PORT\n  server s 127.0.0.1:" +
            std::to_string(host.port("http")) + " " + GetParam() + "\n");
    const std::string from = "127.0.0.77";
    const Result result = run({"curl", "-sS", "--interface", from, "http://127.0.0.1:" + haproxy.port() + "/"});
    EXPECT_EQ(result.out, "hello\n") << result.err;
    const Record record = host.wait_for_log([&](const Record& r) { return r["peer"].starts_with(from + ":"); }, "the client");
    EXPECT_EQ(record["message"], "closed");
    EXPECT_TRUE(record["transport_peer"].starts_with("127.0.0.1:")) << record.line;
    EXPECT_EQ(record["unique_id"], GetParam().find("unique-id") != std::string::npos ? "id-7" : "");
}

INSTANTIATE_TEST_SUITE_P(ProxyProtocol, FromHaproxy,
                         testing::Values("send-proxy", "send-proxy-v2",
                                         "send-proxy-v2 proxy-v2-options crc32c,ssl,cert-cn,unique-id"),
                         [](const auto& test) {
                             std::string name;
                             for (const char c : test.param) name += c >= 'a' && c <= 'z' ? c : '_';
                             return name;
                         });

// Of a server that lets in clients alone.
TEST_P(FromHaproxy, ItsChecksAreAnswered) {
    const TempDir root;
    Gatehouse host(web(root, trusting + "\nallow = [\"192.0.2.0/24\"]"));
    const ConfiguredServer haproxy(
        {"haproxy", "-db", "-f", "CONFIG"},
        "global\n  maxconn 100\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\n"
        "frontend state\n  unique-id-format id-7\n  bind 127.0.0.1:PORT\n"
        "  http-request return status 200 content-type text/plain lf-string \"%[srv_is_up(a/s)]\"\n"
        "backend a\n  option httpchk GET /\n  server s 127.0.0.1:" +
            std::to_string(host.port("http")) + " check inter 20ms fall 1 rise 1 " + GetParam() + "\n");
    host.wait_for_status("http", "some checks", [](const Record& now) { return std::stoi(now["accepted"]) > 3; });
    // The first version has no LOCAL: HAProxy then names itself as the client, which `allow` has to name too.
    const bool says_so = GetParam() != "send-proxy";
    EXPECT_EQ(host.status("http")["reasons"].find("denied_acl") == std::string::npos, says_so);
    EXPECT_EQ(run({"curl", "-sS", "http://127.0.0.1:" + haproxy.port() + "/"}).out, says_so ? "1" : "0");
}

TEST(ProxyProtocol, FromNginx) {
    const TempDir root;
    Gatehouse host(web(root, trusting));
    const ConfiguredServer nginx(
        {"nginx", "-p", ".", "-c", "CONFIG"},
        "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\ndaemon off;\nmaster_process off;\npid DIR/pid;\n"
        "error_log stderr;\nevents {}\nstream { server { listen 127.0.0.1:PORT; proxy_pass 127.0.0.1:" +
            std::to_string(host.port("http")) + "; proxy_protocol on; } }\n");
    const std::string from = "127.0.0.78";
    const Result result = run({"curl", "-sS", "--interface", from, "http://127.0.0.1:" + nginx.port() + "/"});
    EXPECT_EQ(result.out, "hello\n") << result.err;
    const Record record = host.wait_for_log([&](const Record& r) { return r["peer"].starts_with(from + ":"); }, "the client");
    EXPECT_TRUE(record["transport_peer"].starts_with("127.0.0.1:")) << record.line;
}

} // namespace
