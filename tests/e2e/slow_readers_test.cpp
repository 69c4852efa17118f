// Clients that do not read hold threads. When all are taken and others wait, the slowest of them are given up.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <atomic>
#include <filesystem>
#include <gtest/gtest.h>
#include <optional>
#include <thread>
#include <vector>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

class SlowReaders : public testing::Test {
  protected:
    SlowReaders() {
        root_.write("index.html", "hello");
        std::filesystem::resize_file(root_.write("large", ""), 1U << 30U); // more than any buffer on the way takes
        host_.emplace(http_from(root_, "threads.max = 4"));
    }
    // A client that asks for the large file, and takes the head of the answer.
    Client reader() {
        Client client(host_->port("http"));
        client.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
        EXPECT_TRUE(client.recv_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
        return client;
    }
    bool served() {
        Client client(host_->port("http"));
        client.send("GET / HTTP/1.0\r\n\r\n");
        return client.rest().bytes.ends_with("hello");
    }
    void wait_until_all_are_blocked() {
        host_->wait_for_status("http", "no thread left",
                               [](const Record& now) { return now["threads"] == "4" && now["threads_blocked"] == "4"; });
    }

    const TempDir root_;
    std::optional<Gatehouse> host_;
};

TEST_F(SlowReaders, GiveWayToOthers) {
    std::vector<Client> readers;
    for (int i = 0; i < 4; ++i) readers.push_back(reader());
    wait_until_all_are_blocked();
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_TRUE(served());
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 3s) << "a reader may rest for 5 s";
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s);
    const Record record =
        host_->wait_for_log("gave up a client that does not read, since all threads were taken and others waited");
    EXPECT_EQ(record["listener"], "http");
    EXPECT_LT(record.number("bytes_per_second"), 1024);
    EXPECT_EQ(host_->wait_for_closed("http", record["peer"])["reason"], "too_slow");
    const Record notice = host_->wait_for_log("at a limit", {{"limit", "threads.max"}});
    EXPECT_EQ(notice["value"], "4");
    EXPECT_TRUE(notice["why"].starts_with("4 wait for clients that do not read, 4 wait")) << notice.line;
    for (Client& client : readers) client.reset();
}

TEST_F(SlowReaders, MayGoOnAsLongAsNobodyElseWaits) {
    std::vector<Client> readers;
    for (int i = 0; i < 4; ++i) readers.push_back(reader());
    wait_until_all_are_blocked();
    std::this_thread::sleep_for(7s); // what must not happen
    EXPECT_EQ(host_->count_logged("gave up"), 0U);
    for (Client& client : readers) client.reset();
}

// One of four takes what it can, and stays.
TEST_F(SlowReaders, OnlyTheSlowOnes) {
    Client quick = reader();
    std::atomic<bool> go_on{true};
    std::thread taking([&] {
        while (go_on.load()) {
            quick.recv_exactly(1 << 16);
            std::this_thread::sleep_for(20ms); // 3 MiB/s: the host waits all the time
        }
    });
    std::vector<Client> readers;
    for (int i = 0; i < 3; ++i) readers.push_back(reader());
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(served());
    go_on.store(false);
    taking.join();
    for (const Record& record : host_->log()) {
        if (!record.message().starts_with("gave up")) continue;
        EXPECT_NE(record["peer"], quick.local_address());
    }
    for (Client& client : readers) client.reset();
    quick.reset();
}

} // namespace
