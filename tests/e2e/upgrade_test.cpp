// `gatehouse upgrade` hands the listening sockets over to another process of the program on disk. Whatever fails or dies
// meanwhile, one of the two accepts, and nobody is refused.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "tls_fixture.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

const std::string host_section = "[host]\ncontrol = \"control.sock\"\ndrain_timeout = \"2s\"\n";

// A process that is no child of this one. It is ended with the object.
class Other {
  public:
    explicit Other(pid_t pid) : pid_(pid), fd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
    ~Other() {
        signal(SIGKILL);
        if (fd_ >= 0) ::close(fd_);
    }
    Other(const Other&) = delete;
    Other& operator=(const Other&) = delete;

    pid_t pid() const { return pid_; }
    void signal(int number) const {
        if (fd_ >= 0) ::syscall(SYS_pidfd_send_signal, fd_, number, nullptr, 0);
    }
    bool ends() const {
        pollfd waiting{fd_, POLLIN, 0};
        return fd_ < 0 || ::poll(&waiting, 1, Deadline().left()) == 1;
    }

  private:
    const pid_t pid_;
    const int fd_;
};

Result upgrade(const Gatehouse& host, const std::string& guard = "0") {
    return run_gatehouse({"upgrade", "--socket", host.dir() / "control.sock", "--guard", guard, "--json"});
}

// Of a successful one.
pid_t successor(const Result& result) {
    const std::size_t at = result.out.find("\"pid\":", result.out.find("\"to\""));
    if (result.status != 0 || at == std::string::npos) throw std::runtime_error("no upgrade: " + result.out + result.err);
    return static_cast<pid_t>(std::stol(result.out.substr(at + 6)));
}

std::string pid_that_answers(const Gatehouse& host) {
    const Result result = run_gatehouse({"status", "--socket", host.dir() / "control.sock"});
    const std::size_t at = result.out.find("pid ");
    return at == std::string::npos ? result.err : result.out.substr(at + 4, result.out.find(' ', at + 4) - at - 4);
}

// New connections, one after the other, until it is asked to stop.
class Visitors {
  public:
    explicit Visitors(std::string address) : address_(std::move(address)) {
        for (std::thread& thread : threads_) thread = std::thread([this] { visit(); });
    }
    ~Visitors() { stop(); }
    Visitors(const Visitors&) = delete;
    Visitors& operator=(const Visitors&) = delete;

    // How many were served; those who were not are a failure.
    unsigned stop() {
        stops_.store(true);
        for (std::thread& thread : threads_)
            if (thread.joinable()) thread.join();
        EXPECT_EQ(failed_.load(), 0U);
        return served_.load();
    }
    unsigned served() const { return served_.load(); }
    // Until so many more have been.
    void wait_for(unsigned more) const {
        const unsigned wanted = served_.load() + more;
        eventually("visitors are served", [&] { return served_.load() >= wanted || failed_.load() > 0; });
    }

  private:
    void visit() {
        while (!stops_.load()) {
            try {
                if (!Client(address_).echoes("hello")) throw std::runtime_error("no echo");
                ++served_;
            } catch (const std::exception& error) {
                ++failed_;
                ADD_FAILURE() << error.what();
                return;
            }
        }
    }

    const std::string address_;
    std::atomic<bool> stops_{false};
    std::atomic<unsigned> served_{0}, failed_{0};
    std::array<std::thread, 2> threads_;
};

TEST(Upgrade, NobodyIsRefusedAndConnectionsStay) {
    const TempDir dir;
    const std::string file = dir / "s";
    Gatehouse host(host_section + listener("front", "echo") + listener("unix", "echo", "address = \"unix:" + file + "\""));
    Client old(host.port("front"));
    EXPECT_TRUE(old.echoes("one"));
    Visitors tcp("127.0.0.1:" + std::to_string(host.port("front"))), local("unix:" + file);
    tcp.wait_for(20);

    const Other second(successor(upgrade(host)));
    tcp.wait_for(20);
    local.wait_for(20);
    EXPECT_EQ(pid_that_answers(host), std::to_string(second.pid()));
    EXPECT_TRUE(old.echoes("two"));
    const Other third(successor(upgrade(host)));
    EXPECT_TRUE(second.ends()); // it has no connection
    tcp.wait_for(20);
    local.wait_for(20);
    tcp.stop();
    local.stop();
    EXPECT_EQ(pid_that_answers(host), std::to_string(third.pid()));
    EXPECT_TRUE(old.echoes("three"));
    EXPECT_TRUE(host.alive());
    old.close();
    EXPECT_EQ(host.wait_exit(), 0);

    EXPECT_TRUE(fs::exists(file));
    third.signal(SIGTERM);
    EXPECT_TRUE(third.ends());
    EXPECT_FALSE(fs::exists(file));
    EXPECT_FALSE(fs::exists(host.dir() / "control.sock"));
    EXPECT_TRUE(refused(host.address("front")));
}

