// The gateway follows names: a real name server (dnsmasq), whose A, AAAA and SRV records change meanwhile.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "name_server.hpp"
#include "named_server.hpp"

#include <gtest/gtest.h>

using namespace gatehouse::support;

namespace {

std::string gateway_to_named(const NameServer& names, const std::string& upstream) {
    return "[host]\ndrain_timeout = \"2s\"\n" + names.resolvers() + "[plugins.gateway]\nconfig = { upstream = \"" + upstream +
           "\" }\n" + listener("gateway", "gateway");
}

char reached(Gatehouse& host) {
    Client client(host.port("gateway"));
    return client.recv_until("\n").front();
}

// Two servers with the same port on two addresses.
struct Twins {
    explicit Twins(const std::string& one_on = "127.0.0.1", const std::string& two_on = "127.0.0.2") {
        for (int attempt = 0; attempt < 20 && two == nullptr; ++attempt) {
            one = std::make_unique<NamedServer>("one", one_on + ":0");
            try {
                two = std::make_unique<NamedServer>("two", two_on + ":" + port_of(one->address()));
            } catch (const std::exception&) { // somebody has that port there
            }
        }
        if (two == nullptr) throw std::runtime_error("there are no two addresses with a free port of the same number");
    }
    std::string port() const { return port_of(one->address()); }
    std::unique_ptr<NamedServer> one, two;
};

TEST(GatewayDns, FollowsAddressesWithoutDroppingConnections) {
    const Twins servers;
    NameServer names("127.0.0.1 db.test\n");
    Gatehouse host(gateway_to_named(names, "db.test:" + servers.port()));
    Client old(host.port("gateway"));
    EXPECT_EQ(old.recv_until("\n"), "one\n");
    names.set_hosts("127.0.0.2 db.test\n");
    host.wait_for_text("server 127.0.0.1:" + servers.port() + " is removed");
    for (int i = 0; i < 5; ++i) EXPECT_EQ(reached(host), 't');
    old.send("still here\n");
    EXPECT_EQ(old.recv_until("\n"), "still here\n");
    names.set_hosts("127.0.0.1 db.test\n127.0.0.2 db.test\n");
    host.wait_for_text("server 127.0.0.1:" + servers.port() + " is new; 2 of 2 servers available");
    std::string both;
    for (int i = 0; i < 4; ++i) both += reached(host);
    EXPECT_TRUE(both == "otot" || both == "toto") << both;
}

TEST(GatewayDns, FollowsAddressesOfIPv6) {
    const Twins servers("[::1]", "127.0.0.1");
    NameServer names("::1 db.test\n");
    Gatehouse host(gateway_to_named(names, "db.test:" + servers.port()));
    Client old(host.port("gateway"));
    EXPECT_EQ(old.recv_until("\n"), "one\n");
    names.set_hosts("::1 db.test\n127.0.0.1 db.test\n");
    host.wait_for_text("server 127.0.0.1:" + servers.port() + " is new; 2 of 2 servers available");
    std::string both;
    for (int i = 0; i < 4; ++i) both += reached(host);
    EXPECT_TRUE(both == "otot" || both == "toto") << both;
    names.set_hosts("127.0.0.1 db.test\n");
    host.wait_for_text("server [::1]:" + servers.port() + " is removed; 1 of 1 server available");
    for (int i = 0; i < 5; ++i) EXPECT_EQ(reached(host), 't');
    old.send("still here\n");
    EXPECT_EQ(old.recv_until("\n"), "still here\n");
    names.set_hosts("::1 db.test\n");
    host.wait_for_text("server [::1]:" + servers.port() + " is new");
    host.wait_for_text("server 127.0.0.1:" + servers.port() + " is removed");
    for (int i = 0; i < 5; ++i) EXPECT_EQ(reached(host), 'o');
}

TEST(GatewayDns, FollowsSrvRecords) {
    const NamedServer a("a"), b("b"), c("c");
    const auto record = [](const NamedServer& server, int priority, int weight) {
        return "--srv-host=_redis._tcp.test,one.test," + port_of(server.address()) + ',' + std::to_string(priority) + ',' +
               std::to_string(weight);
    };
    NameServer names("127.0.0.1 one.test\n", {record(a, 10, 1), record(b, 20, 1)});
    Gatehouse host(gateway_to_named(names, "srv:_redis._tcp.test"));
    for (int i = 0; i < 5; ++i) EXPECT_EQ(reached(host), 'a') << "b has a lower priority";
    Client old(host.port("gateway"));
    EXPECT_EQ(old.recv_until("\n"), "a\n");
    names.restart({record(b, 10, 1), record(c, 10, 3)});
    host.wait_for_text("server " + c.address() + " is new");
    host.wait_for_text("server " + a.address() + " is removed");
    std::string all;
    for (int i = 0; i < 8; ++i) all += reached(host);
    EXPECT_EQ(std::count(all.begin(), all.end(), 'c'), 6) << all;
    EXPECT_EQ(std::count(all.begin(), all.end(), 'b'), 2) << all;
    old.send("still here\n");
    EXPECT_EQ(old.recv_until("\n"), "still here\n");
}

TEST(GatewayDns, ANameThatComesLaterIsAWarningOnly) {
    const NamedServer a("a");
    NameServer names("127.0.0.1 other.test\n");
    Gatehouse host(gateway_to_named(names, "db.test:" + port_of(a.address())));
    const Record warning = host.wait_for_log(
        [](const Record& record) { return record.message().find("db.test") != std::string::npos; }, "a warning");
    EXPECT_EQ(warning.level(), "warning");
    Client early(host.port("gateway"));
    EXPECT_EQ(early.recv_until_eof(), "");
    names.set_hosts("127.0.0.1 db.test\n");
    host.wait_for_text("server " + a.address() + " is new; 1 of 1 server available");
    EXPECT_EQ(reached(host), 'a');
}

TEST(GatewayDns, ADeadNameServerChangesNothing) {
    const NamedServer a("a");
    NameServer names("127.0.0.1 db.test\n");
    Gatehouse host(gateway_to_named(names, "db.test:" + port_of(a.address())));
    EXPECT_EQ(reached(host), 'a');
    names.stop();
    host.wait_for_text("the last known servers stay");
    EXPECT_EQ(reached(host), 'a');
}

} // namespace
