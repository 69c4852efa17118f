#include "wire/protocol_pattern.hpp"

#include "samples.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace gatehouse::host {
namespace {

using namespace samples;

Match probe(std::string_view pattern, std::string_view text) { return find_protocol_pattern(pattern)->probe(bytes(text)); }

// What clients really send first.
const std::multimap<std::string, std::string>& greetings() {
    static const std::multimap<std::string, std::string> all{
        {"http", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"http", "OPTIONS * HTTP/1.1\r\n"},
        {"http", "CONNECT a:443 HTTP/1.1\r\n"},
        {"http", "GET http://a/ HTTP/1.1\r\n"},
        {"http", "VERSION-CONTROL /a HTTP/1.1\r\n"},
        {"http", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
        {"postgresql", std::string("\0\0\0\x08\x04\xd2\x16\x2f", 8)},                      // SSLRequest
        {"postgresql", std::string("\0\0\0\x08\x04\xd2\x16\x30", 8)},                      // GSSENCRequest
        {"postgresql", std::string("\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02", 16)}, // CancelRequest
        {"postgresql", number(17, 4) + std::string("\0\x03\0\0user\0me\0\0", 13)},         // StartupMessage
        {"redis", "*1\r\n$7\r\nCOMMAND\r\n"},
        {"redis", "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n"},
        {"socks5", std::string("\x05\x01\x00", 3)},
        {"socks5", std::string("\x05\x02\x00\x02", 4)},
        {"ssh", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"},
        {"ssh", "SSH-1.99-old\r\n"},
        {"tls", usual_hello},
    };
    return all;
}

TEST(ProtocolPattern, EachKnowsItsOwnAndNoOther) {
    for (const auto& [name, greeting] : greetings())
        for (const ProtocolPattern& pattern : protocol_patterns())
            EXPECT_EQ(pattern.probe(bytes(greeting)), pattern.name == name ? Match::yes : Match::no)
                << pattern.name << ": " << greeting;
}

TEST(ProtocolPattern, AsksForMoreUntilItKnows) {
    for (const auto& [name, greeting] : greetings()) {
        Match last = Match::more;
        for (std::size_t size = 0; size <= greeting.size(); ++size) {
            const Match now = probe(name, greeting.substr(0, size));
            EXPECT_NE(now, Match::no) << name << " at " << size;
            EXPECT_TRUE(last == Match::more || now == Match::yes) << name << " at " << size;
            last = now;
        }
    }
}

TEST(ProtocolPattern, AnswersOnceAndForAll) {
    std::mt19937 random(20240607);
    std::vector<std::string> texts;
    for (const auto& [name, greeting] : greetings()) texts.push_back(greeting);
    for (int round = 0; round < 20'000; ++round) {
        std::string text = texts[random() % texts.size()].substr(0, 64);
        text[random() % std::min<std::size_t>(text.size(), 16)] = static_cast<char>(random());
        for (const ProtocolPattern& pattern : protocol_patterns()) {
            Match last = Match::more;
            for (std::size_t size = 0; size <= text.size(); ++size) {
                const std::vector<char> exact(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
                const Match now = pattern.probe(bytes({exact.data(), exact.size()}));
                ASSERT_TRUE(last == Match::more || now == last) << pattern.name << " at " << size;
                last = now;
            }
        }
    }
}

TEST(ProtocolPattern, LooksNoFurtherThanItHasTo) {
    EXPECT_EQ(probe("http", std::string(21, 'A')), Match::no);
    EXPECT_EQ(probe("http", "get / HTTP/1.1"), Match::no);
    EXPECT_EQ(probe("http", "GET key\r\n"), Match::no); // Redis, inline
    EXPECT_EQ(probe("http", "GET  / HTTP/1.1"), Match::no);
    EXPECT_EQ(probe("redis", "*0\r\n$"), Match::no);
    EXPECT_EQ(probe("redis", "*12345678"), Match::no);
    EXPECT_EQ(probe("redis", "PING\r\n"), Match::no);
    EXPECT_EQ(probe("socks5", std::string("\x05\x00", 2)), Match::no);
    EXPECT_EQ(probe("socks5", "\x04\x01"), Match::no);
    EXPECT_EQ(probe("ssh", "SSH-1.5-a"), Match::no);
    EXPECT_EQ(probe("tls", std::string("\x16\x03\x01\x00\x10\x02", 6)), Match::no);
    EXPECT_EQ(probe("postgresql", std::string("\0\0\0\x09\x04\xd2\x16\x2f", 8)), Match::no);
    EXPECT_EQ(probe("postgresql", number(10'001, 4) + std::string("\0\x03\0\0", 4)), Match::no);
    EXPECT_EQ(probe("postgresql", number(9, 4) + std::string("\0\x02\0\0", 4)), Match::no);
}

TEST(ProtocolPattern, UnknownNames) { EXPECT_EQ(find_protocol_pattern("gopher"), nullptr); }

} // namespace
} // namespace gatehouse::host
