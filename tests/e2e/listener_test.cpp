// Listening sockets of every kind, and what the host says of them.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <sys/stat.h>

using namespace gatehouse::support;

namespace {

std::string echo_at(const std::string& address, const std::string& more = "") {
    return listener("echo", "echo", "address = \"" + address + "\"\n" + more);
}

std::uint64_t somaxconn() {
    std::uint64_t value = 0;
    std::ifstream("/proc/sys/net/core/somaxconn") >> value;
    return value;
}

// systemd says with this which process its sockets are for.
const std::vector<std::string> socket_activation{"sh", "-c", "LISTEN_PID=$$ exec \"$@\"", "sh"};

TEST(Listener, TakesIpv4) {
    Gatehouse host(echo_at("127.0.0.1:0"));
    Client client(host.address("echo"));
    client.send("hello");
    EXPECT_EQ(client.recv_exactly(5), "hello");
    const std::string peer = client.local_address();
    client.finish();
    const Record closed = host.wait_for_closed("echo", peer);
    EXPECT_EQ(closed["in"], "5");
    EXPECT_EQ(closed["out"], "5");
    EXPECT_EQ(closed["reason"], "peer_closed");
}

TEST(Listener, TakesIpv6) {
    Gatehouse host(echo_at("[::1]:0"));
    Client client(host.address("echo"));
    const std::string peer = client.local_address();
    EXPECT_TRUE(peer.starts_with("[::1]:")) << peer;
    client.finish();
    host.wait_for_closed("echo", peer);
}

TEST(Listener, DualStackShowsIpv4ClientsAsIpv4) {
    Gatehouse host(echo_at("[::]:0"));
    const std::string port = std::to_string(host.port("echo"));
    EXPECT_TRUE(Client("[::1]:" + port).echoes("hello"));
    Client client("127.0.0.1:" + port);
    const std::string peer = client.local_address();
    client.finish();
    host.wait_for_closed("echo", peer);
}

TEST(Listener, Ipv6OnlyTakesNoIpv4) {
    Gatehouse host(echo_at("[::]:0", "ipv6_only = true"));
    const std::string port = std::to_string(host.port("echo"));
    EXPECT_TRUE(Client("[::1]:" + port).echoes("hello"));
    EXPECT_TRUE(refused("127.0.0.1:" + port));
}

TEST(Listener, UnixSocketHasItsModeAndGoesWithTheHost) {
    const TempDir dir;
    const std::string path = dir / "echo";
    Gatehouse host(echo_at("unix:" + path, "mode = \"0600\""));
    struct stat info{};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_TRUE(S_ISSOCK(info.st_mode));
    EXPECT_EQ(info.st_mode & 0777U, 0600U);
    EXPECT_EQ(run({"nc", "-N", "-U", path}, {.input = "hello"}).out, "hello");
    EXPECT_EQ(host.terminate(), 0);
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Listener, StaleUnixSocketIsReplaced) {
    const TempDir dir;
    const std::string address = "unix:" + dir / "echo";
    {
        const Server left_behind(address);
    }
    ASSERT_TRUE(std::filesystem::is_socket(dir / "echo"));
    Gatehouse host(echo_at(address));
    EXPECT_TRUE(Client(address).echoes("hello"));
}

TEST(Listener, LiveUnixSocketIsLeftAlone) {
    const TempDir dir;
    const std::string address = "unix:" + dir / "echo";
    Server other(address);
    const Result result = run_gatehouse({"run", "--plugin-path", plugin_dir(), dir.write("conf.toml", echo_at(address))});
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(
        result.err.find("listener echo: bind to " + address +
                        " failed: Address already in use; another program listens on it; stop it, or choose another path"),
        std::string::npos)
        << result.err;
    other.accept(); // the host looking whether somebody is there
    Client client(address);
    other.accept().send("still here");
    EXPECT_EQ(client.recv_exactly(10), "still here");
}

TEST(Listener, UnixSocketReplacesNoOtherFile) {
    const TempDir dir;
    const std::string path = dir.write("precious", "text");
    const Result result =
        run_gatehouse({"run", "--plugin-path", plugin_dir(), dir.write("conf.toml", echo_at("unix:" + path))});
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("something that is not a socket stands there"), std::string::npos) << result.err;
    EXPECT_EQ(read_file(path), "text");
}

TEST(Listener, TakesAnAbstractUnixSocket) {
    const TempDir dir; // for its name, which nobody else has
    const std::string address = "unix:@" + dir.path().filename().string();
    Gatehouse host(echo_at(address));
    EXPECT_TRUE(Client(address).echoes("hello"));
}

