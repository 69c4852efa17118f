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
        {"http", "\r\nGET / HTTP/1.1\r\n"},
        {"http", "RPC_IN_DATA /rpc/rpcproxy.dll HTTP/1.1\r\n"},
        {"http", "GET HTTPS://a/ HTTP/1.0\r\n"},
        {"http", "GET /\xc3\xbc HTTP/1.1\r\n"},
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

// So a connection does not wait for bytes that cannot help.
TEST(ProtocolPattern, AsksForMoreOnlyIfThatMayHelp) {
    std::mt19937 random(20240608);
    std::vector<std::string> texts{"OPTIONS *", "CONNECT ", "PRI ",  "\r", "AAAAAAAAAAAAAAAAAAAA",
                                   "*1048576",  "*104857",  "\5\xff"};
    for (const auto& [name, greeting] : greetings()) texts.push_back(greeting);
    for (int round = 0; round < 3'000; ++round) {
        std::string text = texts[random() % texts.size()].substr(0, 64);
        if (round % 2 != 0) text[random() % std::min<std::size_t>(text.size(), 16)] = static_cast<char>(random());
        text.resize(random() % (text.size() + 1));
        for (const ProtocolPattern& pattern : protocol_patterns()) {
            if (pattern.probe(bytes(text)) != Match::more) continue;
            const auto may_follow = [&](int byte) { return pattern.probe(bytes(text + static_cast<char>(byte))) != Match::no; };
            int byte = 0;
            while (byte < 256 && !may_follow(byte)) ++byte;
            ASSERT_LT(byte, 256) << pattern.name << ": " << text;
        }
    }
}

TEST(ProtocolPattern, KnowsHowAllThatFitsBegins) {
    for (const ProtocolPattern& pattern : protocol_patterns()) {
        std::string start;
        for (std::size_t found = 1; found == 1;) { // bytes that may stand next
            found = 0;
            char next = 0;
            for (int byte = 0; byte < 256; ++byte) {
                if (pattern.probe(bytes(start + static_cast<char>(byte))) == Match::no) continue;
                next = static_cast<char>(byte);
                ++found;
            }
            if (found == 1) start += next;
        }
        EXPECT_EQ(pattern.start, start) << pattern.name;
    }
}

// Other protocols whose first bytes are near.
TEST(ProtocolPattern, AreExact) {
    for (const char* other : {"EHLO httpd.example\r\n",
                              "HELO http.example\r\n",
                              "OPTIONS * RTSP/1.0\r\n",
                              "OPTIONS *x HTTP/1.1\r\n",
                              "DESCRIBE /a RTSP/1.0\r\n",
                              "GET /key\r\n",
                              "GET /\r\n",
                              "GET http:x HTTP/1.1\r\n",
                              "GET /a b HTTP/1.1\r\n",
                              "GET /\t HTTP/1.1\r\n",
                              "GET / HTTP/2.0\r\n",
                              "GET / HTTP/1.x\r\n",
                              "CONNECT /a HTTP/1.1\r\n",
                              "GET * HTTP/1.1\r\n",
                              "\nGET / HTTP/1.1\r\n",
                              "\r\rGET / HTTP/1.1\r\n",
                              "-GET / HTTP/1.1\r\n",
                              "PRI * HTTP/1.1\r\n",
                              "INVITE sip:a@b SIP/2.0\r\n",
                              "USER ann\r\n",
                              "\r\n\r\n"})
        EXPECT_NE(probe("http", other), Match::yes) << other;
    EXPECT_EQ(probe("http", "EHLO httpd"), Match::no) << "before the line has ended";
    EXPECT_EQ(probe("http", std::string("\r\n\r\n\0\r\nQUIT\n", 12)), Match::no) << "a PROXY header";
    for (const char* other : {"*1048577\r\n$", "*1\r\n$x", "*1\r\n$0\r\n", "*-1\r\n", "*\r\n", "*1\n$1", "*1\r\n:1"})
        EXPECT_EQ(probe("redis", other), Match::no) << other;
    EXPECT_EQ(probe("redis", "*1048576\r\n$7"), Match::yes);
    EXPECT_EQ(probe("socks5", "\x05\x02\x02\xff"), Match::no);
    EXPECT_EQ(probe("socks5", std::string("\x05\x01\xff", 3)), Match::no);
    EXPECT_EQ(probe("socks5", std::string("\x05\0\x0b\3", 4)), Match::no); // DCE/RPC
    EXPECT_EQ(probe("socks5", "\x05\xff" + std::string(254, '\1')), Match::more);
    EXPECT_EQ(probe("socks5", "\x05\xff" + std::string(255, '\1')), Match::yes);
    EXPECT_EQ(probe("tls", std::string("\x16\3\1\0\0", 5)), Match::no);                // an empty record
    EXPECT_EQ(probe("tls", std::string("\x16\3\1\x40\1", 5)), Match::no);              // a record of more than 2^14
    EXPECT_EQ(probe("tls", std::string("\x16\3\1\0\xff\1\0\0\x28", 9)), Match::no);    // a message that is too short for one
    EXPECT_EQ(probe("tls", "\x16\3\1\x41"), Match::no);                                // before its length has come
    EXPECT_EQ(probe("tls", std::string("\x16\3\1\0\xff\1\xff", 7)), Match::no);        // or too long
    EXPECT_EQ(probe("tls", std::string("\x16\3\1\0\xff\1\0\0\xfb\2", 10)), Match::no); // SSL 2
    EXPECT_EQ(probe("tls", records(hello_message(usual_extensions), 1).substr(0, 36)), Match::yes) << "in records of a byte";
    EXPECT_EQ(probe("postgresql", std::string("\0\0\x28", 3)), Match::no); // longer than any
    EXPECT_EQ(probe("postgresql", std::string("\0\0\0\7", 4)), Match::no); // shorter
    EXPECT_EQ(probe("postgresql", std::string("\0\0\0\x08\0", 5)), Match::no);
    EXPECT_EQ(probe("postgresql", std::string("\0\0\0\x08\4\xd2\x16\x2e", 8)), Match::no); // a CancelRequest without its key
    EXPECT_EQ(probe("postgresql", std::string("\0\0\0\x10\4\xd2\x16\x2f", 8)), Match::no);
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
