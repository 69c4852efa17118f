// Connections to servers that are begun and not waited for: no thread is held while a server does not answer.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "name_server.hpp"
#include "proc.hpp"

#include <gtest/gtest.h>
#include <optional>
#include <vector>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

// A server whose accept queue is full: the kernel drops what else wants to connect.
struct FullServer {
    Server server{"127.0.0.1:0", 0};
    Client only{server.address()};
};

const std::string two_threads = "threads.max = 2\nlinger_timeout = \"100ms\"";

Gatehouse host_with_samples(const std::string& config) {
    return Gatehouse(config, GatehouseOptions{.plugin_path = {sample_dir()}});
}

TEST(Attempt, ServersThatDoNotAnswerHoldNoThread) {
    const FullServer full;
    Gatehouse host(gateway_to(full.server.address(), "connect_timeout = \"60s\"", two_threads) + listener("echo", "echo"));
    std::vector<Client> clients;
    for (int i = 0; i < 2000; ++i) clients.emplace_back(host.port("gateway")).send("x");
    const Record now =
        host.wait_for_status("gateway", "all wait", [](const Record& record) { return record["parked"] == "2000"; });
    EXPECT_EQ(now["threads_blocked"], "0");
    EXPECT_LE(now.number("threads_most"), 2);
    eventually("it is quiet", [&] { return is_quiet(host.pid(), 50ms); });
    EXPECT_TRUE(Client(host.port("echo")).echoes("hello"));
    const unsigned before = descriptors(host.pid());
    for (Client& client : clients) client.reset();
    host.wait_for_status("gateway", "all are gone", [](const Record& record) { return record["open"] == "0"; });
    EXPECT_LE(descriptors(host.pid()) + 4000, before); // both sides of each
    EXPECT_EQ(host.wait_for_closed("gateway")["reason"], "peer_reset");
}

TEST(Attempt, TheOtherServersServeAsBefore) {
    const FullServer full;
    Server good;
    Gatehouse host(instance("gateway", "gateway",
                            "servers = [{ address = \"" + full.server.address() + "\" }, { address = \"" + good.address() +
                                "\" }], connect_timeout = \"60s\"",
                            two_threads));
    std::vector<Client> clients;
    for (int i = 0; i < 20; ++i) clients.emplace_back(host.port("gateway")).send("x"); // in turn
    std::vector<Client> served;
    for (int i = 0; i < 10; ++i) EXPECT_EQ(served.emplace_back(good.accept()).recv_exactly(1), "x");
    host.wait_for_status("gateway", "the others wait", [](const Record& record) { return record["parked"] == "10"; });
    for (Client& client : clients) client.reset();
}

TEST(Attempt, AServerThatAnswersLateIsConnected) {
    FullServer late;
    Gatehouse host(gateway_to(late.server.address(), "connect_timeout = \"60s\"", two_threads));
    Client client(host.port("gateway"));
    client.send("question");
    host.wait_for_status("gateway", "it waits", [](const Record& record) { return record["parked"] == "1"; });
    const Client first = late.server.accept(); // which makes room: the kernel asks again within a second or two
    Client server = late.server.accept();
    EXPECT_EQ(server.recv_exactly(8), "question");
    server.send("answer");
    server.close();
    client.finish();
    EXPECT_EQ(client.recv_until_eof(), "answer");
}

TEST(Attempt, ItsTimeIsOver) {
    const FullServer full;
    Server good;
    Gatehouse host(instance("gateway", "gateway",
                            "servers = [{ address = \"" + full.server.address() + "\" }, { address = \"" + good.address() +
                                "\" }], connect_timeout = \"200ms\"",
                            two_threads) +
                   instance("alone", "gateway", "upstream = \"" + full.server.address() + "\", connect_timeout = \"200ms\""));
    Client client(host.port("gateway"));
    client.send("x");
    EXPECT_EQ(good.accept().recv_exactly(1), "x"); // the second one, after that
    Client other(host.port("alone"));
    EXPECT_TRUE(other.ends());
    const Record failed = host.wait_for_log("no connection to the upstream", {{"listener", "alone"}});
    EXPECT_EQ(failed["reason"], "upstream_failed");
    EXPECT_NE(failed["error"].find(full.server.address() + ": Connection timed out"), std::string::npos) << failed.line;
}