TEST(Listener, TakesAnInheritedSocketByNumber) {
    const Server socket;
    Gatehouse host(echo_at("fd:3"), {.wrapper = socket_activation, .environment = {"LISTEN_FDS=1"}, .inherit = {socket.fd()}});
    EXPECT_EQ(host.address("echo"), socket.address());
    EXPECT_TRUE(Client(socket.address()).echoes("hello"));
}

TEST(Listener, TakesAnInheritedSocketByName) {
    const Server socket("[::1]:0");
    Gatehouse host(
        echo_at("fd:front"),
        {.wrapper = socket_activation, .environment = {"LISTEN_FDS=1", "LISTEN_FDNAMES=front"}, .inherit = {socket.fd()}});
    EXPECT_TRUE(Client(socket.address()).echoes("hello"));
}

// Starts a host with these sockets, which is expected to refuse them.
Result refused_with(const std::string& config, const std::vector<const Server*>& sockets, const std::string& names) {
    const TempDir dir;
    std::vector<std::string> command = socket_activation;
    command.insert(command.end(), {gatehouse_binary(), "run", "--plugin-path", plugin_dir(), dir.write("conf.toml", config)});
    ProcessOptions options{.environment = {"LISTEN_FDS=" + std::to_string(sockets.size()), "LISTEN_FDNAMES=" + names}};
    for (const Server* socket : sockets) options.inherit.push_back(socket->fd());
    return run(command, options);
}

TEST(Listener, ServesEveryInheritedSocketOfItsName) {
    const Server one;
    const Server two("[::1]:0");
    const Server other;
    Gatehouse host(echo_at("fd:web") + listener("other", "echo", "address = \"fd:other\""),
                   {.wrapper = socket_activation,
                    .environment = {"LISTEN_FDS=3", "LISTEN_FDNAMES=web:other:web"},
                    .inherit = {one.fd(), other.fd(), two.fd()}});
    for (const Server* socket : {&one, &two, &other}) {
        EXPECT_TRUE(Client(socket->address()).echoes("hello"));
        EXPECT_NE(host.out().find(socket->address()), std::string::npos) << host.out();
        host.wait_for_log("listening", {{"address", socket->address()}});
    }
    const Record status = host.status("echo");
    EXPECT_EQ(status["accepted"], "2");
    EXPECT_GE(status.number("queue_limit"), 2);
    EXPECT_EQ(host.status("other")["accepted"], "1");
}

// The limit is the listener's, not the socket's, and room for one is room for clients of each.
TEST(Listener, TheSocketsOfANameShareTheirLimit) {
    const Server one;
    const Server two;
    Gatehouse host(echo_at("fd:web", "max_connections = 1"), {.wrapper = socket_activation,
                                                              .environment = {"LISTEN_FDS=2", "LISTEN_FDNAMES=web:web"},
                                                              .inherit = {one.fd(), two.fd()}});
    for (int round = 0; round < 3; ++round) {
        Client first(one.address());
        ASSERT_TRUE(first.echoes("first"));
        Client second(two.address());
        second.send("second");
        first.close();
        EXPECT_EQ(second.recv_exactly(6), "second");
    }
}

TEST(Listener, AnInheritedSocketThatNoListenerNamesIsRefused) {
    const Server one;
    const Server two;
    const Result result = refused_with(echo_at("fd:web"), {&one, &two}, "web:api");
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.err, "gatehouse: no listener serves the inherited socket api (4); add a listener with address = "
                          "\"fd:api\", or take it out of the socket unit\n");
    const Result both = refused_with(echo_at("127.0.0.1:0"), {&one, &two}, "web:api");
    EXPECT_EQ(both.status, 1);
    EXPECT_EQ(both.err, "gatehouse: no listener serves the inherited sockets web (3), api (4); add a listener with address = "
                        "\"fd:web\", or take it out of the socket unit\n");
}

TEST(Listener, AnInheritedSocketHasOneListener) {
    const Server one;
    const Result result = refused_with(echo_at("fd:web") + listener("other", "echo", "address = \"fd:3\""), {&one}, "web");
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(
        result.err.find("gatehouse: listener other: the inherited socket web (3) is listener echo's already; leave one of "
                        "the two out ("),
        std::string::npos)
        << result.err;
}

TEST(Listener, SaysWhichInheritedSocketsThereAre) {
    const TempDir dir;
    const std::string conf = dir.write("conf.toml", echo_at("fd:front"));
    const Result none = run_gatehouse({"run", "--plugin-path", plugin_dir(), conf});
    EXPECT_EQ(none.status, 1);
    EXPECT_NE(none.err.find("no inherited socket front; this process was started without any"), std::string::npos) << none.err;
}

