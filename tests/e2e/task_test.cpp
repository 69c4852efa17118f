// A plugin whose serve() is a coroutine, in the real program: the mail sink of the samples, with curl as the client.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "proc.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <vector>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

class TaskHost : public testing::Test {
  protected:
    static Gatehouse host(const std::string& more = "") {
        return Gatehouse(listener("smtp", "smtp", "threads.max = 2\nlinger_timeout = \"100ms\"" + more),
                         GatehouseOptions{.plugin_path = {sample_dir()}});
    }
};

TEST_F(TaskHost, CurlSendsALetter) {
    Gatehouse server = host();
    const TempDir dir;
    const std::string letter = dir.write("letter", "Subject: hello\r\n\r\n" + std::string(200'000, 'x') + "\r\n");
    const Result sent =
        run({"curl", "--silent", "--show-error", "--url", "smtp://127.0.0.1:" + std::to_string(server.port("smtp")),
             "--mail-from", "a@example.com", "--mail-rcpt", "b@example.com", "--upload-file", letter});
    EXPECT_NE(sent.status, 0); // the line is longer than RFC 5321 allows
    const std::string good = dir.write("good", "Subject: hello\r\n\r\nhello\r\n.and a dot\r\n");
    const Result taken =
        run({"curl", "--silent", "--show-error", "--url", "smtp://127.0.0.1:" + std::to_string(server.port("smtp")),
             "--mail-from", "a@example.com", "--mail-rcpt", "b@example.com", "--upload-file", good});
    EXPECT_EQ(taken.status, 0) << taken.err;
}

TEST_F(TaskHost, IdleOnesHoldNoThread) {
    Gatehouse server = host();
    std::vector<Client> clients;
    for (int i = 0; i < 200; ++i) EXPECT_EQ(clients.emplace_back(server.port("smtp")).recv_exactly(4), "220 ");
    for (Client& client : clients) client.send("NO"); // half a line
    const Record now =
        server.wait_for_status("smtp", "all rest", [](const Record& record) { return record["parked"] == "200"; });
    EXPECT_LE(now.number("threads_most"), 2);
    eventually("it is quiet", [&] { return is_quiet(server.pid(), 50ms); });
    for (Client& client : clients) client.send("OP\r\n");
    for (Client& client : clients) client.recv_until("250 fine\r\n");
    for (Client& client : clients) client.reset();
    server.wait_for_status("smtp", "all have gone", [](const Record& record) { return record["open"] == "0"; });
}

TEST_F(TaskHost, ADrainEndsIt) {
    Gatehouse server = host();
    Client client(server.port("smtp"));
    client.recv_until("\r\n");
    server.signal(SIGTERM);
    EXPECT_TRUE(client.ends()); // read_line() has been told
    EXPECT_EQ(server.wait_exit(), 0);
    EXPECT_EQ(server.wait_for_closed("smtp")["reason"], "drained");
}

} // namespace
