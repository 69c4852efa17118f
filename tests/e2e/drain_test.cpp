// SIGTERM lets connections finish, and ends; SIGHUP reopens the log.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "relayed.hpp"

#include <algorithm>
#include <csignal>
#include <gtest/gtest.h>

using namespace gatehouse::support;

namespace {

std::string draining_within(std::string_view time) { return "[host]\ndrain_timeout = \"" + std::string(time) + "\"\n"; }

void begin_drain(Gatehouse& host) {
    host.signal(SIGTERM);
    host.wait_for_log("draining");
}

TEST(Drain, ParkedAndSilentConnectionsAreClosed) {
    Gatehouse host(draining_within("5m") + listener("echo", "echo"));
    Client silent(host.port("echo"));
    Client parked(host.port("echo"));
    parked.send("hello");
    EXPECT_EQ(parked.recv_exactly(5), "hello");
    host.wait_for_status("echo", "both in", [](const Record& now) { return now["parked"] == "2"; });
    begin_drain(host);
    EXPECT_EQ(silent.recv_until_eof(), "");
    EXPECT_EQ(parked.recv_until_eof(), "");
    const std::string peers[] = {silent.local_address(), parked.local_address()};
    silent.close();
    parked.close();
    EXPECT_EQ(host.wait_exit(), 0);
    for (const std::string& peer : peers) EXPECT_EQ(host.wait_for_closed("echo", peer)["reason"], "drained");
    host.wait_for_log("stopped");
}

TEST(Drain, BlockedConnectionsAreTold) {
    Gatehouse host(draining_within("5m") + listener("echo", "blocking_echo"), with_blocking_echo());
    Client client(host.port("echo"));
    client.send("hello");
    EXPECT_EQ(client.recv_exactly(5), "hello");
    begin_drain(host);
    EXPECT_EQ(client.recv_until_eof(), "");
    client.close();
    EXPECT_EQ(host.wait_exit(), 0);
}

TEST(Drain, AnAnswerThatHasBegunIsFinished) {
    const TempDir root;
    const std::string content(8 << 20, 'x');
    root.write("large", content);
    Gatehouse host(draining_within("5m") + http_from(root, "send_buffer = \"64KiB\""));
    Client client(host.port("http"));
    client.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(client.recv_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
    begin_drain(host);
    EXPECT_TRUE(client.recv_exactly(content.size()) == content);
    client.close();
    EXPECT_EQ(host.wait_exit(), 0);
}

TEST(Drain, ARelayIsFinished) {
    auto [upstream, host, client, server] = Relayed(draining_within("5m"));
    begin_drain(host);
    client.send("question");
    client.finish();
    EXPECT_EQ(server.recv_until_eof(), "question");
    server.send("answer");
    server.close();
    EXPECT_EQ(client.recv_until_eof(), "answer");
    EXPECT_EQ(host.wait_exit(), 0);
    EXPECT_EQ(host.wait_for_closed("gateway", client.local_address())["reason"], "peer_closed");
}

TEST(Drain, TheTimeoutEndsWhatIsLeft) {
    const TempDir root;
    std::filesystem::resize_file(root.write("large", ""), 1U << 30U); // more than any buffer on the way takes
    auto [upstream, host, relayed, server] = Relayed(draining_within("300ms") + http_from(root));
    relayed.send("hello");
    EXPECT_EQ(server.recv_exactly(5), "hello");
    Client stalled(host.port("http")); // takes no more than the header
    stalled.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(stalled.recv_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
    begin_drain(host);
    EXPECT_TRUE(relayed.rest().reset); // a cut stream must not look like a whole one
    EXPECT_TRUE(server.rest().reset);
    EXPECT_EQ(host.wait_exit(), 0);
    EXPECT_EQ(host.wait_for_closed("gateway", relayed.local_address())["reason"], "drained");
    EXPECT_EQ(host.wait_for_closed("http", stalled.local_address())["reason"], "drained");
}

TEST(Drain, NobodyIsLetInAnyMore) {
    // The relayed connection keeps the host from ending.
    auto [upstream, host, relayed, server] = Relayed(draining_within("5m") + listener("echo", "echo"));
    begin_drain(host);
    eventually("the last listener closed", [&] { return refused(host.address("echo")); });
    EXPECT_TRUE(refused(host.address("gateway")));
    relayed.close();
    server.close();
    EXPECT_EQ(host.wait_exit(), 0);
}

TEST(Drain, ASecondSignalStopsAtOnce) {
    auto [upstream, host, relayed, server] = Relayed(draining_within("5m"));
    begin_drain(host);
    host.signal(SIGTERM);
    EXPECT_EQ(host.wait_exit(), 1);
    host.wait_for_log("stopped at once by a second signal");
    relayed.rest();
    server.rest();
}

TEST(Drain, AnIdleHostEndsAtOnce) {
    Gatehouse host(draining_within("5m") + listener("echo", "echo"));
    host.signal(SIGINT);
    EXPECT_EQ(host.wait_exit(), 0);
}

TEST(Log, IsReopenedAfterItHasBeenMovedAway) {
    const TempDir dir;
    const std::string log = dir / "gatehouse.log";
    const std::string moved = log + ".1";
    const std::string conf = dir.write("conf.toml", "[log]\nfile = \"" + log + "\"\n" + listener("echo", "echo"));
    Process host({gatehouse_binary(), "run", "--plugin-path", plugin_dir(), conf});
    eventually("ready in the log file", [&] { return read_file(log).find("\"ready\"") != std::string::npos; });
    std::filesystem::rename(log, moved);
    host.signal(SIGUSR1);
    eventually("the status in the old file", [&] { return read_file(moved).find("\"relayed\"") != std::string::npos; });
    EXPECT_FALSE(std::filesystem::exists(log));
    host.signal(SIGHUP);
    eventually("the new log file", [&] { return read_file(log).find("log file reopened") != std::string::npos; });
    host.signal(SIGTERM);
    EXPECT_EQ(host.wait().status, 0);
    EXPECT_NE(read_file(log).find("\"stopped\""), std::string::npos);
    EXPECT_EQ(read_file(moved).find("\"stopped\""), std::string::npos);
}

} // namespace
