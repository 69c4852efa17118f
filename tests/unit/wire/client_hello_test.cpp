#include "wire/client_hello.hpp"

#include "samples.hpp"

#include <gtest/gtest.h>

#include <random>

namespace gatehouse::host {
namespace {

using namespace samples;

HelloParse parse_hello(std::string_view text, ClientHello& hello) { return parse_client_hello(bytes(text), hello); }
HelloParse parse_hello(std::string_view text) {
    ClientHello hello;
    return parse_hello(text, hello);
}
HelloParse parse_extensions(const std::string& extensions) { return parse_hello(records(hello_message(extensions))); }

TEST(ClientHello, NameAndProtocols) {
    ClientHello hello;
    ASSERT_EQ(parse_hello(usual_hello, hello), HelloParse::whole);
    EXPECT_EQ(hello.server_name(), "www.example.org");
    EXPECT_TRUE(hello.offers("h2"));
    EXPECT_TRUE(hello.offers("http/1.1"));
    EXPECT_FALSE(hello.offers("http"));
    EXPECT_FALSE(hello.offers(""));
}

TEST(ClientHello, WithoutWhatMayBeLeftOut) {
    ClientHello hello;
    ASSERT_EQ(parse_hello(records(hello_message("")), hello), HelloParse::whole);
    EXPECT_EQ(hello.server_name(), "");
    EXPECT_FALSE(hello.offers("h2"));
    EXPECT_EQ(parse_hello(records(hello_message("", false))), HelloParse::whole); // TLS 1.0 and 1.1
}

TEST(ClientHello, AnObjectMayBeUsedAgain) {
    ClientHello hello;
    ASSERT_EQ(parse_hello(usual_hello, hello), HelloParse::whole);
    ASSERT_EQ(parse_hello(records(hello_message("")), hello), HelloParse::whole);
    EXPECT_EQ(hello.server_name(), "");
    EXPECT_FALSE(hello.offers("h2"));
}

TEST(ClientHello, SpreadOverRecordsOfAnySize) {
    const std::string message = hello_message(usual_extensions);
    for (std::size_t size = 1; size <= message.size(); ++size) {
        ClientHello hello;
        const std::string text = records(message, size);
        ASSERT_EQ(parse_hello(text, hello), HelloParse::whole) << size;
        EXPECT_EQ(hello.server_name(), "www.example.org");
        EXPECT_TRUE(hello.offers("http/1.1"));
        for (std::size_t cut = 0; cut < text.size(); ++cut)
            ASSERT_EQ(parse_hello(text.substr(0, cut)), HelloParse::more) << size << cut;
    }
}

TEST(ClientHello, WhatFollowsIsNotLookedAt) {
    EXPECT_EQ(parse_hello(usual_hello + std::string(1000, '\xff')), HelloParse::whole);
    EXPECT_EQ(parse_hello(records(hello_message(usual_extensions) + "more of the handshake")), HelloParse::whole);
}

TEST(ClientHello, OtherThings) {
    EXPECT_EQ(parse_hello(""), HelloParse::more);
    EXPECT_EQ(parse_hello("G"), HelloParse::none);
    EXPECT_EQ(parse_hello("\x15"), HelloParse::none);                                   // an alert
    EXPECT_EQ(parse_hello("\x16\x02"), HelloParse::none);                               // SSL 2
    EXPECT_EQ(parse_hello("\x16\x03\x05"), HelloParse::none);                           // no version
    EXPECT_EQ(parse_hello(std::string("\x16\x03\x01\0\0", 5)), HelloParse::none);       // an empty record
    EXPECT_EQ(parse_hello("\x16\x03\x01\x40\x01"), HelloParse::none);                   // a record of more than 2^14
    EXPECT_EQ(parse_hello(std::string("\x16\x03\x01\0\x04\x02", 6)), HelloParse::none); // a ServerHello
    EXPECT_EQ(parse_hello(records("\x01" + number(max_client_hello + 1, 3) + "\x03\x03")), HelloParse::none);
    EXPECT_EQ(parse_hello(records("\x01" + number(40, 3) + "\x03")), HelloParse::none); // shorter than the shortest
    EXPECT_EQ(parse_hello(records("\x01" + number(41, 3) + "\x04")), HelloParse::none); // a version of another kind
    EXPECT_EQ(parse_hello(records("\x01" + number(41, 3) + "\x03")), HelloParse::more);
}

TEST(ClientHello, LengthsThatDoNotFit) {
    EXPECT_EQ(parse_extensions(extension(0, "")), HelloParse::none);                      // no list
    EXPECT_EQ(parse_extensions(extension(0, sized(2, ""))), HelloParse::none);            // an empty one
    EXPECT_EQ(parse_extensions(extension(0, number(9, 2) + "x")), HelloParse::none);      // shorter than it says
    EXPECT_EQ(parse_extensions(sni("")), HelloParse::none);                               // an empty name
    EXPECT_EQ(parse_extensions(sni(std::string(255, 'a'))), HelloParse::whole);           // the longest
    EXPECT_EQ(parse_extensions(sni(std::string(256, 'a'))), HelloParse::none);            // a longer one
    EXPECT_EQ(parse_extensions(alpn({""})), HelloParse::none);                            // an empty protocol
    EXPECT_EQ(parse_extensions(extension(16, sized(2, "\x05h2"))), HelloParse::none);     // beyond the list
    EXPECT_EQ(parse_extensions(std::string("\0\0\xff\xff", 4) + "xx"), HelloParse::none); // beyond the extensions
    EXPECT_EQ(parse_hello(records(hello_message("") + "")), HelloParse::whole);
    std::string longer = hello_message("");
    longer.replace(1, 3, number(longer.size() - 4 + 1, 3));
    EXPECT_EQ(parse_hello(records(longer + "x")), HelloParse::none); // a byte behind the extensions
}

TEST(ClientHello, WhatIsThereIsTakenBeforeTheRestHasCome) {
    const std::string text = records(hello_message(usual_extensions), 11);
    const std::size_t name_ends = text.find('g') + 1;
    const std::size_t protocols_end = text.size();
    for (std::size_t size = 0; size <= text.size(); ++size) {
        ClientHello hello;
        parse_hello(text.substr(0, size), hello);
        EXPECT_EQ(hello.server_name(), size < name_ends ? "" : "www.example.org") << size;
        EXPECT_EQ(hello.offers("h2"), size == protocols_end) << size;
    }
}

TEST(ClientHello, WhatFollowsChangesNothing) {
    ClientHello hello;
    EXPECT_EQ(
        parse_hello(records(hello_message(sni("a") + alpn({"h2"}) + sni("b") + alpn({"h3"}) + "\xff\xff\xff\xff")), hello),
        HelloParse::none);
    EXPECT_EQ(hello.server_name(), "a");
    EXPECT_TRUE(hello.offers("h2"));
    EXPECT_FALSE(hello.offers("h3"));
}

TEST(ClientHello, LongOnes) {
    const std::string padding = extension(21, std::string(60'000, '\0'));
    ClientHello hello;
    EXPECT_EQ(parse_hello(records(hello_message(padding + sni("a"))), hello), HelloParse::whole);
    EXPECT_EQ(hello.server_name(), "a");
}

TEST(ClientHello, MoreProtocolsThanAreKept) {
    std::vector<std::string> many;
    for (int i = 0; i < 200; ++i) many.push_back("proto" + std::to_string(i));
    ClientHello hello;
    ASSERT_EQ(parse_hello(records(hello_message(alpn(many) + sni("a"))), hello), HelloParse::whole);
    EXPECT_TRUE(hello.offers("proto0"));
    EXPECT_FALSE(hello.offers("proto199"));
    EXPECT_EQ(hello.server_name(), "a");
}

TEST(ClientHello, OtherKindsOfNamesAreSteppedOver) {
    ClientHello hello;
    ASSERT_EQ(parse_hello(records(hello_message(extension(0, sized(2, "\x07" + sized(2, "other") + '\0' + sized(2, "host"))))),
                          hello),
              HelloParse::whole);
    EXPECT_EQ(hello.server_name(), "host");
}

// What is no hello stays none and what is one stays one, whatever follows; and nothing reads beyond the bytes (asan).
TEST(ClientHello, AnswersOnceAndForAll) {
    std::mt19937 random(20240607);
    for (int round = 0; round < 5'000; ++round) {
        std::string text = records(hello_message(usual_extensions), 1 + random() % 200);
        for (unsigned changes = random() % 4; changes > 0; --changes)
            text[random() % text.size()] = static_cast<char>(random());
        HelloParse last = HelloParse::more;
        for (std::size_t size = 0; size <= text.size(); ++size) {
            const std::vector<char> exact(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
            const HelloParse now = parse_hello({exact.data(), exact.size()});
            ASSERT_TRUE(last == HelloParse::more || now == last) << size;
            last = now;
        }
    }
}

} // namespace
} // namespace gatehouse::host
