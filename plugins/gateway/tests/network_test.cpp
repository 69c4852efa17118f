#include "network.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gateway {
namespace {

bool within(const std::string& network, const std::string& address) {
    const auto parsed = parse_network(network);
    EXPECT_TRUE(parsed) << network;
    return parsed && is_within({*parsed}, address);
}

TEST(Network, HasTheAddressesOfItsLength) {
    EXPECT_TRUE(within("10.8.0.0/16", "10.8.0.0:1"));
    EXPECT_TRUE(within("10.8.0.0/16", "10.8.255.255:443"));
    EXPECT_FALSE(within("10.8.0.0/16", "10.9.0.0:443"));
    EXPECT_TRUE(within("10.8.0.0/13", "10.15.1.1:443"));
    EXPECT_FALSE(within("10.8.0.0/13", "10.16.1.1:443"));
    EXPECT_TRUE(within("10.8.0.1", "10.8.0.1:443"));
    EXPECT_FALSE(within("10.8.0.1", "10.8.0.2:443"));
    EXPECT_TRUE(within("0.0.0.0/0", "192.0.2.1:443"));
    EXPECT_TRUE(within("2001:db8::/32", "[2001:db8:1::1]:443"));
    EXPECT_FALSE(within("2001:db8::/32", "[2001:db9::1]:443"));
    EXPECT_TRUE(within("fe80::/10", "[fe80::1%eth0]:443"));
}

// An address has two forms, and a list must not be got around by the other one.
TEST(Network, KnowsAnIPv4AddressInBothForms) {
    EXPECT_TRUE(within("10.8.0.0/16", "[::ffff:10.8.0.1]:443"));
    EXPECT_FALSE(within("10.8.0.0/16", "[::ffff:10.9.0.1]:443"));
    EXPECT_TRUE(within("::ffff:10.8.0.0/112", "10.8.0.1:443"));
    EXPECT_FALSE(within("0.0.0.0/0", "[2001:db8::1]:443"));
}

TEST(Network, NothingElseIsWithinOne) {
    for (const std::string address : {"unix:/run/a", "name.example:443", "", ":443"})
        EXPECT_FALSE(within("0.0.0.0/0", address) || within("::/0", address)) << address;
}

TEST(Network, RefusesWhatIsNone) {
    for (const std::string bad :
         {"", "/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x", "10.0.0.0/-1", "10.0.0.1/8", "::/129", "10.0.0", "name"})
        EXPECT_FALSE(parse_network(bad)) << bad;
}

} // namespace
} // namespace gateway
