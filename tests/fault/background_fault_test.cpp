// What goes on in the background, and the control socket, when the kernel says no.
#include "injection.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <optional>
#include <sys/wait.h>
#include <unistd.h>

namespace gatehouse::testing {
namespace {

class BackgroundFault : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const std::string why = Injection::impossible(); !why.empty()) GTEST_SKIP() << why;
        const std::string keys = "control = \"" + (folder_.path() / "c").string() + "\"\ndrain_timeout = \"2s\"\n";
        host_.emplace(listener("fix", "background") + listener("echo", "echo"), RunningHost::Options{keys, 0});
        config_ = folder_.write("c.toml", "[host]\n" + keys + listener("fix", "background"));
    }

    Outcome command(std::vector<std::string> words) const {
        words.insert(words.begin(), {GATEHOUSE_BINARY, "control", config_.string(), "fix"});
        return run(words);
    }
    bool will_be_news(const std::string& row) const {
        return eventually([&] { return command({"news", "--json"}).output.find(row) != std::string::npos; });
    }
    std::string server() const { return "127.0.0.1:" + std::to_string(host_->port("echo")); }

    Folder folder_;
    std::optional<RunningHost> host_;
    std::filesystem::path config_;
};

TEST_F(BackgroundFault, ChecksWithoutDescriptorsAreTheHostsAffair) {
    ASSERT_EQ(command({"check", server()}).status, 0);
    ASSERT_TRUE(will_be_news("\"status\": \"0\""));
    {
        const Injection injection(*host_, "socket:error=EMFILE");
        EXPECT_TRUE(will_be_news(R"("status": "-8", "text": "Too many open files"})"));
        ASSERT_EQ(command({"watch", "nobody.invalid:80"}).status, 0);
        EXPECT_TRUE(will_be_news(R"("what": "nobody.invalid:80", "status": "-10")"));
    }
    EXPECT_TRUE(eventually([&] { return command({"news"}).output.ends_with("  0       \n"); })) << command({"news"}).output;
    EXPECT_EQ(host_->stop(), 0);
}

TEST_F(BackgroundFault, EveryCallOfACheckMayFail) {
    ASSERT_EQ(command({"check", server()}).status, 0);
    ASSERT_TRUE(will_be_news("\"status\": \"0\""));
    const std::pair<const char*, const char*> faults[] = {
        {"connect:error=ENETUNREACH", R"("status": "-11", "text": "Network is unreachable")"},
        {"connect:error=EADDRNOTAVAIL", R"("status": "-8", "text": "Cannot assign requested address")"},
        {"epoll_ctl:error=ENOSPC", R"("status": "-8", "text": "No space left on device")"},
        {"recvfrom:error=ECONNRESET", R"("status": "-4", "text": "Connection reset by peer")"},
    };
    for (const auto& [fault, news] : faults) {
        const std::string call = std::string(fault).substr(0, std::string(fault).find(':'));
        // The control socket needs some of these calls as well: what the check has seen is asked for afterwards.
        {
            const Injection injection(*host_, fault);
            ::usleep(300'000); // ten times at least
        }
        EXPECT_TRUE(will_be_news(news)) << call;
    }
    EXPECT_TRUE(host_->alive());
    EXPECT_EQ(host_->stop(), 0);
}

TEST_F(BackgroundFault, AThreadThatCannotBeStartedIsTriedAgain) {
    {
        const Injection injection(*host_, "clone3,clone:error=EAGAIN");
        const Outcome outcome = command({"check", server()});
        EXPECT_EQ(outcome.status, 1);
        EXPECT_EQ(outcome.errors, "gatehouse: cannot check " + server() + " (status -8)\n");
        EXPECT_TRUE(host_->will_log("check of " + server() + ": no memory or thread for it, or too many of them"));
    }
    EXPECT_EQ(command({"check", server()}).status, 0);
    EXPECT_TRUE(will_be_news("\"status\": \"0\""));
    EXPECT_EQ(host_->stop(), 0);
}

TEST_F(BackgroundFault, AControlSocketThatCannotAcceptIsPaced) {
    Child client{};
    {
        const Injection injection(*host_, "accept4:error=EMFILE");
        client = start({GATEHOUSE_BINARY, "control", config_.string(), "fix"});
        const auto before = host_->cpu_time();
        ::usleep(1'000'000); // a span to measure over
        EXPECT_LE(host_->cpu_time() - before, 50ms);
    }
    ::close(client.out);
    ::close(client.err);
    ::waitpid(client.pid, nullptr, 0);
    EXPECT_EQ(command({"news"}).status, 0);
    EXPECT_EQ(host_->stop(), 0);
}

} // namespace
} // namespace gatehouse::testing
