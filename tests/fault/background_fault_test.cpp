// What goes on in the background, and the control socket, when the kernel says no.
#include "gatehouse.hpp"
#include "injection.hpp"
#include "proc.hpp"

#include <gtest/gtest.h>
#include <optional>
#include <unistd.h>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

class BackgroundFault : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const std::string why = Injection::impossible(); !why.empty()) GTEST_SKIP() << why;
        GatehouseOptions options;
        options.plugin_path = {fixture_dir()};
        host_.emplace("[host]\ncontrol = \"c\"\ndrain_timeout = \"2s\"\n" + instance("fix", "background") +
                          instance("calls", "callbacks") + listener("echo", "echo"),
                      options);
    }

    Result command(std::vector<std::string> words, const std::string& plugin = "fix") const {
        words.insert(words.begin(), {"control", host_->dir() / "gatehouse.toml", plugin});
        return run_gatehouse(std::move(words));
    }
    void wait_for_news(const std::string& row) const {
        eventually(row, [&] { return command({"news", "--json"}).out.find(row) != std::string::npos; });
    }
    std::string server() const { return host_->address("echo"); }

    std::optional<Gatehouse> host_;
};

TEST_F(BackgroundFault, ChecksWithoutDescriptorsAreTheHostsAffair) {
    ASSERT_EQ(command({"check", server()}).status, 0);
    wait_for_news("\"status\": 0,");
    {
        const Injection injection(*host_, "socket:error=EMFILE");
        wait_for_news(R"("status": -8, "text": "Too many open files"})");
        ASSERT_EQ(command({"watch", "nobody.invalid:80"}).status, 0);
        wait_for_news(R"("what": "nobody.invalid:80", "status": -10)");
    }
    eventually("it works again", [&] { return command({"news"}).out.ends_with("     0  \n"); });
    EXPECT_EQ(host_->terminate(), 0);
}

TEST_F(BackgroundFault, EveryCallOfACheckMayFail) {
    ASSERT_EQ(command({"check", server()}).status, 0);
    wait_for_news("\"status\": 0,");
    const std::pair<const char*, const char*> faults[] = {
        {"connect:error=ENETUNREACH", R"("status": -11, "text": "Network is unreachable")"},
        {"connect:error=EADDRNOTAVAIL", R"("status": -11, "text": "this host has no address from which)"},
        {"epoll_ctl:error=ENOSPC", R"("status": -8, "text": "No space left on device")"},
        {"recvfrom:error=ECONNRESET", R"("status": -4, "text": "Connection reset by peer")"},
    };
    for (const auto& [fault, news] : faults) {
        // The control socket needs some of these calls as well: what the check has seen is asked for afterwards.
        {
            const Injection injection(*host_, fault);
            ::usleep(300'000); // ten times at least
        }
        wait_for_news(news);
    }
    EXPECT_TRUE(host_->alive());
    EXPECT_EQ(host_->terminate(), 0);
}

TEST_F(BackgroundFault, AThreadThatCannotBeStartedIsTriedAgain) {
    {
        const Injection injection(*host_, "clone3,clone:error=EAGAIN");
        const Result outcome = command({"check", server()});
        EXPECT_EQ(outcome.status, 1);
        EXPECT_EQ(outcome.err, "gatehouse: cannot check " + server() + " (status -8)\n");
        EXPECT_TRUE(host_->will_log("health check of " + server() + ": no memory or thread for it, or too many of them"));
    }
    EXPECT_EQ(command({"check", server()}).status, 0);
    wait_for_news("\"status\": 0,");
    EXPECT_EQ(host_->terminate(), 0);
}

TEST_F(BackgroundFault, SoIsTheThreadOfAnInstancesTimers) {
    {
        const Injection injection(*host_, "clone3,clone:error=EAGAIN");
        const Result outcome = command({"timer", "20"}, "calls");
        EXPECT_EQ(outcome.status, 1);
        EXPECT_EQ(outcome.err, "gatehouse: cannot start a timer (status -8)\n");
        EXPECT_TRUE(host_->will_log("no memory or thread for a timer, or too many of them"));
    }
    EXPECT_EQ(command({"timer", "20"}, "calls").status, 0);
    eventually("it expires", [&] { return command({"expired"}, "calls").out != "answer\n0\n"; });
    EXPECT_EQ(host_->terminate(), 0);
}

TEST_F(BackgroundFault, AControlSocketThatCannotAcceptIsPaced) {
    std::optional<Process> client;
    {
        const Injection injection(*host_, "accept4:error=EMFILE");
        client.emplace(std::vector<std::string>{gatehouse_binary(), "control", host_->dir() / "gatehouse.toml", "fix"});
        const auto before = cpu_time(host_->pid());
        ::usleep(1'000'000); // a span to measure over
        EXPECT_LE(cpu_time(host_->pid()) - before, 50ms);
    }
    client->wait();
    EXPECT_EQ(command({"news"}).status, 0);
    EXPECT_EQ(host_->terminate(), 0);
}

} // namespace
