// nginx and HAProxy behind the gateway: they read its PROXY headers, and answer its health checks.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <csignal>
#include <filesystem>
#include <gtest/gtest.h>
#include <regex>
#include <sys/stat.h>
#include <unistd.h>

using namespace gatehouse::support;

namespace {

void await_listening(const std::string& address) {
    eventually("the server listens", [&] { return !refused(address); });
}

class Nginx {
  public:
    // `section`: what stands in the http section's one server.
    explicit Nginx(const std::string& listen_options, const std::string& section) {
        std::string temporary;
        for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
            temporary += std::string(kind) + "_temp_path " + dir_ / kind + ";\n";
        const std::string conf = dir_.write(
            "nginx.conf", "daemon off; master_process off; error_log stderr; pid " + dir_ / "pid" +
                              ";\nevents {}\nhttp {\naccess_log off;\n" + temporary + "server {\nlisten " + address() + ' ' +
                              listen_options + ";\ndefault_type text/plain;\n" + section + "\n}\n}\n");
        process_ = std::make_unique<Process>(
            std::vector<std::string>{"/usr/sbin/nginx", "-e", "stderr", "-p", dir_.path().string(), "-c", conf});
        await_listening(address());
    }
    const std::string& address() const noexcept { return reserved_.address(); }
    const TempDir& dir() const noexcept { return dir_; }

  private:
    TempDir dir_;
    ReservedAddress reserved_;
    std::unique_ptr<Process> process_;
};

class HaProxy {
  public:
    HaProxy() {
        const std::string conf = dir_.write(
            "haproxy.cfg", "defaults\nmode http\ntimeout client 10s\ntimeout server 10s\ntimeout connect 10s\n"
                           "frontend f\nbind " +
                               address() +
                               " accept-proxy\n"
                               "http-request return status 200 content-type text/plain lf-string \"%[src]:%[src_port] "
                               "%[dst]:%[dst_port] %[fc_pp_unique_id]\"\n");
        process_ = std::make_unique<Process>(std::vector<std::string>{"/usr/sbin/haproxy", "-db", "-f", conf});
        await_listening(address());
    }
    const std::string& address() const noexcept { return reserved_.address(); }