TEST(Listener, DeferAcceptLeavesSilentClientsToTheKernel) {
    Gatehouse host(echo_at("127.0.0.1:0", "defer_accept = \"60s\""));
    Client silent(host.address("echo"));
    EXPECT_TRUE(Client(host.address("echo")).echoes("hello"));
    EXPECT_EQ(host.status("echo")["accepted"], "1"); // the silent one came first
    silent.send("now");
    EXPECT_EQ(silent.recv_exactly(3), "now");
    EXPECT_EQ(host.status("echo")["accepted"], "2");
}

// ss shows what the kernel has: buffers twice as large as asked for (socket(7)), and the timer of keepalive.
TEST(Listener, SocketOptionsReachTheKernel) {
    Gatehouse host(echo_at("127.0.0.1:0", "receive_buffer = \"40KiB\"\nsend_buffer = \"30KiB\"\nkeepalive = true") +
                   listener("dead", "echo", "keepalive = false"));
    auto ss = [&](const std::string& options, const std::string& name) {
        const Result result = run({"ss", "-H", "-n", options, "sport", "=", ":" + std::to_string(host.port(name))});
        EXPECT_EQ(result.status, 0) << result.err;
        return result.out;
    };
    const std::string memory = ss("-tlm", "echo");
    EXPECT_NE(memory.find(",rb81920,"), std::string::npos) << memory;
    EXPECT_NE(memory.find(",tb61440,"), std::string::npos) << memory;
    Client client(host.port("echo"));
    Client other(host.port("dead"));
    host.wait_for_status("echo", "accepted", [](const Record& now) { return now["open"] == "1"; });
    host.wait_for_status("dead", "accepted", [](const Record& now) { return now["open"] == "1"; });
    EXPECT_NE(ss("-to", "echo").find("timer:(keepalive"), std::string::npos) << ss("-to", "echo");
    EXPECT_EQ(ss("-to", "dead").find("timer:(keepalive"), std::string::npos) << ss("-to", "dead");
}

// What ss says of the timer on the host's side of a client's connection, and of its server's.
std::pair<std::string, std::string> timers_of_a_relay(const std::string& more) {
    Server upstream;
    Gatehouse host(gateway_to(upstream.address(), "", more));
    const Client client(host.port("gateway"));
    const Client server = upstream.accept();
    host.wait_for_status("gateway", "relayed", [](const Record& now) { return now["open"] == "1"; });
    const auto ss = [](const std::string& end, const std::string& port) {
        const Result result = run({"ss", "-H", "-n", "-t", "-o", end, "=", ":" + port});
        EXPECT_EQ(result.status, 0) << result.err;
        const std::size_t at = result.out.find("timer:(");
        return at == std::string::npos ? "none" : result.out.substr(at + 7, result.out.find(',', at + 17) - at - 7);
    };
    return {ss("sport", std::to_string(host.port("gateway"))),
            ss("dport", upstream.address().substr(upstream.address().rfind(':') + 1))};
}

TEST(Listener, KeepaliveIsForClientsAndServers) {
    using namespace std::string_literals;
    const auto [kernels, kernels_too] = timers_of_a_relay("");
    EXPECT_TRUE(kernels.starts_with("keepalive,")) << kernels;
    EXPECT_TRUE(kernels_too.starts_with("keepalive,")) << kernels_too;
    EXPECT_EQ(timers_of_a_relay("keepalive = false"), std::pair("none"s, "none"s));
    const auto [clients, servers] =
        timers_of_a_relay("keepalive_idle = \"1s\"\nkeepalive_interval = \"1s\"\nkeepalive_probes = 3");
    EXPECT_TRUE(clients.ends_with("ms") || clients == "keepalive,1sec") << clients;
    EXPECT_TRUE(servers.ends_with("ms") || servers == "keepalive,1sec") << servers;
}

TEST(Listener, BacklogIsTheQueuesLimit) {
    Gatehouse host(echo_at("127.0.0.1:0", "backlog = 7"));
    EXPECT_EQ(host.status("echo")["queue_limit"], "7");
    EXPECT_EQ(host.status("echo")["queue_depth"], "0");
}

TEST(Listener, WarnsWhenTheKernelCutsTheBacklog) {
    constexpr std::uint64_t wanted = 65'535;
    ASSERT_LT(somaxconn(), wanted) << "nothing can be cut here: net.core.somaxconn is too high for this test";
    Gatehouse host(echo_at("127.0.0.1:0", "backlog = " + std::to_string(wanted)));
    const Record warning = host.wait_for_log(
        [](const Record& record) { return record.message().starts_with("the kernel cuts the backlog"); }, "the warning");
    EXPECT_EQ(warning.level(), "warning");
    EXPECT_EQ(warning["listener"], "echo");
    EXPECT_EQ(warning["backlog"], std::to_string(wanted));
    EXPECT_EQ(warning["somaxconn"], std::to_string(somaxconn()));
    EXPECT_EQ(host.status("echo")["queue_limit"], std::to_string(somaxconn()));
}

