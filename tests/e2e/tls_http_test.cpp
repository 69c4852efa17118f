// HTTP over TLS, and TLS that is relayed.
#include "proc.hpp"
#include "tls_fixture.hpp"

#include <algorithm>
#include <fstream>
#include <thread>
#include <unistd.h>

using namespace gatehouse::support;

namespace {

class Https : public Tls {
  protected:
    Https() {
        std::ofstream(root_ / "index.html") << "<p>hello";
        std::ofstream big(root_ / "big.bin", std::ios::binary);
        std::string block(1 << 20, '\0');
        for (int i = 0; i < 40; ++i) {
            for (std::size_t j = 0; j < block.size(); ++j)
                block[j] = static_cast<char>((j * 131 + j / 977 + static_cast<std::size_t>(i)) & 0xff);
            big << block;
        }
    }
    std::unique_ptr<Gatehouse> https(std::string_view more = "", std::string_view for_listener = "") const {
        return host("http", more, for_listener, "[plugins.http]\nconfig = { root = \"" + root_.path().string() + "\" }\n");
    }
    static std::string sha256(const std::string& command) {
        const Result result = run({"sh", "-c", command + " | sha256sum"}, {}, std::chrono::seconds(110));
        EXPECT_EQ(result.status, 0) << result.err;
        return result.out;
    }
    // Two small ones over one connection, and the large one with both versions of TLS.
    void expect_files(const Gatehouse& server) const {
        const std::string url = "https://" + connect_to(server.port("tls")) + "/";
        EXPECT_EQ(curl(server, {"-w", " %{num_connects}", url}), "<p>hello 1<p>hello 0");
        for (const std::string version : {"1.2", "1.3"})
            EXPECT_EQ(sha256("curl -q -sS --noproxy '*' --tls-max " + version + " --cacert " + certificates_.ca() + " " + url +
                             "big.bin"),
                      sha256("cat " + root_ / "big.bin"));
    }

