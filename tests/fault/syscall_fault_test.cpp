// The kernel says no: each system call that serving needs fails, and the host goes on.
#include "clients.hpp"
#include "injection.hpp"
#include "proc.hpp"

#include <algorithm>
#include <csignal>
#include <gtest/gtest.h>
#include <optional>
#include <poll.h>
#include <unistd.h>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

class SyscallFault : public testing::Test {
  protected:
    void SetUp() override {
        if (const std::string why = Injection::impossible(); !why.empty()) GTEST_SKIP() << why;
    }
};

// --- accept --------------------------------------------------------------------------------------------------------------

class AcceptFault : public testing::TestWithParam<const char*> {};

TEST_P(AcceptFault, EverybodyIsServedAllTheSame) {
    if (const std::string why = Injection::impossible(); !why.empty()) GTEST_SKIP() << why;
    Gatehouse host(listener("echo", "echo"));
    const std::string error = GetParam();
    {
        const Injection injection(host, "accept4:error=" + error + ":when=1+3");
        for (int i = 0; i < 12; ++i) {
            Client client(host.port("echo"));
            EXPECT_TRUE(client.echoes("let me in")) << i;
        }
    }
    EXPECT_TRUE(host.alive());
    const std::string status = host.status("echo").line;
    EXPECT_NE(status.find("\"accepted\":12,"), std::string::npos) << status;
    // Others may stand there too: a call that strace lets go of half-way ends with ENOSYS.
    EXPECT_NE(status.find(error + ":", status.find("\"accept_errors\"")), std::string::npos) << status;
    const auto before = cpu_time(host.pid());
    ::usleep(500'000); // a span to measure over, not something to wait for
    EXPECT_LE(cpu_time(host.pid()) - before, 30ms);
    EXPECT_EQ(host.terminate(), 0);
}

INSTANTIATE_TEST_SUITE_P(Errno, AcceptFault,
                         testing::Values("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "ECONNABORTED", "EINTR", "EPROTO", "EPERM"),
                         [](const auto& error) { return std::string(error.param); });

TEST_F(SyscallFault, AnErrorOfAcceptThatNobodyExpectsIsLoggedAndPaced) {
    Gatehouse host(listener("echo", "echo"));
    Client client(host.port("echo"));
    ASSERT_TRUE(client.echoes("x"));
    {
        const Injection injection(host, "accept4:error=EIO");
        Client waiting(host.port("echo"));
        EXPECT_TRUE(host.will_log(
            R"("message":"accept failed; trying again in a second","listener":"echo","error":"Input/output error")"));
    }
    Client late(host.port("echo"));
    EXPECT_TRUE(late.echoes("x"));
}

// --- threads, epoll ------------------------------------------------------------------------------------------------------

TEST_F(SyscallFault, NoMoreThreadsCanBeHad) {
    const std::string config = listener("slow", "slow", "threads = { min = 2, max = 16 }") +
                               listener("echo", "echo", "threads.min = 1") + listener("cold", "echo");
    Gatehouse host(config, with_fixtures());
    std::vector<Client> clients;
    std::optional<Client> first; // of a listener that has no thread yet
    {
        const Injection injection(host, "clone3,clone:error=EAGAIN");
        for (int i = 0; i < 4; ++i) {
            clients.emplace_back(host.port("slow"));
            clients.back().send("1\n");
        }
        const auto is_answered = [](const Client& client) {
            pollfd waiting{client.fd(), POLLIN, 0};
            return ::poll(&waiting, 1, 0) > 0;
        };
        // Whichever the two threads have taken: they stay with them.
        eventually("two are served", [&] { return std::ranges::count_if(clients, is_answered) == 2; });
        Client other(host.port("echo"));
        EXPECT_TRUE(other.echoes("not my problem"));
        host.wait_for_status("slow", "failures", [](const Record& now) { return now["thread_failures"] != "0"; });
        EXPECT_NE(host.status("slow").line.find("\"threads\":2,"), std::string::npos);
        first.emplace(host.port("cold")).send("x");
        host.wait_for_status("cold", "failures", [](const Record& now) { return now["thread_failures"] != "0"; });
    }
    // As soon as the kernel allows it, those who waited are served.
    for (Client& client : clients) EXPECT_EQ(client.recv_exactly(2), "1\n");
    EXPECT_EQ(first->recv_exactly(1), "x");
    first->close();
    for (Client& client : clients) client.close();
    // What has been counted stays counted, though a reload makes the pools anew.
    const auto failures = [&] { return std::stoul(host.status("cold")["thread_failures"]); };
    const unsigned long before = failures();
    EXPECT_EQ(host.reload(config + "threads.max = 7\n")["result"], "applied");
    EXPECT_GE(failures(), before);
    EXPECT_EQ(host.terminate(), 0);
}

class EpollFault : public testing::TestWithParam<const char*> {};

TEST_P(EpollFault, ClosesTheConnectionThatCannotBeWatched) {
    if (const std::string why = Injection::impossible(); !why.empty()) GTEST_SKIP() << why;
    Gatehouse host(listener("echo", "echo"));
    Client old(host.port("echo"));
    ASSERT_TRUE(old.echoes("x"));
    {
        const Injection injection(host, std::string("epoll_ctl:error=") + GetParam() + ":when=1+2");
        for (int i = 0; i < 10; ++i) {
            Client client(host.port("echo"));
            client.echoes("x"); // served or closed, but never left alone
        }
    }
    EXPECT_TRUE(old.echoes("still here"));
    Client fresh(host.port("echo"));
    EXPECT_TRUE(fresh.echoes("new"));
    EXPECT_EQ(host.terminate(), 0);
}

INSTANTIATE_TEST_SUITE_P(Errno, EpollFault, testing::Values("ENOMEM", "ENOSPC"),
                         [](const auto& error) { return std::string(error.param); });

// --- reading and writing -------------------------------------------------------------------------------------------------

TEST_F(SyscallFault, InterruptedCallsAreRepeated) {
    Gatehouse behind(listener("echo", "echo"));
    Gatehouse host(listener("echo", "echo") + instance("gate", "gateway", "upstream = \"" + behind.address("echo") + "\""));
    for (const char* call : {"recvfrom", "sendmsg", "sendto", "epoll_wait", "ppoll", "poll"}) {
        const Injection injection(host, std::string(call) + ":error=EINTR:when=1+2");
        for (int i = 0; i < 5; ++i) {
            Client client(host.port("echo"));
            EXPECT_TRUE(client.echoes("again")) << call;
            Client relayed(host.port("gate"));
            EXPECT_TRUE(relayed.echoes("again")) << call;
        }
    }
    EXPECT_EQ(host.terminate(), 0);
}

TEST_F(SyscallFault, AResetEndsOneConnection) {
    Gatehouse host(listener("echo", "echo"));
    for (const char* what :
         {"recvfrom:error=ECONNRESET:when=1", "sendmsg,sendto:error=ECONNRESET:when=1", "sendmsg,sendto:error=EPIPE:when=1"}) {
        Client old(host.port("echo"));
        ASSERT_TRUE(old.echoes("x"));
        {
            const Injection injection(host, what);
            Client client(host.port("echo"));
            client.send("x");
            EXPECT_TRUE(client.ends()) << what;
        }
        EXPECT_TRUE(old.echoes("still here")) << what;
    }
    eventually("three resets", [&] { return host.count_logged("\"reason\":\"peer_reset\"") == 3; });
    EXPECT_EQ(host.terminate(), 0);
}

// --- upstreams -----------------------------------------------------------------------------------------------------------

struct ConnectFault {
    const char* what;
    const char* text;
};

class UpstreamFault : public testing::TestWithParam<ConnectFault> {};

TEST_P(UpstreamFault, GivesTheClientACleanCloseAndTheLogALine) {
    if (const std::string why = Injection::impossible(); !why.empty()) GTEST_SKIP() << why;
    Gatehouse behind(listener("echo", "echo"));
    const std::string upstream = behind.address("echo");
    Gatehouse host(instance("gate", "gateway", "upstream = \"" + upstream + "\""));
    {
        const Injection injection(host, GetParam().what);
        Client client(host.port("gate"));
        EXPECT_EQ(client.rest().bytes, "");
        const Record warning = host.wait_for_log("no connection to the upstream", {{"listener", "gate"}});
        EXPECT_EQ(warning["reason"], "upstream_failed");
        EXPECT_EQ(warning["error"], "upstream " + upstream + ": " + GetParam().text);
    }
    Client fresh(host.port("gate"));
    EXPECT_TRUE(fresh.echoes("works again"));
    fresh.close();
    EXPECT_EQ(host.terminate(), 0);
}

INSTANTIATE_TEST_SUITE_P(Errno, UpstreamFault,
                         testing::Values(ConnectFault{"connect:error=ECONNREFUSED", "Connection refused"},
                                         ConnectFault{"connect:error=ETIMEDOUT", "Connection timed out"},
                                         ConnectFault{"connect:error=EACCES", "Permission denied"},
                                         ConnectFault{"connect:error=ENETDOWN", "Network is down"},
                                         ConnectFault{"socket:error=EAFNOSUPPORT", "Address family not supported by protocol"},
                                         ConnectFault{"connect:error=EADDRNOTAVAIL",
                                                      "this host has no address from which it could be reached"}),
                         [](const auto& fault) { return "n" + std::to_string(fault.index); });

// What this host lacks: the reason and one line a second say so, and no server is to blame.
class HostShortage : public testing::TestWithParam<ConnectFault> {};

TEST_P(HostShortage, CountsAgainstNoServer) {
    if (const std::string why = Injection::impossible(); !why.empty()) GTEST_SKIP() << why;
    Gatehouse behind(listener("echo", "echo"));
    const std::string server = behind.address("echo");
    Gatehouse host("[host]\ncontrol = \"c\"\ndrain_timeout = \"2s\"\n" +
                   gateway_to(server, "ejection = { failures = 1 }, health = { interval = \"1d\" }"));
    const auto servers = [&] {
        return run_gatehouse({"control", host.dir() / "gatehouse.toml", "gateway", "servers", "--json"}).out;
    };
    const std::string good = R"("failures": 0, "check": "ok", "last error": "")";
    eventually("the first check", [&] { return servers().find(good) != std::string::npos; });
    constexpr int clients = 12;
    {
        Injection injection(host, GetParam().what);
        for (int i = 0; i < clients; ++i) EXPECT_EQ(Client(host.port("gateway")).rest().bytes, "");
        injection.detach();
        EXPECT_GE(injection.count(), 1U);
    }
    const std::string reason = GetParam().text;
    host.wait_for_status("gateway", reason, [&](const Record& now) {
        return now["reasons"].find(reason + ":" + std::to_string(clients)) != std::string::npos;
    });
    const Record line = host.wait_for_log("this host lacks what it needs to reach a server, which is not to blame");
    EXPECT_EQ(line["reason"], reason);
    EXPECT_EQ(line["server"], server);
    EXPECT_EQ(host.count_logged("no connection to the upstream"), 0U);
    EXPECT_NE(servers().find(R"("state": "up")"), std::string::npos) << servers();
    EXPECT_NE(servers().find(good), std::string::npos) << servers();
    Client fresh(host.port("gateway"));
    EXPECT_TRUE(fresh.echoes("works again"));
    fresh.close();
    EXPECT_EQ(host.terminate(), 0);
}

INSTANTIATE_TEST_SUITE_P(Errno, HostShortage,
                         testing::Values(ConnectFault{"socket:error=EMFILE", "host_out_of_fds"},
                                         ConnectFault{"socket:error=ENFILE", "host_out_of_fds"},
                                         ConnectFault{"socket:error=ENOBUFS", "host_out_of_memory"},
                                         ConnectFault{"connect:error=ENOMEM", "host_out_of_memory"},
                                         ConnectFault{"connect:error=EADDRNOTAVAIL:when=1+2", "host_out_of_ports"},
                                         ConnectFault{"connect:error=EAGAIN", "host_out_of_ports"}),
                         [](const auto& fault) { return "n" + std::to_string(fault.index); });

} // namespace