TEST(Upgrade, ListenersComeAndGoWithIt) {
    Gatehouse host(host_section + listener("stays", "echo") + listener("goes", "echo"));
    const std::string stays = host.address("stays"), goes = host.address("goes");
    host.write(host_section + listener("stays", "daytime") + listener("comes", "echo"));
    const Other next(successor(upgrade(host)));
    EXPECT_EQ(host.wait_exit(), 0);
    const auto ready = [&](const Record& record) {
        return record.message() == "ready" && record["pid"] == std::to_string(next.pid());
    };
    host.wait_for_log(ready, "the new process is ready");
    EXPECT_EQ(host.address("stays"), stays);
    EXPECT_NE(Client(stays).recv_until_eof().find("20"), std::string::npos);
    EXPECT_TRUE(Client(host.port("comes")).echoes("x"));
    EXPECT_TRUE(refused(goes));
    next.signal(SIGTERM);
    EXPECT_TRUE(next.ends());
}

TEST(Upgrade, AFileThatIsRefusedChangesNothing) {
    const std::string good = host_section + listener("front", "echo");
    Gatehouse host(good);
    host.write("[host]\ncontrol = \"control.sock\"\n" + listener("front", "nonsense"));
    const Result result = upgrade(host);
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("plugin library nonsense not found"), std::string::npos) << result.err;
    EXPECT_TRUE(Client(host.port("front")).echoes("x"));
    EXPECT_EQ(pid_that_answers(host), std::to_string(host.pid()));
    EXPECT_EQ(host.reload(good + listener("more", "echo"))["result"], "applied"); // it takes orders again
    const Other next(successor(upgrade(host)));
    EXPECT_EQ(host.wait_exit(), 0);
    EXPECT_TRUE(Client(host.port("more")).echoes("x")); // as the reload has it
}

TEST(Upgrade, WhileItIsGuardedTheOldProcessAcceptsAgainIfTheNewOneDies) {
    Gatehouse host(host_section + listener("front", "echo"));
    const std::string address = host.address("front");
    {
        const Other next(successor(upgrade(host, "10m")));
        EXPECT_TRUE(Client(address).echoes("x"));
    }
    host.wait_for_log("reload", {{"result", "applied"}, {"by", "the host, which accepts again"}});
    EXPECT_TRUE(Client(address).echoes("x"));
    EXPECT_EQ(pid_that_answers(host), std::to_string(host.pid()));
    const Other last(successor(upgrade(host)));
    EXPECT_EQ(host.wait_exit(), 0);
    EXPECT_TRUE(Client(address).echoes("x"));
}

// It would be open without an acceptor, and its file would stay.
TEST(Upgrade, AListenerThatGoesWhileTheNewProcessIsGuardedIsClosedWithTheGuard) {
    const TempDir dir;
    const std::string file = dir / "s";
    Gatehouse host(host_section + listener("stays", "echo") + listener("goes", "echo", "address = \"unix:" + file + "\""));
    const Other next(successor(upgrade(host, "500ms")));
    host.write(host_section + listener("stays", "echo"));
    EXPECT_EQ(run_gatehouse({"reload", "--socket", host.dir() / "control.sock"}).status, 0);
    EXPECT_EQ(host.wait_exit(), 0);
    eventually("its file is removed", [&] { return !fs::exists(file); });
    next.signal(SIGTERM);
    EXPECT_TRUE(next.ends());
}

TEST(Upgrade, AHostThatIsToDrainIsNotReplaced) {
    Gatehouse host(host_section + listener("front", "echo"));
    const std::string socket = host.dir() / "control.sock";
    EXPECT_EQ(run_gatehouse({"drain", "--delay", "1h", "--no-wait", "--socket", socket}).status, 0);
    EXPECT_NE(upgrade(host).err.find("is about to drain"), std::string::npos);
    EXPECT_EQ(run_gatehouse({"drain", "--cancel", "--socket", socket}).status, 0);
    const Other next(successor(upgrade(host)));
    EXPECT_EQ(host.wait_exit(), 0);
}

// Whoever ends the process that accepts means the service.
TEST(Upgrade, TheOldProcessDrainsWithTheNewOne) {
    Gatehouse host(host_section + listener("front", "echo"));
    Client old(host.port("front"));
    EXPECT_TRUE(old.echoes("one"));
    const Other next(successor(upgrade(host, "10m")));
    next.signal(SIGTERM);
    EXPECT_TRUE(old.ends());
    EXPECT_EQ(host.wait_exit(), 0);
    EXPECT_TRUE(next.ends());
    EXPECT_FALSE(fs::exists(host.dir() / "control.sock"));
}

// Its guard lets it go, or two would accept when it ends.
TEST(Upgrade, ANewProcessThatIsReplacedIsGuardedNoMore) {
    Gatehouse host(host_section + listener("front", "echo"));
    const Other second(successor(upgrade(host, "10m")));
    const Other third(successor(upgrade(host)));
    EXPECT_EQ(host.wait_exit(), 0);
    EXPECT_TRUE(second.ends());
    EXPECT_TRUE(Client(host.address("front")).echoes("x"));
    EXPECT_EQ(pid_that_answers(host), std::to_string(third.pid()));
}

