// The small protocols of RFC 862 to 868, with clients that were written elsewhere.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <ctime>
#include <gtest/gtest.h>

using namespace gatehouse::support;

namespace {

std::string port_text(const Gatehouse& host, std::string_view listener) { return std::to_string(host.port(listener)); }

// Net::Time knows only the ports of its protocols, which it asks getservbyname() for; that is where another one can be given.
std::string net_time(const std::string& port, const std::string& expression) {
    const Result result = run({"perl", "-e",
                               "BEGIN { my $port = shift; *CORE::GLOBAL::getservbyname = sub { ('', '', $port, '') } } "
                               "use Net::Time qw(inet_time inet_daytime); print " +
                                   expression,
                               port});
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
}

class EchoWith : public testing::TestWithParam<std::vector<std::string>> {};

TEST_P(EchoWith, SendsBackAllThatCameBeforeTheHalfClose) {
    Gatehouse host(listener("echo", "echo"));
    std::vector<std::string> client = GetParam();
    if (client.front() == "socat")
        client.push_back("TCP:127.0.0.1:" + port_text(host, "echo"));
    else
        client.insert(client.end(), {"127.0.0.1", port_text(host, "echo")});
    std::string input;
    for (int i = 0; i < 20'000; ++i) input += std::to_string(i) + "\n";
    const Result result = run(client, {.input = input});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out, input);
    EXPECT_EQ(host.wait_for_closed("echo")["reason"], "peer_closed");
}

INSTANTIATE_TEST_SUITE_P(Classic, EchoWith,
                         testing::Values(std::vector<std::string>{"nc", "-N"}, std::vector<std::string>{"ncat"},
                                         std::vector<std::string>{"socat", "-t", "30", "-"}),
                         [](const auto& test) { return test.param.front(); });

TEST(Classic, DiscardAnswersNothing) {
    Gatehouse host(listener("discard", "discard"));
    const std::string input(300'000, 'x');
    const Result result = run({"nc", "-N", "127.0.0.1", port_text(host, "discard")}, {.input = input});
    EXPECT_EQ(result.out, "");
    const Record closed = host.wait_for_closed("discard");
    EXPECT_EQ(closed["in"], std::to_string(input.size()));
    EXPECT_EQ(closed["out"], "0");
}

TEST(Classic, ChargenSendsThePatternUntilTheClientLeaves) {
    Gatehouse host(listener("chargen", "chargen"));
    const Result result = run({"sh", "-c", "nc -d 127.0.0.1 " + port_text(host, "chargen") + " | head -n 96"});
    std::string expected;
    for (int line = 0; line < 96; ++line) {
        for (int column = 0; column < 72; ++column) expected += static_cast<char>(' ' + (line + column) % 95);
        expected += "\r\n";
    }
    EXPECT_EQ(result.out, expected);
    EXPECT_EQ(host.wait_for_closed("chargen")["reason"], "peer_reset");
}

TEST(Classic, DaytimeIsUnderstoodByNetTime) {
    Gatehouse host(listener("daytime", "daytime"));
    const std::time_t before = std::time(nullptr);
    const std::string line = net_time(port_text(host, "daytime"), "inet_daytime('127.0.0.1', 'tcp')");
    const std::time_t after = std::time(nullptr);
    tm parts{};
    const char* rest = ::strptime(line.c_str(), "%A, %B %d, %Y %H:%M:%S-UTC", &parts);
    ASSERT_NE(rest, nullptr) << line;
    const std::time_t told = ::timegm(&parts);
    EXPECT_LE(before, told);
    EXPECT_LE(told, after);
    EXPECT_EQ(host.wait_for_closed("daytime")["reason"], "done");
}

TEST(Classic, TimeIsUnderstoodByNetTime) {
    Gatehouse host(listener("time", "time"));
    const std::time_t before = std::time(nullptr);
    const std::time_t told = std::stoll(net_time(port_text(host, "time"), "inet_time('127.0.0.1', 'tcp')"));
    EXPECT_LE(before, told);
    EXPECT_LE(told, std::time(nullptr));
}

} // namespace
