// Timers and descriptors of plugins in the real program.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <csignal>
#include <filesystem>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace gatehouse::support;

namespace {

// The instance is called otherwise than its listener: that is the name of the thread of its callbacks.
class Callbacks : public ::testing::Test {
  protected:
    std::string command(std::vector<std::string> words, const std::string& plugin = "calls") {
        words.insert(words.begin(), plugin);
        const Result result = ask(host_, std::move(words));
        EXPECT_EQ(result.status, 0) << result.err;
        return result.out.substr(result.out.find('\n') + 1);
    }
    std::size_t threads() const {
        std::size_t count = 0;
        for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(host_.pid()) + "/task"))
            count += read_file(task.path() / "comm") == "calls\n" ? 1 : 0;
        return count;
    }

    Gatehouse host_{"[host]\ncontrol = \"c\"\ndrain_timeout = \"2s\"\n[plugins.calls]\nlibrary = \"callbacks\"\n"
                    "[plugins.fix]\nlibrary = \"background\"\n" +
                        listener("door", "calls") + listener("other", "fix"),
                    with_fixtures()};
};

TEST_F(Callbacks, AnInstanceWithoutThemHasNoThreadForThem) {
    Client client(host_.port("door"));
    EXPECT_TRUE(client.echoes("hello"));
    EXPECT_EQ(threads(), 0U);
    command({"timer", "20"});
    command({"timer", "30"});
    EXPECT_EQ(threads(), 1U);
    eventually("it expires", [&] { return std::stoi(command({"expired"})) >= 4; });
}

TEST_F(Callbacks, ASlowOneIsNamedAndHoldsUpNobodyElse) {
    command({"sleep", "120"});
    const Record slow = host_.wait_for_log("a plugin's callback took long; it must not block, since others wait for it");
    EXPECT_EQ(slow["plugin"], "calls");
    EXPECT_EQ(slow["extension"], "gatehouse.timer/1");
    EXPECT_GE(std::stoi(slow["milliseconds"]), 120);
    command({"stuck"});
    host_.wait_for_log("hangs from now on");
    Server server;
    command({"check", server.address()}, "fix");
    server.accept().send("!");
    eventually("the check of another instance", [&] { return command({"news"}, "fix").find("  0  ") != std::string::npos; });
    Client client(host_.port("door"));
    EXPECT_TRUE(client.echoes("hello")) << "serve() is another matter";
    EXPECT_EQ(host_.terminate(), 0);
    const Record left =
        host_.wait_for_log("a timer's or descriptor's callback is still in the plugin's code; leaving without it");
    EXPECT_EQ(left["plugin"], "calls");
}

TEST_F(Callbacks, OneThatNeverReturnsIsLeftAtASecondSignal) {
    command({"stuck"});
    host_.wait_for_log("hangs from now on");
    host_.signal(SIGTERM);
    host_.signal(SIGINT);
    EXPECT_EQ(host_.wait_exit(), 1);
}

TEST_F(Callbacks, ADatagramIsHeard) {
    const int port = std::stoi(command({"listen"}));
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::sendto(fd, "news", 4, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to), 4);
    ::close(fd);
    eventually("the news", [&] { return command({"heard"}) == "news\n"; });
}

// A connection that finishes at the drain may need a timer.
TEST_F(Callbacks, TimersGoOnWhileTheHostDrains) {
    Client client(host_.port("door"));
    EXPECT_TRUE(client.echoes("hello"));
    command({"timer", "20"});
    host_.signal(SIGTERM);
    EXPECT_EQ(client.recv_until_eof(), "woken");
    EXPECT_EQ(host_.wait_exit(), 0);
}

} // namespace
