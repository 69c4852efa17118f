#include "proxy_header.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <string>

using namespace gateway;

namespace {

const ProxyProtocol v1{.version = 1};
const ProxyProtocol v2{.version = 2};

std::string hex(std::string_view bytes) {
    static constexpr const char* digits = "0123456789abcdef";
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        text += {digits[byte >> 4U], digits[byte & 15U]};
    }
    return text;
}

// Hexadecimal with blanks between what belongs together.
std::string plain(std::string text) {
    std::erase_if(text, [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; });
    return text;
}

const std::string signature = "0d0a0d0a000d0a515549540a";

TEST(ProxyHeader, NoneIfThereIsNoVersion) {
    EXPECT_EQ(proxy_header({}, "192.0.2.1:40123", "198.51.100.2:443", "id"), "");
    EXPECT_EQ(proxy_header_for_checks({}), "");
}

TEST(ProxyHeader, Version1) {
    EXPECT_EQ(proxy_header(v1, "192.0.2.1:40123", "198.51.100.2:443", ""), "PROXY TCP4 192.0.2.1 198.51.100.2 40123 443\r\n");
    EXPECT_EQ(proxy_header(v1, "[2001:db8::1]:40123", "[2001:db8::2]:443", ""),
              "PROXY TCP6 2001:db8::1 2001:db8::2 40123 443\r\n");
}

// The worst case of the specification for TCP over IPv6.
TEST(ProxyHeader, Version1AtItsLongest) {
    const std::string longest = "[1111:2222:3333:4444:5555:6666:7777:8888]:65535";
    const std::string header = proxy_header(v1, longest, longest, "");
    EXPECT_EQ(header.size(), 104U);
    EXPECT_TRUE(header.ends_with(" 65535 65535\r\n"));
}

TEST(ProxyHeader, Version1HasNoWordsForOthers) {
    EXPECT_EQ(proxy_header(v1, "unix:", "unix:/run/x", ""), "PROXY UNKNOWN\r\n");
    EXPECT_EQ(proxy_header(v1, "", "198.51.100.2:443", ""), "PROXY UNKNOWN\r\n");
    EXPECT_EQ(proxy_header(v1, "192.0.2.1:40123", "", ""), "PROXY UNKNOWN\r\n");
    EXPECT_EQ(proxy_header(v1, "nonsense", "more:80", ""), "PROXY UNKNOWN\r\n");
}

TEST(ProxyHeader, IPv4InIPv6IsIPv4) {
    EXPECT_EQ(proxy_header(v1, "[::ffff:192.0.2.1]:40123", "[::ffff:198.51.100.2]:443", ""),
              "PROXY TCP4 192.0.2.1 198.51.100.2 40123 443\r\n");
    EXPECT_EQ(proxy_header(v1, "192.0.2.1:40123", "[::ffff:198.51.100.2]:443", ""),
              "PROXY TCP4 192.0.2.1 198.51.100.2 40123 443\r\n");
}

TEST(ProxyHeader, AMixtureIsIPv6) {
    EXPECT_EQ(proxy_header(v1, "192.0.2.1:40123", "[2001:db8::2]:443", ""),
              "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 40123 443\r\n");
}

TEST(ProxyHeader, TheZoneOfAnAddressStaysHere) {
    EXPECT_EQ(proxy_header(v1, "[fe80::1%eth0]:1", "[fe80::2%eth0]:2", ""), "PROXY TCP6 fe80::1 fe80::2 1 2\r\n");
}

TEST(ProxyHeader, Version2OverIPv4) {
    EXPECT_EQ(hex(proxy_header(v2, "192.0.2.1:40123", "198.51.100.2:443", "id")),
              plain(signature + "21 11 000c  c0000201 c6336402 9cbb 01bb"));
    EXPECT_EQ(proxy_header(v2, "[::ffff:192.0.2.1]:40123", "[::ffff:198.51.100.2]:443", ""),
              proxy_header(v2, "192.0.2.1:40123", "198.51.100.2:443", ""));
}

TEST(ProxyHeader, Version2OverIPv6) {
    EXPECT_EQ(hex(proxy_header(v2, "[2001:db8::1]:40123", "[2001:db8::2]:443", "")),
              plain(signature + "21 21 0024"
                                "20010db8000000000000000000000001"
                                "20010db8000000000000000000000002 9cbb 01bb"));
}

TEST(ProxyHeader, Version2OverUnixSockets) {
    const std::string header = proxy_header(v2, "unix:", "unix:/run/x", "");
    EXPECT_EQ(hex(header.substr(0, 16)), plain(signature + "21 31 00d8"));
    EXPECT_EQ(header.substr(16), std::string(108, '\0') + "/run/x" + std::string(102, '\0'));
    const std::string abstract = proxy_header(v2, "unix:@client", "unix:@server", "");
    EXPECT_EQ(abstract.substr(16, 8), std::string("\0client\0", 8));
    EXPECT_EQ(abstract.size(), 16U + 216U);
}

TEST(ProxyHeader, Version2OfWhatIsNotKnown) {
    EXPECT_EQ(hex(proxy_header(v2, "", "", "")), plain(signature + "21 00 0000"));
    EXPECT_EQ(hex(proxy_header(v2, "unix:", "192.0.2.1:80", "")), plain(signature + "21 00 0000"));
}

TEST(ProxyHeader, UniqueId) {
    const ProxyProtocol protocol{.version = 2, .unique_id = true};
    EXPECT_EQ(hex(proxy_header(protocol, "192.0.2.1:40123", "198.51.100.2:443", "abc-1")),
              plain(signature + "21 11 0014  c0000201 c6336402 9cbb 01bb  05 0005 6162632d31"));
    EXPECT_EQ(hex(proxy_header(protocol, "", "", "x")), plain(signature + "21 00 0004  05 0001 78"));
}

// 2.2.3: over the whole header, with zeros in the checksum's place.
TEST(ProxyHeader, Checksum) {
    const ProxyProtocol protocol{.version = 2, .unique_id = true, .crc32c = true};
    std::string header = proxy_header(protocol, "192.0.2.1:40123", "198.51.100.2:443", "id");
    ASSERT_EQ(header.size(), 16U + 12U + 5U + 7U);
    EXPECT_EQ(hex(header.substr(12, 4)), plain("21 11 0018"));
    EXPECT_EQ(hex(header.substr(28, 8)), plain("05 0002 6964  03 0004"));
    const std::string sum = hex(header.substr(36));
    header.replace(36, 4, 4, '\0');
    char expected[9];
    std::snprintf(expected, sizeof expected, "%08x", crc32c(header));
    EXPECT_EQ(sum, expected);
}

// RFC 3720 B.4.
TEST(ProxyHeader, Crc32c) {
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
    EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
    EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
    EXPECT_EQ(crc32c(""), 0U);
}

TEST(ProxyHeader, ChecksAreTheGatewaysOwn) {
    EXPECT_EQ(proxy_header_for_checks(v1), "PROXY UNKNOWN\r\n");
    EXPECT_EQ(hex(proxy_header_for_checks({.version = 2, .unique_id = true, .crc32c = true})), plain(signature + "20 00 0000"));
}

} // namespace
