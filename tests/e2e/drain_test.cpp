// SIGTERM lets connections finish, and ends; SIGUSR2 reopens the log.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "relayed.hpp"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

using namespace gatehouse::support;

namespace {

std::string draining_within(std::string_view time) { return "[host]\ndrain_timeout = \"" + std::string(time) + "\"\n"; }

void begin_drain(Gatehouse& host) {
    host.signal(SIGTERM);
    host.wait_for_log("draining");
}

// A port of UDP on which nothing is ever answered.
class SilentNameServer {
  public:
    SilentNameServer() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), size), 0);
        EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
        port_ = ntohs(address.sin_port);
    }
    ~SilentNameServer() { ::close(fd_); }
    SilentNameServer(const SilentNameServer&) = delete;
    SilentNameServer& operator=(const SilentNameServer&) = delete;

    std::string resolvers() const { return "resolvers = [\"127.0.0.1:" + std::to_string(port_) + "\"]\n"; }

  private:
    const int fd_;
    std::uint16_t port_ = 0;
};

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

// --- waits for a server -----------------------------------------------------------------------------------------------------

// A host that has three clients for whose sake a plugin waits, with or without a thread, and with a minute to do so, is
// stopped.
void expect_that_waits_end(const std::string& config, const std::string& plugin, std::string_view said = "") {
    Gatehouse host(config);
    std::vector<Client> clients;
    for (int i = 0; i < 3; ++i) clients.emplace_back(host.port(plugin)).send(said);
    host.wait_for_status(plugin, "they wait",
                         [](const Record& now) { return now["threads_blocked"] == "3" || now["parked"] == "3"; });
    begin_drain(host);
    EXPECT_EQ(host.wait_exit(), 0);
    EXPECT_FALSE(host.logged("still in the plugin's code")) << host.tail();
    EXPECT_FALSE(host.logged("no connection to the upstream")) << host.tail();
    for (const Client& client : clients) EXPECT_EQ(host.wait_for_closed(plugin, client.local_address())["reason"], "drained");
}

const std::string patience_of_a_minute = "connect_timeout = \"60s\"";

TEST(Drain, EndsTheWaitForAConnection) {
    const Server full("127.0.0.1:0", 0);
    const Client other(full.address()); // has the only place of the queue
    expect_that_waits_end(draining_within("500ms") + gateway_to(full.address(), patience_of_a_minute), "gateway");
}

TEST(Drain, EndsTheWaitForOneServerAfterTheOther) {
    const Server one("127.0.0.1:0", 0), two("127.0.0.1:0", 0);
    const Client first(one.address()), second(two.address());
    expect_that_waits_end(draining_within("500ms") +
                              instance("gateway", "gateway",
                                       "servers = [{ address = \"" + one.address() + "\" }, { address = \"" + two.address() +
                                           "\" }], " + patience_of_a_minute),
                          "gateway");
}

TEST(Drain, EndsTheWaitForAHandshake) {
    const Server silent;
    expect_that_waits_end(draining_within("500ms") +
                              gateway_to(silent.address(), "tls = { verify = false }, " + patience_of_a_minute),
                          "gateway");
}

TEST(Drain, EndsTheWaitForAName) {
    const SilentNameServer names;
    const std::string request("\5\1\0\5\1\0\3\7db.test\0\x50", 19);
    expect_that_waits_end(draining_within("500ms") + names.resolvers() +
                              instance("socks5", "socks5", patience_of_a_minute + ", negotiation_timeout = \"60s\""),
                          "socks5", request);
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
    host.signal(SIGUSR2);
    eventually("the new log file", [&] { return read_file(log).find("log file reopened") != std::string::npos; });
    host.signal(SIGTERM);
    EXPECT_EQ(host.wait().status, 0);
    EXPECT_NE(read_file(log).find("\"stopped\""), std::string::npos);
    EXPECT_EQ(read_file(moved).find("\"stopped\""), std::string::npos);
}