    const TempDir root_;
};
using SlowHttps = Https;

TEST_F(Https, KeepAliveAndFiles) {
    const auto server = https("alpn = [\"http/1.1\"]");
    expect_files(*server);
    server->wait_for_log("closed", {{"tls", "TLSv1.2"}, {"reason", "peer_closed"}});
}

// The answer had to wait, and is taken but for what the sockets hold; then the client reads no more and does not close. The
// host has all the room it needs for its last words, and rests until the linger time is over.
TEST_F(Https, LingeringAfterAnAnswerThatHadToWaitCostsNothing) {
    const auto server = https("", "linger_timeout = \"4s\"\n");
    const std::string taken = std::to_string((40U << 20U) - (256U << 10U));
    const Process client({"sh", "-c",
                          "(printf 'GET /big.bin HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n'; sleep 5) | "
                          "openssl s_client -quiet -connect " +
                              connect_to(server->port("tls")) + " | (head -c " + taken + " >/dev/null; sleep 5)"});
    const auto is_lingering = [](const Record& now) {
        return now["open"] == "1" && now["parked"] == "1" && now.number("threads_blocked") == 0 && !now["wait_us"].empty();
    };
    server->wait_for_status("tls", "lingering", is_lingering);
    eventually("the host rests", [&] { return is_quiet(server->pid(), std::chrono::milliseconds(300)); });
    server->wait_for_status("tls", "still lingering", is_lingering);
    const Record closed = server->wait_for_closed("tls");
    EXPECT_EQ(closed["reason"], "done");
}

TEST_F(Https, Pipelining) {
    const auto server = https();
    std::string requests;
    for (int i = 0; i < 200; ++i) requests += "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    requests += "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    const Said said = s_client(*server, {}, requests);
    std::size_t answers = 0;
    for (std::size_t at = 0; (at = said.text.find("<p>hello", at)) != std::string::npos; ++at) ++answers;
    EXPECT_EQ(answers, 201U);
}

TEST_F(Https, IdleConnectionsHoldNoThread) {
    const auto server = https("", "threads.max = 1");
    std::vector<std::unique_ptr<Process>> idle;
    for (int i = 0; i < 5; ++i) {
        idle.push_back(std::make_unique<Process>(std::vector<std::string>{
            "sh", "-c",
            "(printf 'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'; sleep 60) | exec openssl s_client -quiet -connect " +
                connect_to(server->port("tls"))}));
        EXPECT_TRUE(idle.back()->wait_output(
            [](const std::string& out, const std::string&) { return out.find("<p>hello") != std::string::npos; }));
    }
    server->wait_for_status("tls", "all parked", [](const Record& status) { return status.number("parked") == 5; });
    EXPECT_EQ(curl(*server, {}), "<p>hello");
    EXPECT_EQ(server->terminate(), 0);
    EXPECT_EQ(server->log().back().message(), "stopped");
}

TEST_F(SlowHttps, AGigabyteArrivesAsItIs) {
    for (int i = 0; i < 3; ++i) // 40 MB become 1 GB and more
        ASSERT_EQ(run({"sh", "-c", "cd " + root_.path().string() + " && cat big.bin big.bin big.bin > more && mv more big.bin"})
                      .status,
                  0);
    const auto server = https();
    EXPECT_EQ(sha256("curl -q -sS --noproxy '*' --cacert " + certificates_.ca() + " https://" +
                     connect_to(server->port("tls")) + "/big.bin"),
              sha256("cat " + root_ / "big.bin"));
}

// --- relayed --------------------------------------------------------------------------------------------------------------

// The answer may fill the socket's buffer to the last byte, so that there is no room for a close_notify until it is read: here
// it is read late, for answers of sizes all around that of the buffer, by a client that has closed its own side already.
TEST_F(Https, TheEndIsToldOnceThereIsRoomForIt) {
    std::vector<std::string> command{GATEHOUSE_SOURCE_DIR "/tests/e2e/late_tls_reader.py", "", certificates_.ca()};
    for (int i = 0; i < 40; ++i) {
        const std::string name = std::to_string(i);
        std::ofstream(root_ / name) << std::string(static_cast<std::size_t>(40'000 + i * 827), 'x');
        command.push_back("/" + name);
    }
    const auto server = https("", "send_buffer = \"8KiB\"\nlinger_timeout = \"20s\"\n");
    command[1] = std::to_string(server->port("tls"));
    const Result result = run(command);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 40);
    EXPECT_EQ(result.out.find("cut"), std::string::npos) << result.out;
    server->wait_for_status("tls", "all ended", [](const Record& now) { return now["open"] == "0"; });
}

class TlsRelay : public Https {
  public:
    // "tls" relays to a listener of the same host.
    std::unique_ptr<Gatehouse> relay_to(const std::string& plugin) const {
        const std::string socket = "unix:" + root_ / "upstream";
        return host("gateway", "", "",
                    "[plugins.gateway]\nconfig = { upstream = \"" + socket + "\" }\n[plugins.http]\nconfig = { root = \"" +
                        root_.path().string() + "\" }\n" + listener("upstream", plugin, "address = \"" + socket + "\""));
    }
};

TEST_F(TlsRelay, BytesGoBothWays) {
    const auto server = relay_to("http");
    expect_files(*server);
    const Record closed = server->wait_for_closed("tls");
    EXPECT_EQ(closed["reason"], "peer_closed");
    EXPECT_EQ(closed["tls"], "TLSv1.3");
}

TEST_F(TlsRelay, HalfCloseIsPassedOn) {
    const auto server = relay_to("facts");
    const std::string port = std::to_string(server->port("tls"));
    for (const std::size_t size : {0U, 1U, 5'000'000U}) {
        const Result socat = run({"socat", "-t30", "-", "openssl:127.0.0.1:" + port + ",cafile=" + certificates_.ca()},
                                 {.input = std::string(size, 'x')});
        EXPECT_EQ(socat.out, "bytes=" + std::to_string(size) + "\n") << socat.err;
    }
}

TEST_F(TlsRelay, AStreamThatIsCutIsCutOnTheOtherSideToo) {
    Server upstream;
    const auto server = host("gateway", "truncation = \"reset\"", "",
                             "[plugins.gateway]\nconfig = { upstream = \"" + upstream.address() + "\" }\n");
    Process client({"openssl", "s_client", "-quiet", "-connect", connect_to(server->port("tls"))}, {.input = "abc"});
    Client behind = upstream.accept();
    EXPECT_EQ(behind.recv_exactly(3), "abc");
    client.signal(SIGKILL);
    EXPECT_TRUE(behind.rest().reset);
    EXPECT_EQ(server->wait_for_closed("tls")["reason"], "peer_reset");
}

TEST_F(TlsRelay, ByteByByte) {
    const auto server = relay_to("facts");
    Dribble dribble(server->port("tls"));
    const Result socat = run({"socat", "-t30", "-", "openssl:127.0.0.1:" + dribble.port() + ",cafile=" + certificates_.ca()},
                             {.input = std::string(3000, 'x')});
    EXPECT_EQ(socat.out, "bytes=3000\n") << socat.err;
}

} // namespace