  private:
    TempDir dir_;
    ReservedAddress reserved_;
    std::unique_ptr<Process> process_;
};

std::string gateway_to_http(const std::string& address, const std::string& more, const std::string& listening = "127.0.0.1:0") {
    return "[plugins.gateway.config]\nupstream = \"" + address + "\"\n" + more + "\n" +
           listener("gateway", "gateway", "address = \"" + listening + "\"");
}

// From an address of its own, so that it cannot be mistaken for the gateway's.
std::string fetch(Gatehouse& host, const std::string& from = "127.0.0.9") {
    const Result result =
        run({"curl", "-sS", "--max-time", "20", "--interface", from, "http://" + host.address("gateway") + '/'});
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
}

const std::string tell =
    "location / { return 200 '$proxy_protocol_addr $proxy_protocol_server_addr:$proxy_protocol_server_port'; }";

class ProxyProtocol : public testing::TestWithParam<std::string> {};

TEST_P(ProxyProtocol, NginxLearnsOfTheClient) {
    const Nginx nginx("proxy_protocol", tell);
    Gatehouse host(gateway_to_http(nginx.address(), "proxy_protocol = \"" + GetParam() + '"'));
    EXPECT_EQ(fetch(host), "127.0.0.9 " + host.address("gateway"));
}

TEST_P(ProxyProtocol, NginxLearnsOfAClientOverIPv6) {
    const Nginx nginx("proxy_protocol", tell);
    Gatehouse host(gateway_to_http(nginx.address(), "proxy_protocol = \"" + GetParam() + '"', "[::1]:0"));
    const std::string port = std::to_string(host.port("gateway"));
    EXPECT_EQ(fetch(host, "::1"), "::1 ::1:" + port);
}

// The listener has both families on one socket, where IPv4 looks like IPv6.
TEST_P(ProxyProtocol, IPv4StaysIPv4) {
    const Nginx nginx("proxy_protocol", tell);
    Gatehouse host(gateway_to_http(nginx.address(), "proxy_protocol = \"" + GetParam() + '"', "*:0"));
    const std::string port = std::to_string(host.port("gateway"));
    EXPECT_EQ(run({"curl", "-sS", "--interface", "127.0.0.9", "http://127.0.0.1:" + port + '/'}).out,
              "127.0.0.9 127.0.0.1:" + port);
}

TEST_P(ProxyProtocol, HaProxyLearnsOfTheClient) {
    const HaProxy haproxy;
    Gatehouse host(gateway_to_http(haproxy.address(), "proxy_protocol = \"" + GetParam() + '"'));
    const std::string answer = fetch(host);
    EXPECT_TRUE(answer.starts_with("127.0.0.9:")) << answer;
    EXPECT_NE(answer.find(' ' + host.address("gateway") + ' '), std::string::npos) << answer;
}

INSTANTIATE_TEST_SUITE_P(Gateway, ProxyProtocol, testing::Values("v1", "v2"), [](const auto& test) { return test.param; });

// HAProxy refuses a header whose checksum is wrong.
TEST(GatewayHttp, HaProxyReadsTheUniqueIdAndChecksTheChecksum) {
    const HaProxy haproxy;
    Gatehouse host(gateway_to_http(haproxy.address(), "proxy_protocol = \"v2\"\nproxy_tlvs = [\"unique_id\", \"crc32c\"]"));
    const std::regex with_id("127\\.0\\.0\\.9:[0-9]+ 127\\.0\\.0\\.1:[0-9]+ ([0-9a-f]+-[0-9a-f]+)");
    const std::string one = fetch(host), two = fetch(host);
    std::smatch first, second;
    ASSERT_TRUE(std::regex_match(one, first, with_id)) << one;
    ASSERT_TRUE(std::regex_match(two, second, with_id)) << two;
    EXPECT_NE(first[1], second[1]);
}

// A unix client has no address that these know; the connection works all the same.
TEST(GatewayHttp, AUnixClientIsUnknown) {
    const Nginx nginx("proxy_protocol", "location / { return 200 'served'; }");
    for (const char* version : {"v1", "v2"}) {
        const TempDir dir;
        Gatehouse host(
            gateway_to_http(nginx.address(), "proxy_protocol = \"" + std::string(version) + '"', "unix:" + dir / "gateway"));
        EXPECT_EQ(run({"curl", "-sS", "--unix-socket", dir / "gateway", "http://localhost/"}).out, "served") << version;
    }
}

void expect_health(const std::string& listen_options, const std::string& more) {
    const TempDir state; // nginx may run as another user than the test
    std::filesystem::permissions(state.path(), std::filesystem::perms::all);
    const Nginx nginx(listen_options, "location /healthz { if (-f " + state / "down" +
                                          ") { return 503; } return 204; }\n"
                                          "location / { return 200 'served'; }");
    Gatehouse host(gateway_to_http(
        nginx.address(),
        "health = { http = \"/healthz\", http_status = \"204\", interval = \"20ms\", rise = 2, fall = 2 }\n" + more));
    EXPECT_EQ(fetch(host), "served");
    const std::string down = state.write("down", "");
    host.wait_for_text("server " + nginx.address() +
                           " is down: 2 checks in a row failed, the last one: HTTP status 503; 0 of 1 "
                           "server available",
                       0);
    Client client(host.port("gateway"));
    EXPECT_EQ(client.recv_until_eof(), "");
    EXPECT_EQ(host.wait_for_log("no connection to the upstream")["error"],
              "no server is available: " + nginx.address() + " is down (HTTP status 503)");
    std::filesystem::remove(down);
    host.wait_for_text("server " + nginx.address() + " is up; 1 of 1 server available", 0);
    EXPECT_EQ(fetch(host), "served");
}

TEST(GatewayHttp, ChecksFollowTheStatus) { expect_health("", ""); }

TEST(GatewayHttp, ChecksHaveAProxyHeaderToo) {
    for (const char* version : {"v1", "v2"})
        expect_health("proxy_protocol", "proxy_protocol = \"" + std::string(version) + '"');
}

} // namespace
