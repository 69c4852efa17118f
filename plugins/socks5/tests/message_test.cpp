// The messages by themselves: RFC 1928, RFC 1929.
#include "message.hpp"
#include "wire.hpp"

#include <gtest/gtest.h>

using namespace socks5;
using namespace socks5::wire;

namespace {

template <class Message>
void expect_incomplete_until_whole(const std::string& bytes) {
    Message message;
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_EQ(parse(std::string_view(bytes).substr(0, size), message), Read::incomplete) << size;
    EXPECT_EQ(parse(bytes + "behind", message), Read::complete);
    EXPECT_EQ(message.size, bytes.size());
}

TEST(Message, AreIncompleteUpToTheirLastByte) {
    expect_incomplete_until_whole<Greeting>(password_greeting);
    expect_incomplete_until_whole<Greeting>("\5\xff"s + std::string(255, '\x7f'));
    expect_incomplete_until_whole<Greeting>("\5\0"s);
    expect_incomplete_until_whole<Credentials>(credentials("ann", "secret"));
    expect_incomplete_until_whole<Credentials>(credentials("", ""));
    expect_incomplete_until_whole<Credentials>(credentials(std::string(255, 'n'), std::string(255, 'p')));
    expect_incomplete_until_whole<Request>(request("\xc6\x33\x64\7", 80));
    expect_incomplete_until_whole<Request>(request("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"s, 65535));
    expect_incomplete_until_whole<Request>(request_name(std::string(255, 'a'), 443));
}

TEST(Message, RequestsSayWhere) {
    Request ipv4;
    ASSERT_EQ(parse(request("\xc6\x33\x64\7", 8080), ipv4), Read::complete);
    EXPECT_EQ(ipv4.command, Command::connect);
    EXPECT_EQ(to_string(ipv4), "198.51.100.7:8080");
    Request ipv6;
    ASSERT_EQ(parse(request("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"s, 443, 2), ipv6), Read::complete);
    EXPECT_EQ(ipv6.command, Command::bind);
    EXPECT_EQ(to_string(ipv6), "[2001:db8::1]:443");
    Request name;
    ASSERT_EQ(parse(request_name("Example.com", 1, 3), name), Read::complete);
    EXPECT_EQ(name.command, Command::udp_associate);
    EXPECT_EQ(to_string(name), "Example.com:1");
}

TEST(Message, AnAddressInTheNamesPlaceIsAnAddress) {
    for (const std::string text : {"127.0.0.1", "::1", "::ffff:10.0.0.1"}) {
        Request request;
        ASSERT_EQ(parse(request_name(text, 80), request), Read::complete) << text;
        EXPECT_EQ(request.name, "") << text;
        EXPECT_EQ(to_string(request.endpoint.address), text);
    }
}

// The host would take some of these for addresses of another kind.
TEST(Message, NamesHaveNothingInThemThatNamesDoNot) {
    for (const std::string& text : {""s, "unix:/run/docker.sock"s, "fd:3"s, "[::1]"s, "a b"s, "a/b"s, "*"s, "a\0b"s, "a\nb"s,
                                    "b\xc3\xbc"
                                    "cher"s,
                                    "fe80::1%lo"s, "a:1"s}) {
        Request request;
        EXPECT_EQ(parse(request_name(text, 80), request), Read::malformed) << text;
    }
}

TEST(Message, RequestsThatAreNone) {
    Request request;
    EXPECT_EQ(parse("\4\1\0\1"s, request), Read::wrong_version);
    EXPECT_EQ(parse("\5\1\1\1"s, request), Read::malformed);
    for (int type = 0; type < 256; ++type) {
        if (type == 1 || type == 3 || type == 4) continue;
        EXPECT_EQ(parse("\5\1\0"s + static_cast<char>(type), request), Read::unknown_address_type) << type;
    }
}

TEST(Message, RepliesHaveTheBoundAddress) {
    EXPECT_EQ(reply_message(Reply::succeeded, *parse_endpoint("192.0.2.1:258")), "\5\0\0\1\xc0\0\2\1\1\2"s);
    EXPECT_EQ(reply_message(Reply::succeeded, *parse_endpoint("[2001:db8::1]:65535")),
              "\5\0\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\xff\xff"s);
    EXPECT_EQ(reply_message(Reply::not_allowed), refusal(2));
}

TEST(Address, IsParsedStrictly) {
    EXPECT_EQ(to_string(*parse_endpoint("192.0.2.1:80")), "192.0.2.1:80");
    EXPECT_EQ(to_string(*parse_endpoint("[::1]:0")), "[::1]:0");
    for (const std::string& bad :
         {""s, ":"s, "192.0.2.1"s, "192.0.2.1:"s, "192.0.2.1:65536"s, "192.0.2.1:+1"s, "::1:80"s, "[192.0.2.1]:80"s, "[]:80"s,
          "[::1]80"s, "[fe80::1%lo]:80"s, "192.0.2.1\0:80"s, "1.2.3:80"s, "0x7f.0.0.1:80"s, "unix:/x"s})
        EXPECT_FALSE(parse_endpoint(bad)) << bad;
}

} // namespace
