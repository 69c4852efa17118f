// Bulk through the relay where pipes and splice(2) cannot be had: it is copied instead, and arrives whole.
#include "certificates.hpp"
#include "clients.hpp"
#include "deadline.hpp"
#include "gatehouse.hpp"
#include "injection.hpp"
#include "proc.hpp"
#include "random_bytes.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdexcept>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace gatehouse::support;

namespace {

const std::string bytes = random_bytes(16 << 20, 11);

// Sends all of it through the gateway, and returns what has come through. The upstream reads nothing before the sender has to
// wait, so that it is bulk that the relay then finds, on however busy a machine.
std::string send_bulk(Client& client, Server& upstream) {
    Client server = upstream.accept();
    std::atomic<bool> sent{false};
    std::thread sender([&] {
        try {
            client.send(bytes);
            client.finish();
        } catch (const std::runtime_error&) { // the stream was cut; what has come through says so too
        }
        sent.store(true);
    });
    pollfd waiting{client.fd(), POLLOUT, 0};
    while (!sent.load() && ::poll(&waiting, 1, 100) > 0) ::usleep(1000);
    std::string arrived = server.rest().bytes;
    sender.join();
    return arrived;
}

class SpliceFault : public ::testing::TestWithParam<const char*> {};

TEST_P(SpliceFault, IsNoFaultOfTheTransfer) {
    if (const std::string why = Injection::impossible(); !why.empty()) GTEST_SKIP() << why;
    Server upstream;
    Gatehouse host(gateway_to(upstream.address()));
    std::size_t sent = 0, injected = 0;
    for (const Deadline deadline; injected == 0 && !deadline.passed();) { // the machine may be too busy for anything to be bulk
        Injection injection(host, GetParam());
        for (int i = 0; i < 2; ++i, ++sent) {
            Client client(host.port("gateway"));
            EXPECT_TRUE(send_bulk(client, upstream) == bytes) << sent;
        }
        injection.detach();
        injected = injection.count();
    }
    EXPECT_GT(injected, 0U) << "nothing was spliced";
    host.wait_for_status("gateway", "all ended", [](const Record& now) { return now["open"] == "0"; });
    EXPECT_EQ(host.count_logged("\"reason\":\"peer_closed\""), sent);
    EXPECT_EQ(host.terminate(), 0);
}

// A pipe's size is asked for with fcntl; each thread's first call of splice is from a socket into a pipe.
INSTANTIATE_TEST_SUITE_P(Call, SpliceFault,
                         ::testing::Values("pipe2:error=EMFILE", "pipe2:error=ENFILE", "fcntl:error=EPERM",
                                           "splice:error=EINVAL:when=1", "splice:error=ENOMEM:when=1",
                                           "splice:error=EINTR:when=1+2", "splice:error=EAGAIN:when=1"),
                         [](const auto& fault) { return "n" + std::to_string(fault.index); });

// The second call is out of the pipe: what is in there cannot be had back, so the stream is cut, and says so.
TEST(SpliceOutFault, IsAResetAndLeavesNothingBehind) {
    if (const std::string why = Injection::impossible(); !why.empty()) GTEST_SKIP() << why;
    Server upstream;
    Gatehouse host(gateway_to(upstream.address()));
    unsigned before = 0;
    for (int i = 0; i < 3; ++i) {
        bool cut = false; // on a busy machine the sender may be too slow for anything to be spliced
        for (const Deadline deadline; !cut && !deadline.passed();) {
            const Injection injection(host, "splice:error=EPIPE:when=2");
            Client client(host.port("gateway"));
            cut = send_bulk(client, upstream).size() < bytes.size();
        }
        EXPECT_TRUE(cut);
        Client client(host.port("gateway"));
        EXPECT_TRUE(send_bulk(client, upstream) == bytes);
        client.close();
        host.wait_for_status("gateway", "nothing open", [](const Record& now) { return now["open"] == "0"; });
        if (i == 0) before = descriptors(host.pid());
    }
    EXPECT_LE(descriptors(host.pid()), before + 8) << "pipes have leaked"; // each thread keeps two empty ones
    EXPECT_EQ(host.count_logged("\"reason\":\"upstream_reset\""), 3U);
    EXPECT_EQ(host.terminate(), 0);
}

// What the client has sent before its server is connected is passed on where the relay begins. No event tells of a send that
// fails there for want of memory: both sockets are well. The PROXY header makes sure that the bytes have come by then.
TEST(RelayFirstSendFault, IsAResetForBothSides) {
    if (const std::string why = Injection::impossible(); !why.empty()) GTEST_SKIP() << why;
    Server upstream;
    Gatehouse host(gateway_to(upstream.address(), "", "proxy_protocol = { from = [\"127.0.0.1\"] }"));
    {
        const Injection injection(host, "sendto:error=ENOBUFS");
        Client client(host.port("gateway"));
        client.send("PROXY TCP4 192.0.2.1 192.0.2.2 1024 80\r\nhello");
        const Client::Rest seen_by_server = upstream.accept().rest();
        EXPECT_EQ(seen_by_server.bytes, "");
        EXPECT_TRUE(seen_by_server.reset);
        EXPECT_TRUE(client.rest().reset);
        EXPECT_TRUE(host.will_log("\"reason\":\"upstream_reset\""));
    }
    Client client(host.port("gateway"));
    client.send("PROXY TCP4 192.0.2.1 192.0.2.2 1024 80\r\nhello");
    EXPECT_EQ(upstream.accept().recv_exactly(5), "hello");
    client.close();
    EXPECT_EQ(host.terminate(), 0);
}

// For n = 1, 2, 3, ... the n-th entry in an epoll set cannot be had. Those of the relay are among them, and by then the server
// has got what the client had sent.
TEST(RelayEntryFault, IsAResetForBothSidesAndIsCounted) {
    if (const std::string why = Injection::impossible(); !why.empty()) GTEST_SKIP() << why;
    Gatehouse behind(listener("server", "discard"));
    // One thread, so that the n-th call is the same one in each run: strace counts those of each thread by itself.
    Gatehouse host(gateway_to(behind.address("server"), "", "threads.max = 1\nproxy_protocol = { from = [\"127.0.0.1\"] }"));
    int cut = 0;
    for (int n = 1; n <= 8; ++n) {
        const std::size_t from = host.log_size(), from_behind = behind.log_size();
        const Injection injection(host, "epoll_ctl:error=ENOSPC:when=" + std::to_string(n));
        Client client(host.port("gateway"));
        client.send("PROXY TCP4 192.0.2.1 192.0.2.2 1024 80\r\nhalf of a request");
        client.finish();
        const Client::Rest rest = client.rest();
        const Record closed = host.wait_for_closed("gateway", "", from);
        if (closed["upstream"].empty() || closed["reason"] != "host_out_of_memory") continue;
        ++cut;
        EXPECT_TRUE(rest.reset);
        EXPECT_EQ(closed["in"], "17");
        const Record closed_behind = behind.wait_for_closed("server", "", from_behind);
        EXPECT_EQ(closed_behind["reason"], "peer_reset");
        EXPECT_EQ(closed_behind["in"], "17");
    }
    EXPECT_GE(cut, 2) << "the server's entry, and the client's";
    EXPECT_EQ(host.terminate(), 0);
}

// At urgent data recv() may say EAGAIN although bytes are there: if a signal stops the host just then. Here each second call
// does.
TEST(RelayUrgentFault, BytesThatRecvDeniesAreNotForgotten) {
    if (const std::string why = Injection::impossible(); !why.empty()) GTEST_SKIP() << why;
    Server upstream;
    Gatehouse host(gateway_to(upstream.address()));
    Client client(host.port("gateway"));
    Client server = upstream.accept();
    const auto passes = [](Client& from, Client& to, const std::string& bytes) {
        ASSERT_EQ(::send(from.fd(), bytes.data(), 1, MSG_OOB), 1);
        from.send(bytes.substr(1));
        EXPECT_EQ(to.recv_exactly(bytes.size()), bytes);
    };
    passes(client, server, "hello"); // from here on the host knows that there is urgent data
    passes(server, client, "hello");
    const Injection injection(host, "recvfrom:error=EAGAIN:when=1+2");
    for (int i = 0; i < 10; ++i) {
        passes(client, server, "request " + std::to_string(i));
        passes(server, client, "answer " + std::to_string(i));
    }
}

// Sends back what comes, with urgent data in it, until the end.
void echo_urgently(Client echo) {
    std::array<char, 4096> buffer{};
    pollfd readable{echo.fd(), POLLIN, 0};
    while (::poll(&readable, 1, -1) == 1) {
        const ssize_t size = ::recv(echo.fd(), buffer.data(), buffer.size(), 0);
        if (size <= 0) return;
        ASSERT_EQ(::send(echo.fd(), buffer.data(), 1, MSG_OOB), 1);
        echo.send({buffer.data() + 1, static_cast<std::size_t>(size) - 1});
    }
}

// The same below TLS.
TEST(RelayUrgentFault, BytesThatRecvDeniesToTlsAreNotForgotten) {
    if (const std::string why = Injection::impossible(); !why.empty()) GTEST_SKIP() << why;
    const Certificates certificates;
    certificates.make("web", {"localhost"});
    Server upstream;
    Gatehouse host(certificates.section("web") + gateway_to(upstream.address(), "", "tls = \"web\""));
    Process client({GATEHOUSE_SOURCE_DIR "/tests/e2e/tls_urgent.py", std::to_string(host.port("gateway")), certificates.ca(),
                    "20", "wait"});
    const std::jthread server([&] { echo_urgently(upstream.accept()); });
    const auto has_said = [&](const char* what) {
        return client.wait_output([&](const std::string& out, const std::string&) { return out.ends_with(what); });
    };
    ASSERT_TRUE(has_said("first\n")) << client.err(); // from here on the host knows that there is urgent data
    const Injection injection(host, "recvfrom:error=EAGAIN:when=1+2");
    client.signal(SIGUSR1);
    EXPECT_TRUE(has_said("ok\n")) << client.err();
}

// The same before there is a plugin: the header was seen, and is then denied once.
TEST(ProxyUrgentFault, AHeaderThatRecvDeniesIsNotForgotten) {
    if (const std::string why = Injection::impossible(); !why.empty()) GTEST_SKIP() << why;
    Gatehouse host(listener("echo", "echo", "proxy_protocol = { from = [\"127.0.0.0/8\"] }"));
    const Injection injection(host, "recvfrom:error=EAGAIN:when=2");
    for (int i = 0; i < 4; ++i) { // whichever threads take them
        Client client(host.port("echo"));
        const std::string header = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n!";
        ASSERT_EQ(::send(client.fd(), header.data(), header.size(), MSG_OOB), static_cast<ssize_t>(header.size()));
        EXPECT_EQ(client.recv_exactly(1), "!");
    }
}

// One thread puts the connection into the epoll set and another gets the event before the first has gone on.
TEST(ProxyUrgentFault, WhatAnotherThreadWasToldIsNotForgotten) {
    if (const std::string why = Injection::impossible(); !why.empty()) GTEST_SKIP() << why;
    Gatehouse host(listener("echo", "echo", "proxy_protocol = { from = [\"127.0.0.0/8\"] }"));
    const Injection injection(host, "epoll_ctl:delay_exit=20000");
    for (int i = 0; i < 4; ++i) {
        Client client(host.port("echo"));
        const std::string header = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n!";
        ASSERT_EQ(::send(client.fd(), header.data(), header.size(), MSG_OOB), static_cast<ssize_t>(header.size()));
        EXPECT_EQ(client.recv_exactly(1), "!");
    }
}

// Others have taken the last descriptors, so there is none for a pipe.
TEST(RelayAtTheDescriptorLimit, Copies) {
    Server upstream;
    Gatehouse host(gateway_to(upstream.address()) + listener("echo", "echo"), {.wrapper = {"prlimit", "--nofile=64"}});
    Client client(host.port("gateway"));
    host.wait_for_status("gateway", "relayed", [](const Record& now) { return now["open"] == "1"; });
    std::vector<Client> others;
    for (int i = 0; i < 64; ++i) others.emplace_back(host.port("echo"));
    ASSERT_TRUE(host.will_log("\"message\":\"cannot accept; newcomers wait\""));
    EXPECT_TRUE(send_bulk(client, upstream) == bytes);
    EXPECT_TRUE(host.will_log("\"reason\":\"peer_closed\""));
    others.clear();
    Client late(host.port("gateway"));
    EXPECT_TRUE(send_bulk(late, upstream) == bytes);
    late.close();
    EXPECT_EQ(host.terminate(), 0);
}

} // namespace
