#include "wire/proxy_header.hpp"

#include "samples.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace gatehouse::host {
namespace {

using namespace samples;
using What = ProxyParse::What;

ProxyParse parse_header(std::string_view text) { return parse_proxy_header(bytes(text)); }

std::string problem_in(std::string_view text) {
    const ProxyParse result = parse_header(text);
    return result.what == What::bad ? result.problem : result.what == What::more ? "more" : "whole";
}

// With its checksum put in: `at` is where its four bytes stand.
std::string with_checksum(std::string header) {
    const std::size_t at = header.rfind(tlv(3, std::string(4, '\0'))) + 3;
    return header.replace(at, 4, number(crc32c(bytes(header)), 4));
}

const std::string everything =
    with_checksum(proxy_v2(0x21, 0x11,
                           v4_addresses + tlv(1, "h2") + tlv(2, "www.example.org") + tlv(4, "pad") + tlv(5, "id-1") +
                               tlv(0x20, "\x07" + std::string(4, '\0') + tlv(0x21, "TLSv1.3") + tlv(0x22, "alice") +
                                             tlv(0x23, "TLS_AES_128_GCM_SHA256") + tlv(0x24, "SHA256") + tlv(0x25, "RSA2048")) +
                               tlv(0x30, "netns") + tlv(0xee, "unknown") + tlv(3, std::string(4, '\0'))));

TEST(ProxyHeaderV1, Tcp4) {
    const ProxyParse result = parse_header("PROXY TCP4 192.0.2.1 198.51.100.2 40000 443\r\nGET /");
    ASSERT_EQ(result.what, What::whole);
    EXPECT_EQ(result.header.size, 45U);
    EXPECT_FALSE(result.header.local);
    EXPECT_EQ(to_string(result.header.source), "192.0.2.1:40000");
    EXPECT_EQ(to_string(result.header.destination), "198.51.100.2:443");
}

TEST(ProxyHeaderV1, Tcp6) {
    const ProxyParse result = parse_header("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n");
    ASSERT_EQ(result.what, What::whole);
    EXPECT_EQ(to_string(result.header.source), "[2001:db8::1]:1");
    EXPECT_EQ(to_string(result.header.destination), "[2001:db8::2]:65535");
}

TEST(ProxyHeaderV1, UnknownIsLocalWhateverFollows) {
    for (const char* text : {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff:: garbage 1 2 3 4 5\r\n"}) {
        const ProxyParse result = parse_header(text);
        ASSERT_EQ(result.what, What::whole) << text;
        EXPECT_TRUE(result.header.local);
        EXPECT_EQ(result.header.source.size, 0U);
    }
}

TEST(ProxyHeaderV1, TheLongestLineIsRead) {
    const std::string longest = "PROXY UNKNOWN " + std::string(91, 'x') + "\r\n";
    ASSERT_EQ(longest.size(), 107U);
    EXPECT_EQ(problem_in(longest), "whole");
    EXPECT_EQ(problem_in(longest.substr(0, 106)), "more");
    EXPECT_EQ(problem_in("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n"), "no end of line within 107 bytes");
}

TEST(ProxyHeaderV1, SaysWhatIsWrong) {
    const std::string source = "a source address or port that is none";
    const std::string destination = "a destination address or port that is none";
    const std::vector<std::pair<std::string, std::string>> cases{
        {"GET / HTTP/1.1\r\n", "something else than a PROXY header"},
        {"PROXX", "something else than a PROXY header"},
        {"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", "a line that does not end with CR LF"},
        {"PROXY \r\n", "a protocol that is not TCP4, TCP6 or UNKNOWN"},
        {"PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", "a protocol that is not TCP4, TCP6 or UNKNOWN"},
        {"PROXY TCP4\r\n", source},
        {"PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n", source},
        {"PROXY TCP4 ::1 1.2.3.4 1 2\r\n", source},
        {"PROXY TCP6 1.2.3.4 ::1 1 2\r\n", source},
        {"PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n", source},
        {"PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n", source},
        {"PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n", source},
        {"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", destination},
        {"PROXY TCP4 1.2.3.4 1.2.3 1 2\r\n", destination},
        {"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", destination},
        {"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n", destination},
    };
    for (const auto& [text, expected] : cases) EXPECT_EQ(problem_in(text), expected) << text;
    EXPECT_EQ(problem_in(std::string("PROXY TCP4 1.2.3.4\0 1.2.3.4 1 2\r\n", 33)), source);
}

TEST(ProxyHeaderV2, EverythingThatAHeaderMaySay) {
    const std::string bytes = everything + "GET /"; // what is found points into it
    const ProxyParse result = parse_header(bytes);
    ASSERT_EQ(result.what, What::whole);
    const ProxyHeader& header = result.header;
    EXPECT_EQ(header.size, everything.size());
    EXPECT_EQ(to_string(header.source), "192.0.2.1:40000");
    EXPECT_EQ(to_string(header.destination), "198.51.100.2:443");
    EXPECT_EQ(header.alpn, "h2");
    EXPECT_EQ(header.authority, "www.example.org");
    EXPECT_EQ(header.unique_id, "id-1");
    ASSERT_TRUE(header.tls);
    EXPECT_TRUE(header.tls->encrypted && header.tls->certificate && header.tls->verified);
    EXPECT_EQ(header.tls->version, "TLSv1.3");
    EXPECT_EQ(header.tls->subject, "alice");
    EXPECT_EQ(header.tls->cipher, "TLS_AES_128_GCM_SHA256");
    EXPECT_EQ(header.tls->signature, "SHA256");
    EXPECT_EQ(header.tls->key, "RSA2048");
}

TEST(ProxyHeaderV2, Tcp6AndUnix) {
    const std::string v6 = number(0x20010db8, 4) + std::string(11, '\0') + "\x01" + number(0x20010db8, 4) +
                           std::string(11, '\0') + "\x02" + number(1, 2) + number(2, 2);
    const ProxyParse six = parse_header(proxy_v2(0x21, 0x21, v6));
    ASSERT_EQ(six.what, What::whole);
    EXPECT_EQ(to_string(six.header.source), "[2001:db8::1]:1");
    EXPECT_EQ(to_string(six.header.destination), "[2001:db8::2]:2");

    std::string paths(216, '\0');
    paths.replace(0, 6, "/run/a");
    paths.replace(108, 108, std::string(108, 'b'));
    const ProxyParse unix_socket = parse_header(proxy_v2(0x21, 0x31, paths));
    ASSERT_EQ(unix_socket.what, What::whole);
    EXPECT_EQ(to_string(unix_socket.header.source), "unix:/run/a");
    EXPECT_EQ(to_string(unix_socket.header.destination), "unix:" + std::string(108, 'b'));
    EXPECT_EQ(to_string(parse_header(proxy_v2(0x21, 0x31, std::string(216, '\0'))).header.source), "unix:");
}

TEST(ProxyHeaderV2, LocalAndUnspecifiedDiscardTheRest) {
    std::vector<std::string> headers{proxy_v2(0x20, 0x00, ""), proxy_v2(0x20, 0x11, "xx"), proxy_v2(0x20, 0x00, "garbage"),
                                     proxy_v2(0x21, 0x00, "garbage"),
                                     proxy_v2(0x20, 0x11, v4_addresses + tlv(3, "bad checksum"))};
    for (std::size_t family = 0; family < 256; ++family) headers.push_back(proxy_v2(0x20, family, ""));
    for (const std::string& header : headers) {
        for (std::size_t size = 0; size < header.size(); ++size) ASSERT_EQ(problem_in(header.substr(0, size)), "more") << size;
        const ProxyParse result = parse_header(header + "rest");
        ASSERT_EQ(result.what, What::whole);
        EXPECT_TRUE(result.header.local);
        EXPECT_EQ(result.header.size, header.size());
    }
}

TEST(ProxyHeaderV2, SaysWhatIsWrong) {
    const auto proxy = [](const std::string& tlvs) { return proxy_v2(0x21, 0x11, v4_addresses + tlvs); };
    EXPECT_EQ(problem_in(proxy_v2(0x11, 0x11, v4_addresses)), "a version that is not 2");
    EXPECT_EQ(problem_in(proxy_v2(0x22, 0x11, v4_addresses)), "a command that is not LOCAL or PROXY");
    EXPECT_EQ(problem_in(proxy_v2(0x21, 0x41, v4_addresses)), "an address family or transport that is not defined");
    EXPECT_EQ(problem_in(proxy_v2(0x21, 0x13, v4_addresses)), "an address family or transport that is not defined");
    EXPECT_EQ(problem_in(proxy_v2(0x21, 0x11, v4_addresses.substr(1))), "a length that is too short for its addresses");
    EXPECT_EQ(problem_in(proxy_v2(0x20, 0x11, std::string(4081, 'x'))), "a header of more than 4096 bytes");
    EXPECT_EQ(problem_in(proxy_v2(0x20, 0x11, std::string(4080, 'x'))), "whole");
    EXPECT_EQ(problem_in(proxy("\x04")), "a field that is cut short");
    EXPECT_EQ(problem_in(proxy(std::string("\x04\x00\x01", 3))), "a field that is cut short");
    EXPECT_EQ(problem_in(proxy(tlv(1, std::string(256, 'x')))), "an ALPN of more than 255 bytes");
    EXPECT_EQ(problem_in(proxy(tlv(2, std::string(256, 'x')))), "an authority of more than 255 bytes");
    EXPECT_EQ(problem_in(proxy(tlv(5, std::string(129, 'x')))), "a unique id of more than 128 bytes");
    EXPECT_EQ(problem_in(proxy(tlv(5, std::string(128, 'x')))), "whole");
    EXPECT_EQ(problem_in(proxy(tlv(3, "abc"))), "a checksum that is wrong");
    EXPECT_EQ(problem_in(proxy(tlv(3, "abcd"))), "a checksum that is wrong");
    EXPECT_EQ(problem_in(proxy(tlv(0x20, "\x01"))), "a TLS field that is cut short");
    EXPECT_EQ(problem_in(proxy(tlv(0x20, "\x01" + std::string(4, '\0') + "\x21"))), "a TLS field that is cut short");
    EXPECT_EQ(problem_in(proxy(tlv(0x20, "\x01" + std::string(4, '\0') + tlv(0x22, std::string(256, 'x'))))),
              "a TLS field that is cut short");
}

TEST(ProxyHeaderV2, TheChecksumGuardsEveryByte) {
    const std::size_t type = everything.size() - 7; // of the checksum's field itself, which could be another
    for (std::size_t i = 0; i < everything.size(); ++i) {
        if (i == type) continue;
        std::string changed = everything;
        changed[i] = static_cast<char>(changed[i] ^ 0x01);
        const ProxyParse result = parse_header(changed + std::string(300, 'x'));
        // Byte 12's lowest bit makes LOCAL of PROXY, and what is not a PROXY command is not looked at.
        EXPECT_TRUE(result.what != What::whole || i == 12) << i;
    }
}

TEST(ProxyHeader, Crc32c) { EXPECT_EQ(crc32c(bytes("123456789")), 0xe3069283U); } // the usual check value

const std::vector<std::string>& valid_headers() {
    static const std::vector<std::string> headers{"PROXY TCP4 192.0.2.1 198.51.100.2 40000 443\r\n",
                                                  "PROXY TCP6 2001:db8::1 ::2 1 65535\r\n",
                                                  "PROXY UNKNOWN\r\n",
                                                  everything,
                                                  proxy_v2(0x20, 0, ""),
                                                  proxy_v2(0x21, 0x11, v4_addresses)};
    return headers;
}

TEST(ProxyHeader, EveryPrefixNeedsMoreAndNothingBehindItIsTaken) {
    for (const std::string& header : valid_headers()) {
        for (std::size_t size = 0; size < header.size(); ++size)
            ASSERT_EQ(problem_in(header.substr(0, size)), "more") << header << " at " << size;
        for (const std::string& behind : {std::string(), std::string("GET / HTTP/1.1\r\n"), header, std::string(5000, '\r')})
            ASSERT_EQ(parse_header(header + behind).header.size, header.size());
    }
}

// What is refused stays refused, and what is whole stays as it is, whatever follows; and nothing reads beyond the bytes (asan).
TEST(ProxyHeader, AnswersOnceAndForAll) {
    std::mt19937 random(20240607);
    for (int round = 0; round < 20'000; ++round) {
        std::string text = valid_headers()[random() % valid_headers().size()];
        for (unsigned changes = random() % 4; changes > 0; --changes)
            text[random() % text.size()] = static_cast<char>(random());
        What last = What::more;
        for (std::size_t size = 0; size <= text.size(); ++size) {
            const std::vector<char> exact(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
            const What now = parse_header({exact.data(), exact.size()}).what;
            ASSERT_TRUE(last == What::more || now == last) << size;
            last = now;
        }
    }
}

} // namespace
} // namespace gatehouse::host
