// Which failures to connect count against a server: what it or the path to it causes, and never what this host lacks.
#include "gateway_pool.hpp"
#include "own_network.hpp"

#include <gtest/gtest.h>
#include <optional>

using namespace gatehouse::support;

namespace {

// A network of its own, with an echo server on 127.0.0.1:50000 in it, and a gateway that is reached through a file.
class GatewayBlame : public ::testing::Test {
  protected:
    void start(const std::string& setup, const std::string& servers, const std::string& more) {
        const OwnNetwork network(setup);
        if (!network.impossible.empty()) GTEST_SKIP() << network.impossible;
        host_.emplace(gateway_in_front_of(servers, more, "address = \"" + gateway_ + '"') +
                          listener("echo", "echo", "address = \"127.0.0.1:50000\""),
                      GatehouseOptions{.wrapper = network.wrapper});
    }
    bool is_served() {
        Client client(gateway_);
        return client.echoes("hello");
    }

    const TempDir dir_;
    const std::string gateway_ = "unix:" + dir_ / "gateway";
    std::optional<Gatehouse> host_;
};

TEST_F(GatewayBlame, AServerWithoutAWayToItIsEjected) {
    std::string servers = entry("127.0.0.1:50000", "name = \"v4\"");
    for (const char* name : {"a", "b", "c", "d"})
        servers += ", " + entry("[2001:db8::" + std::string(name) + "]:80", "name = \"" + std::string(name) + '"');
    start("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6", servers,
          "ejection = { backoff = \"1h\", max_backoff = \"1h\" }");
    if (!host_) return;
    eventually("no IPv6 server is left", [&] {
        is_served();
        return cell(*host_, "d", "state") == "ejected";
    });
    for (int i = 0; i < 24; ++i) EXPECT_TRUE(is_served()) << i;
    EXPECT_EQ(cell(*host_, "a", "last error"), "unreachable");
    EXPECT_EQ(cell(*host_, "v4", "failures"), "0");
    EXPECT_EQ(host_->count_logged("this host lacks"), 0U);
}

TEST_F(GatewayBlame, ChecksOfAServerWithoutAWayToItFail) {
    start("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6",
          entry("127.0.0.1:50000", "name = \"v4\"") + ", " + entry("[2001:db8::1]:80", "name = \"v6\""),
          "health = { interval = \"10ms\" }");
    if (!host_) return;
    eventually("the IPv6 server is down", [&] { return cell(*host_, "v6", "state") == "down"; });
    EXPECT_EQ(cell(*host_, "v6", "check"), "this host has no address from which it could be reached");
    for (int i = 0; i < 24; ++i) EXPECT_TRUE(is_served()) << i;
}

TEST_F(GatewayBlame, ASocks5ClientHearsThatThereIsNoWay) {
    const OwnNetwork network("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6");
    if (!network.impossible.empty()) GTEST_SKIP() << network.impossible;
    Gatehouse host(instance("proxy", "socks5", "allow = [\"2001:db8::/32\"]", "address = \"" + gateway_ + '"'),
                   {.wrapper = network.wrapper});
    Client client(gateway_);
    client.send(std::string("\5\1\0", 3) + std::string("\5\1\0\4\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\x50", 22));
    EXPECT_EQ(client.recv_exactly(4), std::string("\5\0\5\4", 4)) << "host unreachable";
    client.close();
    EXPECT_EQ(host.wait_for_closed("proxy")["reason"], "upstream_failed");
}

TEST_F(GatewayBlame, PortsThatAreUsedUpAreTheHostsShortage) {
    start("echo 40000 40001 > /proc/sys/net/ipv4/ip_local_port_range", entry("127.0.0.1:50000", "name = \"a\""),
          "health = { interval = \"10ms\" }\nejection = { failures = 1 }");
    if (!host_) return;
    std::vector<Client> clients;
    eventually("two clients have the two ports", [&] { // a check may have one for a moment
        Client client(gateway_);
        if (client.echoes("hello")) clients.push_back(std::move(client));
        return clients.size() == 2;
    });
    for (int i = 0; i < 20; ++i) EXPECT_FALSE(is_served()) << i;
    const Record line = host_->wait_for_log("this host lacks what it needs to reach a server, which is not to blame");
    EXPECT_EQ(line["server"], "127.0.0.1:50000");
    EXPECT_EQ(line["reason"], "host_out_of_ports");
    EXPECT_EQ(line["error"], "every local port is in use towards this server");
    host_->wait_for_status("gateway", "the reason",
                           [](const Record& now) { return now["reasons"].find("host_out_of_ports:") != std::string::npos; });
    EXPECT_EQ(cell(*host_, "a", "state"), "up");
    EXPECT_EQ(cell(*host_, "a", "failures"), "0");
    EXPECT_EQ(cell(*host_, "a", "check"), "ok");
    clients.clear();
    eventually("it works again", [&] { return is_served(); });
}

} // namespace
