// Bulk through the relay where pipes and splice(2) cannot be had: it is copied instead, and arrives whole.
#include "client.hpp"
#include "injection.hpp"

#include <gtest/gtest.h>
#include <random>
#include <thread>
#include <vector>

namespace gatehouse::testing {
namespace {

std::string random_bytes(std::size_t size) {
    std::mt19937_64 random(11);
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    return bytes;
}

std::string gateway_to(const RunningHost& behind) {
    return listener("gate", "gateway", "upstream = \"127.0.0.1:" + std::to_string(behind.port("echo")) + "\"");
}

// Sends all of it through an echo while it reads, and returns what came back.
std::string echo_bulk(Client& client, const std::string& bytes) {
    std::thread sender([&] {
        client.send(bytes);
        client.finish();
    });
    std::string back = client.read_all();
    sender.join();
    return back;
}

class SpliceFault : public ::testing::TestWithParam<const char*> {};

TEST_P(SpliceFault, IsNoFaultOfTheTransfer) {
    if (const std::string why = Injection::impossible(); !why.empty()) GTEST_SKIP() << why;
    const std::string bytes = random_bytes(16 << 20);
    RunningHost behind(listener("echo", "echo"));
    RunningHost host(gateway_to(behind));
    {
        Injection injection(host, GetParam());
        for (int i = 0; i < 2; ++i) {
            Client client(host.port("gate"));
            EXPECT_TRUE(echo_bulk(client, bytes) == bytes) << i;
        }
        injection.detach();
        EXPECT_GT(injection.count(), 0U) << "nothing was spliced";
    }
    EXPECT_TRUE(eventually([&] { return host.count_logged("\"reason\":\"peer_closed\"") == 2; }));
    EXPECT_EQ(host.stop(), 0);
}

// A pipe's size is asked for with fcntl; of the calls of splice, each first one of a thread is from a socket into a pipe.
INSTANTIATE_TEST_SUITE_P(Call, SpliceFault,
                         ::testing::Values("pipe2:error=EMFILE", "pipe2:error=ENFILE", "fcntl:error=EPERM",
                                           "splice:error=EINVAL:when=1", "splice:error=ENOMEM:when=1",
                                           "splice:error=EINTR:when=1+2", "splice:error=EAGAIN:when=1"),
                         [](const auto& fault) { return "n" + std::to_string(fault.index); });

// The second call is out of the pipe: what is in there cannot be had back, so the stream is cut, and says so.
TEST(SpliceOutFault, IsAResetAndLeavesNothingBehind) {
    if (const std::string why = Injection::impossible(); !why.empty()) GTEST_SKIP() << why;
    const std::string bytes = random_bytes(16 << 20);
    RunningHost behind(listener("echo", "echo"));
    RunningHost host(gateway_to(behind));
    std::size_t descriptors = 0;
    for (int i = 0; i < 3; ++i) {
        {
            const Injection injection(host, "splice:error=EPIPE:when=2");
            Client client(host.port("gate"));
            EXPECT_LT(echo_bulk(client, bytes).size(), bytes.size());
        }
        Client client(host.port("gate"));
        EXPECT_TRUE(echo_bulk(client, bytes) == bytes);
        client.close();
        EXPECT_TRUE(eventually([&] { return host.status("gate").find("\"open\":0,") != std::string::npos; }));
        if (i == 0) descriptors = host.descriptors();
    }
    EXPECT_LE(host.descriptors(), descriptors + 8) << "pipes have leaked"; // each thread keeps two empty ones
    EXPECT_EQ(host.count_logged("\"reason\":\"upstream_reset\"") + host.count_logged("\"reason\":\"peer_reset\""), 3U);
    EXPECT_EQ(host.stop(), 0);
}

// Others have taken the last descriptors, so there is none for a pipe.
TEST(RelayAtTheDescriptorLimit, Copies) {
    const std::string bytes = random_bytes(16 << 20);
    RunningHost behind(listener("echo", "echo"));
    RunningHost host(gateway_to(behind) + listener("echo", "echo"), {.descriptors = 64});
    Client client(host.port("gate"));
    ASSERT_TRUE(client.echoes("before"));
    std::vector<Client> others;
    for (int i = 0; i < 64; ++i) others.emplace_back(host.port("echo"));
    ASSERT_TRUE(host.will_log("\"message\":\"cannot accept; newcomers wait\""));
    EXPECT_TRUE(echo_bulk(client, bytes) == bytes);
    EXPECT_TRUE(host.will_log("\"reason\":\"peer_closed\""));
    others.clear();
    Client late(host.port("gate"));
    EXPECT_TRUE(echo_bulk(late, bytes) == bytes);
    late.close();
    EXPECT_EQ(host.stop(), 0);
}

} // namespace
} // namespace gatehouse::testing