// The client owes the host nothing meanwhile.
TEST(Attempt, TheIdleTimeOfTheClientRests) {
    const FullServer full;
    Gatehouse host(
        gateway_to(full.server.address(), "connect_timeout = \"700ms\"", two_threads + "\nidle_timeout = \"200ms\""));
    Client client(host.port("gateway"));
    EXPECT_TRUE(client.ends());
    const Record closed = host.wait_for_closed("gateway");
    EXPECT_EQ(closed["reason"], "upstream_failed");
    EXPECT_GE(closed.number("ms"), 700);
}

TEST(Attempt, NamesAreLookedUpWithoutAThread) {
    Server server;
    NameServer names("127.0.0.1 db.test");
    const std::string name = "db.test:" + port_of(server.address());
    Gatehouse host = host_with_samples("[host]\ndrain_timeout = \"2s\"\n" + names.resolvers() +
                                       instance("rewriter", "rewriter", "server = \"" + name + "\"", two_threads));
    std::vector<Client> clients;
    for (int i = 0; i < 50; ++i) clients.emplace_back(host.port("rewriter"));
    for (Client& client : clients) client.send("abc");
    for (int i = 0; i < 50; ++i) EXPECT_EQ(server.accept().recv_exactly(3), "ABC");
    names.set_hosts("127.0.0.1 other.test");
    const std::size_t from = host.log_size();
    Gatehouse other = host_with_samples("[host]\ndrain_timeout = \"2s\"\n" + names.resolvers() +
                                        instance("rewriter", "rewriter", "server = \"" + name + "\""));
    Client client(other.port("rewriter"));
    EXPECT_TRUE(client.ends());
    EXPECT_EQ(other.wait_for_closed("rewriter")["reason"], "upstream_failed");
    EXPECT_NE(other.wait_for_log("no connection to the upstream")["error"].find("cannot resolve db.test"), std::string::npos);
    EXPECT_EQ(host.log_size(), from);
}

TEST(Attempt, ANameServerThatIsSilentHoldsNoThread) {
    NameServer names("127.0.0.1 db.test");
    names.stop();
    Gatehouse host =
        host_with_samples("[host]\ndrain_timeout = \"2s\"\n" + names.resolvers() +
                          instance("rewriter", "rewriter", "server = \"db.test:80\"", two_threads) + listener("echo", "echo"));
    std::vector<Client> clients;
    for (int i = 0; i < 50; ++i) clients.emplace_back(host.port("rewriter"));
    EXPECT_TRUE(Client(host.port("echo")).echoes("hello"));
    for (Client& client : clients) EXPECT_TRUE(client.ends());
    const Record now = host.wait_for_status("rewriter", "all have failed",
                                            [](const Record& record) { return record["reasons"] == "upstream_failed:50"; });
    EXPECT_LE(now.number("threads_most"), 2);
}

TEST(Attempt, AHandshakeThatHangsHoldsNoThread) {
    Server silent;
    Gatehouse host(gateway_to(silent.address(), "connect_timeout = \"60s\", tls = { verify = false }", two_threads));
    std::vector<Client> clients, servers;
    for (int i = 0; i < 50; ++i) clients.emplace_back(host.port("gateway"));
    for (int i = 0; i < 50; ++i) servers.push_back(silent.accept());
    const Record now =
        host.wait_for_status("gateway", "all wait", [](const Record& record) { return record["parked"] == "50"; });
    EXPECT_LE(now.number("threads_most"), 2);
    servers.front().send("this is no TLS");
    host.wait_for_status("gateway", "one has failed",
                         [](const Record& record) { return record["reasons"] == "upstream_failed:1"; });
    for (Client& server : servers) server.close();
    host.wait_for_status("gateway", "all have", [](const Record& record) { return record["reasons"] == "upstream_failed:50"; });
}

} // namespace
