// The small protocols of RFC 862 to 868, with clients that were written elsewhere.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <gtest/gtest.h>

using namespace gatehouse::support;

namespace {

std::string text(std::uint16_t port) { return std::to_string(port); }

TEST(Classic, EchoAnswersEveryClientTheSame) {
    Gatehouse host(listener("echo", "echo"));
    const std::string port = text(host.port("echo"));
    const std::string input = "one\ntwo\n";
    EXPECT_EQ(run({"nc", "-N", "127.0.0.1", port}, {.input = input}).out, input);
    EXPECT_EQ(run({"ncat", "127.0.0.1", port}, {.input = input}).out, input);
    EXPECT_EQ(run({"socat", "-t", "30", "-", "TCP:127.0.0.1:" + port}, {.input = input}).out, input);
}

} // namespace
