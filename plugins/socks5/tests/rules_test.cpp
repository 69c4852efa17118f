// Where clients may go: the rules by themselves.
#include "rules.hpp"

#include <gtest/gtest.h>

using namespace socks5;

namespace {

bool allowed(const Rules& rules, std::string_view endpoint) { return rules.allow(parse_endpoint(endpoint).value()); }

Rules rules(std::initializer_list<std::string_view> allow, std::initializer_list<std::string_view> deny = {}) {
    Rules made;
    for (const std::string_view text : allow) EXPECT_EQ(made.add(text, Rules::Action::allow), "");
    for (const std::string_view text : deny) EXPECT_EQ(made.add(text, Rules::Action::deny), "");
    return made;
}

TEST(Rules, AllowThePublicNetworkAlone) {
    const Rules none;
    for (const std::string_view address :
         {"1.1.1.1:53", "9.255.255.255:1", "11.0.0.0:1", "100.63.255.255:1", "100.128.0.0:1", "128.0.0.0:1", "172.15.255.255:1",
          "172.32.0.0:1", "192.167.255.255:1", "192.169.0.0:1", "223.255.255.255:65535", "[2001:db8::1]:1", "[2003::1]:1",
          "[2606:4700::1111]:443", "[64:ff9a::1]:1"})
        EXPECT_TRUE(allowed(none, address)) << address;
    for (const std::string_view address : {"0.0.0.0:80",
                                           "0.1.2.3:80",
                                           "10.0.0.0:80",
                                           "10.255.255.255:80",
                                           "100.64.0.1:80",
                                           "127.0.0.1:80",
                                           "127.255.255.255:80",
                                           "169.254.169.254:80",
                                           "172.16.0.0:80",
                                           "172.31.255.255:80",
                                           "192.168.0.1:80",
                                           "192.168.255.255:80",
                                           "198.18.0.1:80",
                                           "224.0.0.1:80",
                                           "239.255.255.255:80",
                                           "255.255.255.255:80",
                                           "[::]:80",
                                           "[::1]:80",
                                           "[::127.0.0.1]:80",
                                           "[::1.1.1.1]:80",
                                           "[::ffff:127.0.0.1]:80",
                                           "[::ffff:1.1.1.1]:80",
                                           "[::ffff:0:7f00:1]:80",
                                           "[64:ff9b::7f00:1]:80",
                                           "[64:ff9b::101:101]:80",
                                           "[64:ff9b:1::1]:80",
                                           "[2002:7f00:1::]:80",
                                           "[2002:101:101::1]:80",
                                           "[2001:0:1::1]:80",
                                           "[fc00::1]:80",
                                           "[fdff::1]:80",
                                           "[fe80::1]:80",
                                           "[febf::1]:80",
                                           "[fec0::1]:80",
                                           "[ff02::1]:80"})
        EXPECT_FALSE(allowed(none, address)) << address;
}

TEST(Rules, PortZeroIsNoDestination) { EXPECT_FALSE(allowed(rules({"*"}), "1.1.1.1:0")); }

TEST(Rules, TheLongestPrefixDecides) {
    const Rules some = rules({"10.0.0.0/8", "10.1.2.0/24"}, {"10.1.0.0/16", "203.0.113.0/24", "2001:db8::/32"});
    EXPECT_TRUE(allowed(some, "10.2.0.1:22"));
    EXPECT_FALSE(allowed(some, "10.1.3.1:22"));
    EXPECT_TRUE(allowed(some, "10.1.2.1:22"));
    EXPECT_FALSE(allowed(some, "203.0.113.9:22"));
    EXPECT_FALSE(allowed(some, "[2001:db8:ffff::1]:22"));
    EXPECT_TRUE(allowed(some, "[2001:db9::1]:22"));
    EXPECT_FALSE(allowed(some, "192.168.0.1:22")) << "not opened";
}

TEST(Rules, OfTheSamePrefixTheConfiguredOnesAndThoseThatDenyGoFirst) {
    EXPECT_TRUE(allowed(rules({"127.0.0.0/8"}), "127.0.0.1:1"));
    EXPECT_FALSE(allowed(rules({"127.0.0.0/8"}, {"127.0.0.0/8"}), "127.0.0.1:1"));
    EXPECT_FALSE(allowed(rules({}, {"*"}), "1.1.1.1:1"));
    EXPECT_FALSE(allowed(rules({}, {"*"}), "[2003::1]:1"));
    EXPECT_FALSE(allowed(rules({"*"}), "127.0.0.1:1")) << "the longer built-in rule holds";
}

TEST(Rules, AClosedProxyOpensWhatItNames) {
    const Rules some = rules({"203.0.113.5:443", "[2001:db8::/32]:80-81,443"}, {"*"});
    EXPECT_TRUE(allowed(some, "203.0.113.5:443"));
    EXPECT_FALSE(allowed(some, "203.0.113.5:80"));
    EXPECT_FALSE(allowed(some, "203.0.113.6:443"));
    EXPECT_TRUE(allowed(some, "[2001:db8::9]:81"));
    EXPECT_TRUE(allowed(some, "[2001:db8::9]:443"));
    EXPECT_FALSE(allowed(some, "[2001:db8::9]:82"));
}

TEST(Rules, PortsAreNumbersAndRanges) {
    const Rules some = rules({"10.0.0.1:22,8000-8999"}, {"*:25"});
    for (const std::string_view good : {"10.0.0.1:22", "10.0.0.1:8000", "10.0.0.1:8999", "1.1.1.1:26", "[2003::1]:24"})
        EXPECT_TRUE(allowed(some, good)) << good;
    for (const std::string_view bad : {"10.0.0.1:23", "10.0.0.1:7999", "10.0.0.1:9000", "1.1.1.1:25", "[2003::1]:25"})
        EXPECT_FALSE(allowed(some, bad)) << bad;
}

// Opening a translator's prefix does not open what lies behind it.
TEST(Rules, TheIpv4AddressInAnIpv6AddressIsJudgedAsWell) {
    const Rules some = rules({"64:ff9b::/96", "2002::/16", "::ffff:0:0/96", "2001::/32", "10.0.0.0/8"});
    for (const std::string_view good : {"[64:ff9b::1.1.1.1]:80", "[2002:101:101::1]:80", "[::ffff:1.1.1.1]:80",
                                        "[::ffff:10.0.0.1]:80", "[2001:0:0:0:0:0:fefe:fefe]:80"})
        EXPECT_TRUE(allowed(some, good)) << good;
    for (const std::string_view bad : {"[64:ff9b::127.0.0.1]:80", "[2002:7f00:1::1]:80", "[::ffff:169.254.169.254]:80",
                                       "[2001:0:0:0:0:0:80ff:fffe]:80", "[::ffff:192.168.0.1]:80"})
        EXPECT_FALSE(allowed(some, bad)) << bad;
    EXPECT_TRUE(allowed(rules({"::1"}), "[::1]:80")) << "which is not 0.0.0.1";
}

TEST(Rules, EveryPrefixLengthEndsAtItsBit) {
    for (unsigned prefix = 1; prefix <= 32; ++prefix) {
        const auto network = parse_network("255.255.255.255/" + std::to_string(prefix));
        IpAddress other;
        other.bytes = {255, 255, 255, 255};
        EXPECT_TRUE(network->contains(other));
        other.bytes[(prefix - 1) / 8] ^= static_cast<std::uint8_t>(0x80U >> (prefix - 1) % 8);
        EXPECT_FALSE(network->contains(other)) << prefix;
    }
}

TEST(Rules, AnIpv6NetworkMayEndWithAColon) { EXPECT_TRUE(allowed(rules({"fd00::"}), "[fd00::]:1")); }

TEST(Rules, SayWhatIsWrongWithThem) {
    Rules some;
    for (const std::string bad :
         {"", "x", "localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::/129", "[::1", "fd00::/8:22"})
        EXPECT_EQ(
            some.add(bad, Rules::Action::allow),
            "\"" + bad +
                "\" is not a network (expected one such as \"10.0.0.0/8\", \"10.0.0.1:22\", \"[fd00::/8]:443\" or \"*\")");
    for (const std::string bad : {"10.0.0.1:", "*:0", "*:65536", "*:2-1", "*:1,", "*:a", "*:1-", "[::1]:"})
        EXPECT_EQ(some.add(bad, Rules::Action::deny),
                  "\"" + bad + "\" has wrong ports (expected numbers and ranges, such as \":22,8000-8999\")");
    EXPECT_EQ(some.add("10.0.0.1/8", Rules::Action::deny),
              "\"10.0.0.1/8\" has bits set behind its prefix: write the network's first address, or no prefix");
}

} // namespace
