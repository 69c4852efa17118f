// Where a request leads: resolving, judging, connecting, and the replies for what fails.
#include "wire.hpp"

#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;
using namespace socks5::wire;

namespace {

// The answer to the client's request.
Outcome ask(Plugin& socks, const std::string& request) {
    Outcome outcome = socks.serve({greeting, request, end});
    EXPECT_TRUE(outcome.output.starts_with(no_authentication));
    outcome.output.erase(0, no_authentication.size());
    return outcome;
}

std::string last_line(Plugin& plugin) { return plugin.log().empty() ? "" : text_of(plugin.log().back()); }

TEST(Connect, NamesAreResolvedAndConnectedByNumber) {
    Plugin socks({{"connect_timeout", "4s"}, {"idle_timeout", "3m"}, {"log_requests", true}});
    socks.addresses("example.com:443", {"198.51.100.7:443"});
    socks.upstream("198.51.100.7:443", {end});
    const Outcome outcome = ask(socks, request_name("example.com", 443));
    EXPECT_EQ(outcome.output, succeeded);
    ASSERT_EQ(outcome.upstreams.size(), 1U);
    EXPECT_EQ(outcome.upstreams[0].address, "198.51.100.7:443");
    EXPECT_LE(outcome.upstreams[0].within, std::chrono::milliseconds(4001));
    EXPECT_EQ(outcome.upstreams[0].idle, std::chrono::minutes(3));
    EXPECT_EQ(last_line(socks), "connected: example.com:443 at 198.51.100.7:443 peer=192.0.2.1:40123");
}

TEST(Connect, Ipv6) {
    Plugin socks;
    socks.upstream("[2001:db8::1]:80", {"six", end});
    EXPECT_EQ(ask(socks, request("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"s, 80)).output, succeeded + "six");
    EXPECT_TRUE(socks.log().empty()) << "requests are not logged unless that is asked for";
}

TEST(Connect, TheNextAddressIsTriedIfOneFails) {
    Plugin socks;
    socks.addresses("example.com:80", {"[2001:db8::1]:80", "198.51.100.7:80", "198.51.100.8:80"});
    socks.upstream_fails("[2001:db8::1]:80", GATEHOUSE_UNREACHABLE);
    socks.upstream_fails("198.51.100.7:80", GATEHOUSE_REFUSED);
    socks.upstream("198.51.100.8:80", {"third", end});
    const Outcome outcome = ask(socks, request_name("example.com", 80));
    EXPECT_EQ(outcome.output, succeeded + "third");
    EXPECT_EQ(outcome.reason, "peer_closed");
}

TEST(Connect, FailuresHaveTheirReplies) {
    const std::pair<gatehouse_status, char> replies[] = {
        {GATEHOUSE_REFUSED, 5},   {GATEHOUSE_UNREACHABLE, 4}, {GATEHOUSE_NOT_FOUND, 4}, {GATEHOUSE_TIMEOUT, 6},
        {GATEHOUSE_EXHAUSTED, 1}, {GATEHOUSE_FAILED, 1},      {GATEHOUSE_INVALID, 1}};
    for (const auto& [status, code] : replies) {
        Plugin socks;
        socks.upstream_fails("198.51.100.7:80", status);
        const Outcome outcome = ask(socks, request("\xc6\x33\x64\7", 80));
        EXPECT_EQ(outcome.output, refusal(code)) << status;
        EXPECT_EQ(outcome.reason, "upstream_failed") << status;
        EXPECT_EQ(outcome.error, "") << "the host knows better why";
    }
}

TEST(Connect, ANameThatDoesNotResolve) {
    Plugin socks;
    socks.addresses("nobody.invalid:80", {});
    const Outcome outcome = ask(socks, request_name("nobody.invalid", 80));
    EXPECT_EQ(outcome.output, refusal(4));
    EXPECT_EQ(outcome.reason, "upstream_failed");
}

TEST(Connect, WhatIsNotPublicIsDeniedHoweverItIsWritten) {
    Plugin socks;
    socks.addresses("inside.example:80", {"10.0.0.1:80", "[fe80::1%eth0]:80", "unix:/run/x"});
    for (const std::string& bad :
         {request("\x7f\0\0\1"s, 80), request("\xa9\xfe\xa9\xfe"s, 80), request(std::string(16, '\0'), 80),
          request("\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1"s, 80), request_name("127.0.0.1", 80), request_name("::1", 80),
          request_name("::ffff:10.0.0.1", 80), request_name("inside.example", 80), request("\xc6\x33\x64\7", 0),
          request_name("example.com", 0)}) {
        const Outcome outcome = ask(socks, bad);
        EXPECT_EQ(outcome.output, refusal(2));
        EXPECT_EQ(outcome.reason, "done");
        EXPECT_TRUE(outcome.upstreams.empty());
    }
    EXPECT_EQ(last_line(socks), "denied: example.com:0 peer=192.0.2.1:40123");
}

// A name with allowed and denied addresses leads to an allowed one.
TEST(Connect, OnlyTheAllowedAddressesOfANameAreTried) {
    Plugin socks;
    socks.addresses("mixed.example:80", {"127.0.0.1:80", "198.51.100.7:80", "[::1]:80"});
    socks.upstream("127.0.0.1:80", {"inside", end});
    socks.upstream("[::1]:80", {"inside", end});
    socks.upstream_fails("198.51.100.7:80", GATEHOUSE_REFUSED);
    const Outcome outcome = ask(socks, request_name("mixed.example", 80));
    EXPECT_EQ(outcome.output, refusal(5));
    EXPECT_TRUE(outcome.upstreams.empty());
}

TEST(Connect, TheConfigurationOpensAndCloses) {
    Plugin socks({{"allow", List{"127.0.0.0/8:8000-8999"}}, {"deny", List{"198.51.100.0/24"}}});
    socks.upstream("127.0.0.1:8080", {end});
    EXPECT_EQ(ask(socks, request("\x7f\0\0\1"s, 8080)).output, succeeded);
    EXPECT_EQ(ask(socks, request("\x7f\0\0\1"s, 80)).output, refusal(2));
    EXPECT_EQ(ask(socks, request("\xc6\x33\x64\7", 8080)).output, refusal(2));
}

TEST(Connect, ADestinationThatTakesNothingIsNoUpstream) {
    Plugin socks;
    socks.upstream("198.51.100.7:80", {reset});
    EXPECT_EQ(ask(socks, request("\xc6\x33\x64\7", 80)).reason, "upstream_reset");
}

TEST(Connect, AHostWithoutUpstreamsIsAGeneralFailure) {
    Plugin socks({}, Extensions::none);
    EXPECT_EQ(ask(socks, request("\xc6\x33\x64\7", 80)).output, refusal(1));
    EXPECT_EQ(ask(socks, request_name("example.com", 80)).output, refusal(1));
}

} // namespace