TEST(Listener, EachStepIsInTheDebugLogInOrder) {
    Gatehouse host("[log]\nlevel = \"debug\"\n" + echo_at("127.0.0.1:0"));
    Client client(host.address("echo"));
    const std::string peer = client.local_address();
    client.finish();
    host.wait_for_closed("echo", peer);
    EXPECT_EQ(host.terminate(), 0);
    std::string steps;
    for (const Record& record : host.log()) {
        if (record["listener"] != "echo") continue;
        if (record.message() == "listener step") steps += record["step"].substr(0, record["step"].find(' ')) + " ";
        if (record.message() == "accept" || record.message() == "closed") {
            EXPECT_EQ(record["peer"], peer);
            steps += record.message() + " ";
        }
    }
    EXPECT_EQ(steps, "socket bind listen accept closed close ");
}

TEST(Listener, PortInUseSaysWhatToDo) {
    const Server other;
    const std::string port = other.address().substr(other.address().rfind(':') + 1);
    const TempDir dir;
    const Result result =
        run_gatehouse({"run", "--plugin-path", plugin_dir(), dir.write("conf.toml", echo_at(other.address()))});
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("listener echo: bind to " + other.address() +
                              " failed: Address already in use; another program uses this port (`ss -ltnp 'sport = :" + port +
                              "'` shows which); stop it, or choose another port"),
              std::string::npos)
        << result.err;
}

TEST(Listener, AllListenersThatCannotBeOpenedAreReported) {
    const Server one;
    const Server two;
    const TempDir dir;
    const std::string conf = listener("one", "echo", "address = \"" + one.address() + "\"") + listener("good", "echo") +
                             listener("two", "echo", "address = \"" + two.address() + "\"");
    const Result result = run_gatehouse({"run", "--plugin-path", plugin_dir(), dir.write("conf.toml", conf)});
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("listener one: bind to " + one.address()), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("listener two: bind to " + two.address()), std::string::npos) << result.err;
    EXPECT_EQ(result.err.find("listener good"), std::string::npos) << result.err;
}

// Each step that the host logs before it gives up, without its details.
std::string steps_before_failure(const std::string& config, const std::vector<std::string>& wrapper = {}) {
    const TempDir dir;
    std::vector<std::string> command = wrapper;
    command.insert(command.end(), {gatehouse_binary(), "run", "--plugin-path", plugin_dir(),
                                   dir.write("conf.toml", "[log]\nlevel = \"debug\"\n" + config)});
    const Result result = run(command);
    EXPECT_EQ(result.status, 1);
    std::string steps;
    std::istringstream lines(result.err);
    for (std::string line; std::getline(lines, line);) {
        if (line.find("\"listener step\"") == std::string::npos) continue;
        const std::string step = parse_record(line)["step"];
        steps += step.substr(0, step.find(' ')) + " ";
    }
    return steps;
}

TEST(Listener, AStartThatFailsHasTakenNoClient) {
    const Server other;
    const TempDir dir;
    const std::string taken = listener("taken", "echo", "address = \"" + other.address() + "\"");
    EXPECT_EQ(steps_before_failure(echo_at("127.0.0.1:0") + taken), "socket bind socket close close ");
    EXPECT_EQ(steps_before_failure(echo_at("unix:" + dir / "echo") + taken), "socket bind socket close close ");
    EXPECT_FALSE(std::filesystem::exists(dir / "echo"));
    EXPECT_EQ(steps_before_failure("[host]\ncontrol = \"" + other.address() + "/control\"\n" + echo_at("127.0.0.1:0")),
              "socket bind socket close close ");
}

TEST(Listener, AllAreBoundBeforeOneListens) {
    const TempDir dir;
    Gatehouse host("[host]\ncontrol = \"" + dir / "control" + "\"\n[log]\nlevel = \"debug\"\n" + echo_at("127.0.0.1:0") +
                   listener("other", "echo"));
    std::string steps;
    for (const Record& record : host.log())
        if (record.message() == "listener step") steps += record["step"].substr(0, record["step"].find(' ')) + " ";
    EXPECT_EQ(steps, "socket bind socket bind socket bind listen listen listen ");
}

TEST(Listener, RunPrintsATableWithCommandsToTry) {
    Gatehouse host(echo_at("127.0.0.1:0"));
    const std::string port = std::to_string(host.port("echo"));
    EXPECT_NE(host.out().find("nc localhost " + port), std::string::npos) << host.out();
    EXPECT_NE(host.out().find("127.0.0.1:" + port), std::string::npos) << host.out();
}

} // namespace
