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

// Hexadecimal, with blanks between the fields.
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

const ProxyProtocol v2_tls{.version = 2, .alpn = true, .authority = true, .tls = true};

TEST(ProxyHeader, Tls) {
    const ClientTls tls{
        .version = "TLSv1.3", .cipher = "AES", .sni = "a.example", .alpn = "h2", .subject = {}, .alternative_names = {}};
    EXPECT_EQ(hex(proxy_header(v2_tls, "", "", "", tls)),
              plain(signature + "21 00 0029  01 0002 6832  02 0009 612e6578616d706c65"
                                "20 0015 01 00000001  21 0007 544c5376312e33  23 0003 414553"));
    ProxyProtocol all = v2_tls;
    all.unique_id = all.crc32c = true;
    const std::string header = hex(proxy_header(all, "", "", "id", tls));
    EXPECT_TRUE(header.starts_with(plain(signature + "21 00 0035  01 0002 6832  02 0009 612e6578616d706c65  05 0002 6964  20")))
        << header;
    EXPECT_EQ(header.substr(header.size() - 14, 6), "030004") << "the checksum comes last";
}

TEST(ProxyHeader, TlsWithAClientsCertificate) {
    const ProxyProtocol protocol{.version = 2, .tls = true};
    ClientTls tls{
        .version = "TLSv1.2", .cipher = "AES", .sni = "a", .alpn = "b", .subject = "CN=alice,O=x", .alternative_names = {}};
    EXPECT_EQ(hex(proxy_header(protocol, "", "", "", tls)),
              plain(signature + "21 00 0020  20 001d 05 00000000  21 0007 544c5376312e32  22 0005 616c696365  23 0003 414553"));
    tls.subject = "O=x";
    const std::string without_name =
        plain(signature + "21 00 0018  20 0015 05 00000000  21 0007 544c5376312e32  23 0003 414553");
    EXPECT_EQ(hex(proxy_header(protocol, "", "", "", tls)), without_name);
    tls.subject = "";
    tls.alternative_names = "URI:spiffe://a";
    EXPECT_EQ(hex(proxy_header(protocol, "", "", "", tls)), without_name);
}

TEST(ProxyHeader, WithoutTlsThereIsNothingToSayOfIt) {
    EXPECT_EQ(hex(proxy_header(v2_tls, "", "", "")), plain(signature + "21 00 0000"));
    const ClientTls bare{.version = "TLSv1.3", .cipher = {}, .sni = {}, .alpn = {}, .subject = {}, .alternative_names = {}};
    EXPECT_EQ(hex(proxy_header(v2_tls, "", "", "", bare)),
              plain(signature + "21 00 0012  20 000f 01 00000001  21 0007 544c5376312e33"));
    EXPECT_EQ(proxy_header(v1, "", "", "", bare), "PROXY UNKNOWN\r\n");
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
