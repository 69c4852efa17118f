// Clients that do not read hold threads. When all are taken and others wait, the slowest of them are given up.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <optional>
#include <thread>
#include <vector>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

class SlowReaders : public testing::Test {
  protected:
    // A plugin that writes for ever, in calls that wait.
    SlowReaders() { host_.emplace(instance("chatter", "chatterbox", "", "threads.max = 4"), with_fixtures()); }
    // A client that takes the first bytes.
    Client reader() {
        Client client(host_->port("chatter"));
        client.send("x");
        EXPECT_EQ(client.recv_exactly(100), std::string(100, 'x'));
        return client;
    }
    // A newcomer gets its first bytes.
    void expect_service() { reader().reset(); }
    void wait_until_all_are_blocked() {
        host_->wait_for_status("chatter", "no thread left",
                               [](const Record& now) { return now["threads"] == "4" && now["threads_blocked"] == "4"; });
    }

    std::optional<Gatehouse> host_;
};

TEST_F(SlowReaders, GiveWayToOthers) {
    std::vector<Client> readers;
    for (int i = 0; i < 4; ++i) readers.push_back(reader());
    wait_until_all_are_blocked();
    const auto begin = std::chrono::steady_clock::now();
    expect_service();
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 3s) << "a reader may rest for 5 s";
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s);
    const Record record =
        host_->wait_for_log("gave up a client that does not read, since all threads were taken and others waited");
    EXPECT_EQ(record["listener"], "chatter");
    EXPECT_LT(record.number("bytes_per_second"), 1024);
    EXPECT_EQ(host_->wait_for_closed("chatter", record["peer"])["reason"], "too_slow");
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
    for (int i = 0; i < 2; ++i) expect_service();
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
