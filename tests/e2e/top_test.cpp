// `gatehouse top`: once, and live through a pseudo-terminal.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "relayed.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <regex>
#include <sys/wait.h>
#include <unistd.h>

using namespace gatehouse::support;

namespace {

const std::string top_host_section = "[host]\ncontrol = \"control.sock\"\ndrain_timeout = \"2s\"\n";

Result top_of(const Gatehouse& host, std::vector<std::string> words) {
    words.insert(words.begin(), "top");
    words.insert(words.end(), {"--socket", host.dir() / "control.sock"});
    return run_gatehouse(std::move(words));
}

// `gatehouse top` on a terminal of its own.
class TopOnATerminal {
  public:
    explicit TopOnATerminal(const Gatehouse& host) {
        const std::string program = gatehouse_binary();
        const std::string socket = host.dir() / "control.sock";
        const winsize size{12, 70, 0, 0};
        pid_ = ::forkpty(&terminal_, nullptr, nullptr, &size);
        if (pid_ == 0) {
            ::execl(program.c_str(), program.c_str(), "top", "--every", "100ms", "--socket", socket.c_str(), nullptr);
            ::_exit(127);
        }
    }
    ~TopOnATerminal() {
        if (pid_ > 0) ::kill(pid_, SIGKILL);
        if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
        ::close(terminal_);
    }
    TopOnATerminal(const TopOnATerminal&) = delete;
    TopOnATerminal& operator=(const TopOnATerminal&) = delete;

    // All of its output so far, as soon as it fits.
    std::string shows(const std::string& pattern) {
        const std::regex wanted(pattern);
        const Deadline deadline;
        while (!std::regex_search(output_, wanted) && read_more(deadline)) {
        }
        EXPECT_TRUE(std::regex_search(output_, wanted)) << output_;
        return std::exchange(output_, "");
    }
    void press(char key) const { EXPECT_EQ(::write(terminal_, &key, 1), 1); }
    void signal(int number) const { ::kill(pid_, number); }
    // Its exit status.
    int ends() {
        const Deadline deadline;
        while (read_more(deadline)) {
        }
        int status = -1;
        EXPECT_EQ(::waitpid(std::exchange(pid_, -1), &status, 0) > 0, true);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    const std::string& output() const { return output_; }

  private:
    bool read_more(const Deadline& deadline) {
        pollfd waiting{terminal_, POLLIN, 0};
        if (::poll(&waiting, 1, deadline.left()) != 1) return false;
        std::string more(4096, '\0');
        const ssize_t size = ::read(terminal_, more.data(), more.size());
        if (size <= 0) return false; // EIO: its other end is closed
        output_.append(more, 0, static_cast<std::size_t>(size));
        return true;
    }

    pid_t pid_ = -1;
    int terminal_ = -1;
    std::string output_;
};

TEST(Top, PrintsOneTableOfListenersAndServers) {
    auto [upstream, host, client, server] = Relayed(top_host_section + listener("echo", "echo"));
    const Result table = top_of(host, {"--once", "--every", "100ms"});
    EXPECT_EQ(table.status, 0) << table.err;
    EXPECT_TRUE(
        std::regex_match(table.out, std::regex("gatehouse \\d\\d:\\d\\d:\\d\\d  open 1  new 0/s  in/out 0/0 B/s  refused 0/s\n"
                                               "LISTENER +STATE +OPEN/MAX +NEW/s +IN B/s +OUT B/s +REFUSED/s\n"
                                               "gateway +accepting +1/\\d+ +0 +0 +0 +0\n"
                                               "echo +accepting +0/\\d+ +0 +0 +0 +0\n"
                                               "\n"
                                               "SERVER +STATE +CONN/MAX +NEW/s +FAILED/s CHECK\n"
                                               "gateway/127.0.0.1:\\d+ +up +1 +0 +0.*\n")))
        << table.out;
    const Result json = top_of(host, {"--json", "--every", "100ms"});
    EXPECT_TRUE(json.out.starts_with("{\"listeners\": [{\"listener\": \"gateway\", \"state\": \"accepting\", \"open\": 1, "))
        << json.out;
    EXPECT_EQ(top_of(host, {"--once", "--every", "1ms"}).status, 105);
    EXPECT_EQ(top_of(host, {}).err, "gatehouse: top needs a terminal; with --once it prints one table\n");

    const Result servers = run_gatehouse({"servers", "--socket", host.dir() / "control.sock"});
    EXPECT_TRUE(std::regex_search(servers.out, std::regex("^pool +server +address +state +connections.*\ngateway +127")))
        << servers.out;
}

TEST(Top, ShowsOnATerminalWhatHappens) {
    Gatehouse host(top_host_section + listener("echo", "echo"));
    TopOnATerminal top(host);
    const std::string first = top.shows("echo +accepting +0/\\d+");
    EXPECT_TRUE(first.starts_with("\033[?1049h\033[?25l\033[H")) << first;
    Client client(host.port("echo"));
    ASSERT_TRUE(client.echoes("hello"));
    top.shows("echo +accepting +1/\\d+");
    client.send(std::string(1000, 'x'));
    EXPECT_EQ(client.recv_exactly(1000).size(), 1000U);
    top.shows("echo +accepting +1/\\d+ +0 +[1-9][0-9.k]* +[1-9]");
    top.press('q');
    EXPECT_EQ(top.ends(), 0);
    EXPECT_TRUE(top.output().ends_with("\033[?25h\033[?1049l")) << top.output();
}

// It goes on when the host does.
TEST(Top, SaysThatTheHostDoesNotAnswer) {
    auto host = std::make_unique<Gatehouse>(top_host_section + listener("echo", "echo"));
    TopOnATerminal top(*host);
    top.shows("echo +accepting");
    EXPECT_EQ(host->terminate(), 0);
    top.shows("no host is running at");
    top.press('\003');
    EXPECT_EQ(top.ends(), 0);
}

TEST(Top, ASignalLeavesTheTerminalAsItWas) {
    const Gatehouse host(top_host_section + listener("echo", "echo"));
    TopOnATerminal top(host);
    top.shows("echo +accepting");
    top.signal(SIGTERM);
    EXPECT_EQ(top.ends(), 0);
    EXPECT_TRUE(top.output().ends_with("\033[?25h\033[?1049l")) << top.output();
}

} // namespace