// To open a FIFO would be to wait until another process opens its other end.
TEST(Log, AFifoWithoutAReaderHoldsNobodyUp) {
    const TempDir dir;
    const std::string log = dir / "log";
    ASSERT_EQ(::mkfifo(log.c_str(), 0600), 0);
    const std::string conf = dir.write("conf.toml", "[log]\nfile = \"" + log + "\"\n" + listener("echo", "echo"));
    const std::vector<std::string> run{gatehouse_binary(), "run", "--plugin-path", plugin_dir(), conf};
    EXPECT_NE(gatehouse::support::run(run).err.find("cannot open the log file " + log + ": no process reads this FIFO"),
              std::string::npos);

    int reader = ::open(log.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ASSERT_GE(reader, 0);
    Process host(run);
    pollfd first{reader, POLLIN, 0};
    ASSERT_EQ(::poll(&first, 1, static_cast<int>(std::chrono::milliseconds(patience).count())), 1);
    ::close(reader);
    host.signal(SIGUSR2);
    host.signal(SIGTERM);
    EXPECT_EQ(host.wait().status, 0);
}

// --- `gatehouse drain`, and the delay ----------------------------------------------------------------------------------------

const std::string with_control = "[host]\ncontrol = \"control.sock\"\ndrain_timeout = \"5m\"\n";

std::vector<std::string> drain_command(const Gatehouse& host, std::vector<std::string> options) {
    options.insert(options.begin(), {gatehouse_binary(), "drain", "--socket", host.dir() / "control.sock"});
    return options;
}

TEST(DrainCommand, EndsTheHostAndWaitsForIt) {
    Gatehouse host(with_control + listener("echo", "echo") + gateway_to("127.0.0.1:9"));
    Client parked(host.port("echo"));
    EXPECT_TRUE(parked.echoes("hello"));
    const Result ended = run(drain_command(host, {"--timeout", "10m"}));
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_EQ(ended.out, "1 connections have 10m to end\n");
    EXPECT_EQ(parked.recv_until_eof(), "");
    EXPECT_EQ(host.wait_exit(), 0);
    EXPECT_EQ(host.wait_for_log("draining")["timeout_ms"], "600000");
}

TEST(DrainCommand, AcceptsDuringTheDelayAndCanBeTakenBack) {
    Gatehouse host(with_control + listener("echo", "echo"));
    EXPECT_NE(run(drain_command(host, {"--cancel"})).err.find("no drain is ordered"), std::string::npos);
    EXPECT_EQ(run(drain_command(host, {"--delay", "1h", "--no-wait"})).out,
              "accepts for another 1h, then 0 connections have 5m to end\n");
    EXPECT_TRUE(Client(host.port("echo")).echoes("hello"));
    EXPECT_EQ(run(drain_command(host, {"--cancel"})).out, "the host goes on\n");
    EXPECT_EQ(run(drain_command(host, {"--cancel", "--delay", "1s"})).status, 1);
    Client open(host.port("echo"));
    EXPECT_TRUE(open.echoes("hello"));
    EXPECT_EQ(run(drain_command(host, {"--delay", "50ms", "--no-wait"})).status, 0);
    EXPECT_EQ(open.recv_until_eof(), "");
    EXPECT_EQ(host.wait_exit(), 0);
}

TEST(Drain, ASignalCountsAfterDrainDelay) {
    Gatehouse host("[host]\ndrain_delay = \"200ms\"\n" + listener("echo", "echo"));
    host.signal(SIGTERM);
    host.wait_for_log("leaving after a delay", {{"signal", "TERM"}, {"delay_ms", "200"}});
    EXPECT_TRUE(Client(host.port("echo")).echoes("hello"));
    host.wait_for_log("draining", {{"signal", "TERM"}});
    EXPECT_EQ(host.wait_exit(), 0);
}

TEST(Drain, ASecondSignalDuringTheDelayStopsAtOnce) {
    Gatehouse host("[host]\ndrain_delay = \"1h\"\n" + listener("echo", "echo"));
    host.signal(SIGTERM);
    host.wait_for_log("leaving after a delay");
    host.signal(SIGTERM);
    EXPECT_EQ(host.wait_exit(), 1);
}

TEST(DrainCommand, ASignalIsNotTakenBack) {
    Gatehouse host("[host]\ncontrol = \"control.sock\"\ndrain_delay = \"1h\"\n" + listener("echo", "echo"));
    host.signal(SIGTERM);
    host.wait_for_log("leaving after a delay");
    EXPECT_NE(run(drain_command(host, {"--cancel"})).err.find("a signal has ended the host"), std::string::npos);
    EXPECT_EQ(run(drain_command(host, {"--delay", "1s"})).status, 1);
    host.signal(SIGTERM);
    EXPECT_EQ(host.wait_exit(), 1);
}

} // namespace