TEST(Upgrade, WhatCannotBeIsSaid) {
    Gatehouse host(host_section + listener("front", "echo"));
    EXPECT_EQ(run_gatehouse({"reload", "--socket", host.dir() / "control.sock"}).status, 0);
    host.write(host_section + listener("front", "echo", "max_connections = 5"));
    EXPECT_EQ(run_gatehouse({"reload", "--confirm", "1h", "--socket", host.dir() / "control.sock"}).status, 0);
    const Result result = upgrade(host);
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("waits for `gatehouse confirm`"), std::string::npos) << result.err;
}

using UpgradeTls = Tls;

TEST_F(UpgradeTls, SessionsAreResumed) {
    const auto server = host("facts", "", "", host_section);
    const std::string session = certificates_ / "session";
    EXPECT_TRUE(s_client(*server, {"-sess_out", session}).has("New, TLSv1"));
    const Other next(successor(upgrade(*server)));
    EXPECT_EQ(server->wait_exit(), 0);
    EXPECT_TRUE(s_client(*server, {"-sess_in", session}).has("Reused, TLSv1"));
}

// The children of a process, and theirs.
std::vector<pid_t> descendants(pid_t pid) {
    std::vector<pid_t> all;
    std::ifstream children("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children");
    for (pid_t child = 0; children >> child;) {
        all.push_back(child);
        const std::vector<pid_t> theirs = descendants(child);
        all.insert(all.end(), theirs.begin(), theirs.end());
    }
    return all;
}

// The new process, as soon as there is one: it is the keeper's only child.
pid_t who_comes(pid_t host) {
    std::vector<pid_t> all;
    eventually("a new process", [&] { return (all = descendants(host)).size() > 1; });
    return all[1];
}

// What the operator has ordered goes along: it holds in the new process until its time is over.
TEST(Upgrade, OrdersGoAlong) {
    Gatehouse host(host_section + listener("echo", "echo"));
    const auto deny = [&](std::vector<std::string> words) {
        words.insert(words.begin(), "deny");
        words.insert(words.end(), {"--socket", host.dir() / "control.sock"});
        return run_gatehouse(std::move(words)).out;
    };
    deny({"add", "127.0.0.0/28", "--reason", "scans", "--for", "1h"});
    for (int i = 16; i < 48; ++i) deny({"add", "127.0.0." + std::to_string(i), "--listener", "echo"});
    const auto from = [&](const std::string& source) { return Client(host.address("echo"), source + ":0"); };
    EXPECT_FALSE(from("127.0.0.2").echoes("x"));
    const std::string before = deny({"list"});
    const Other next(successor(upgrade(host)));
    EXPECT_EQ(deny({"list"}), before);
    EXPECT_FALSE(from("127.0.0.2").echoes("x"));
    EXPECT_FALSE(from("127.0.0.47").echoes("x"));
    EXPECT_TRUE(from("127.0.0.48").echoes("x"));
    EXPECT_EQ(host.wait_exit(), 0);
}

// One of the two is killed at a moment of the hand-over, which takes some 40 ms: at each, one of them accepts afterwards. The
// old one may be killed before it has handed its sockets over: the new one then binds, so the port is a certain one.
class UpgradeKilled : public testing::TestWithParam<int> {
  protected:
    const ReservedAddress front_;
    const TempDir dir_;
    Gatehouse host_{host_section + listener("front", "echo", "address = \"" + front_.address() + "\"") +
                    listener("unix", "echo", "address = \"unix:" + std::string(dir_ / "s") + "\"")};

    void expect_service() {
        EXPECT_TRUE(Client(front_.address()).echoes("x"));
        EXPECT_TRUE(Client("unix:" + std::string(dir_ / "s")).echoes("x"));
        EXPECT_EQ(pid_that_answers(host_).find_first_not_of("0123456789"), std::string::npos);
    }
};

TEST_P(UpgradeKilled, TheNewOne) {
    Result result;
    std::thread operator_([&] { result = upgrade(host_, "10m"); });
    const Other next(who_comes(host_.pid()));
    std::this_thread::sleep_for(std::chrono::milliseconds(GetParam()));
    next.signal(SIGKILL);
    operator_.join();
    EXPECT_TRUE(next.ends());
    expect_service();
    EXPECT_EQ(pid_that_answers(host_), std::to_string(host_.pid()));
}

TEST_P(UpgradeKilled, TheOldOne) {
    std::thread operator_([&] { upgrade(host_, "10m"); });
    const Other next(who_comes(host_.pid()));
    std::this_thread::sleep_for(std::chrono::milliseconds(GetParam()));
    host_.signal(SIGKILL);
    operator_.join();
    EXPECT_EQ(host_.wait_exit(), 128 + SIGKILL);
    eventually("the new process answers", [&] { return pid_that_answers(host_) == std::to_string(next.pid()); });
    expect_service();
    next.signal(SIGTERM);
    EXPECT_TRUE(next.ends());
    EXPECT_FALSE(fs::exists(host_.dir() / "control.sock"));
}

INSTANTIATE_TEST_SUITE_P(After, UpgradeKilled, testing::Values(0, 10, 20, 35, 60));

} // namespace
