// Servers that fail: what checks and refused connections do about them, in the real host.
#include "gateway_pool.hpp"
#include "named_server.hpp"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <iomanip>
#include <sstream>

using namespace gatehouse::support;

namespace {

// Whether this process's network has a connection to 127.0.0.1:PORT that has not been answered yet.
bool somebody_waits_for(const std::string& address) {
    std::ostringstream wanted; // as /proc has it: "0100007F:1F90 02", SYN_SENT
    wanted << " 0100007F:" << std::hex << std::uppercase << std::setw(4) << std::setfill('0')
           << std::stoi(address.substr(address.rfind(':') + 1)) << " 02 ";
    std::ifstream file("/proc/self/net/tcp");
    for (std::string line; std::getline(file, line);)
        if (line.find(wanted.str()) != std::string::npos) return true;
    return false;
}

TEST(GatewayHealth, AFailedConnectGoesToAnotherServer) {
    const ReservedAddress nobody;
    const NamedServer b("b");
    Gatehouse host(gateway_in_front_of(entry(nobody.address()) + ", " + entry(b.address())));
    EXPECT_EQ(reached(host, 8), "bbbbbbbb");
    const Record ejected = host.wait_for_log(
        [](const Record& record) { return record.message().find("ejected") != std::string::npos; }, "ejected");
    EXPECT_EQ(ejected.message(),
              "server " + nobody.address() +
                  " is ejected for 1s: 3 connections in a row failed, the last one: connection refused; 1 of 2 "
                  "servers available");
    EXPECT_EQ(ejected.level(), "warning");
    EXPECT_EQ(ejected["plugin"], "gateway");
}

TEST(GatewayHealth, ABackupTakesOver) {
    NamedServer a("a");
    const NamedServer b("b");
    Gatehouse host(gateway_in_front_of(entry(a.address()) + ", " + entry(b.address(), "backup = true")));
    EXPECT_EQ(reached(host, 4), "aaaa");
    a.stop();
    EXPECT_EQ(reached(host, 4), "bbbb");
}

TEST(GatewayHealth, AllDownIsSaidAtOnceAndOneComesBack) {
    NamedServer a("a"), b("b");
    Gatehouse host(gateway_in_front_of(entry(a.address(), "name = \"a\"") + ", " + entry(b.address(), "name = \"b\""),
                                       "health = { interval = \"20ms\", fall = 2, rise = 2 }\nejection = { failures = 0 }"));
    EXPECT_EQ(reached(host, 2).size(), 2U);
    a.stop();
    b.stop();
    wait_for_text(host, "server a (" + a.address() + ") is down: 2 checks in a row failed");
    wait_for_text(host, "server b (" + b.address() + ") is down: 2 checks in a row failed");
    Client client(host.port("gateway"));
    const std::string peer = client.local_address();
    EXPECT_EQ(client.recv_until_eof(), "");
    client.close();
    const Record warning = host.wait_for_log("no connection to the upstream", {{"peer", peer}});
    EXPECT_TRUE(warning["error"].starts_with("no server is available: a is down (")) << warning.line;
    const Record closed = host.wait_for_closed("gateway", peer);
    EXPECT_EQ(closed["reason"] + ' ' + closed["cause"], "upstream_failed no_server");
    EXPECT_LT(closed.number("ms"), 2000);
    b.start();
    wait_for_text(host, "server b (" + b.address() + ") is up; 1 of 2 servers available");
    EXPECT_EQ(reached(host, 3), "bbb");
}

// Without checks: a client is the first to notice, and a client on trial the first to get through again.
TEST(GatewayHealth, AllEjectedIsSaidAtOnceAndOneComesBack) {
    NamedServer a("a"), b("b");
    Gatehouse host(gateway_in_front_of(entry(a.address(), "name = \"a\"") + ", " + entry(b.address(), "name = \"b\""),
                                       "ejection = { failures = 1, backoff = \"100ms\", max_backoff = \"200ms\" }"));
    EXPECT_EQ(reached(host, 2).size(), 2U);
    a.stop();
    b.stop();
    const auto refused_with = [&] {
        Client client(host.port("gateway"));
        EXPECT_EQ(client.recv_until_eof(), "");
        return host.wait_for_log("no connection to the upstream", {{"peer", client.local_address()}})["error"];
    };
    const std::string both = refused_with();
    EXPECT_TRUE(both.starts_with("2 servers tried: server ")) << both;
    EXPECT_NE(both.find("server a (" + a.address() + "): connection refused"), std::string::npos) << both;
    EXPECT_NE(both.find("server b (" + b.address() + "): connection refused"), std::string::npos) << both;
    eventually("nobody is left to try", [&] {
        return refused_with() == "no server is available: a is ejected (connection refused), b is ejected (connection refused)";
    });
    b.start();
    eventually("one is back", [&] {
        Client client(host.port("gateway"));
        client.finish();
        return client.rest().bytes == "b\n";
    });
}

// The check of a server that does not answer at all hangs for a minute, and the one thread of the pool serves all the same.
TEST(GatewayHealth, AHangingCheckHoldsNoThread) {
    const NamedServer a("a");
    const Server black_hole("127.0.0.1:0", 0);
    const Client in_the_queue(black_hole.address()); // which is full with it
    Gatehouse host(gateway_in_front_of(
        entry(a.address(), "name = \"a\"") + ", " + entry(black_hole.address(), "name = \"hole\", backup = true"),
        "health = { interval = \"10ms\", timeout = \"60s\" }", "threads = { min = 1, max = 1 }"));
    eventually("the check hangs", [&] { return somebody_waits_for(black_hole.address()); });
    EXPECT_EQ(reached(host, 100), std::string(100, 'a'));
    EXPECT_TRUE(somebody_waits_for(black_hole.address()));
    EXPECT_EQ(cell(host, "hole", "check"), "") << "it has not ended yet";
    eventually("the other is checked", [&] { return cell(host, "a", "check") == "ok"; });
}

// With an interval and a jitter of 60 ms, checks are up to 120 ms apart, and without it they would never be less than 60.
TEST(GatewayHealth, JitterSpreadsTheChecks) {
    Server server;
    Gatehouse host(gateway_in_front_of(entry(server.address()), "health = { interval = \"60ms\", jitter = \"60ms\" }"));
    server.accept();
    bool shorter = false, longer = false;
    for (const Deadline deadline; !(shorter && longer);) {
        const auto before = Clock::now();
        server.accept();
        const auto apart = Clock::now() - before;
        shorter |= apart < std::chrono::milliseconds(40);
        longer |= apart > std::chrono::milliseconds(80);
        ASSERT_FALSE(deadline.passed());
    }
}

} // namespace
