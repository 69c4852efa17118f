#include "grammar.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace http;

namespace {

std::vector<std::string> members(std::string_view list) {
    std::vector<std::string> all;
    while (const auto member = next_member(list)) all.emplace_back(*member);
    return all;
}

using Members = std::vector<std::string>;

} // namespace

TEST(Grammar, Tokens) {
    for (std::string_view text : {"a", "Z9", "!#$%&'*+-.^_`|~"}) EXPECT_TRUE(is_token(text)) << text;
    for (std::string_view text : {"", " ", "a ", "a\t", "a:", "\"a\"", "(a)", "a,", "a/b", "a;", "<a>", "a=", "a?", "a@", "[a]",
                                  "a\\", "{a}", "a\x7f", "\xc3\xa4"})
        EXPECT_FALSE(is_token(text)) << text;
    EXPECT_FALSE(is_token({"a\0", 2}));
}

TEST(Grammar, Hosts) {
    for (std::string_view text : {"",
                                  "a",
                                  "example.org",
                                  "example.org.",
                                  "127.0.0.1",
                                  "999.1.1.1",
                                  "a_b",
                                  "%41%6a",
                                  "-._~!$&'()*+,;=",
                                  "[::]",
                                  "[::1]",
                                  "[1:2:3:4:5:6:7:8]",
                                  "[2001:DB8::9]",
                                  "[1::]",
                                  "[1:2:3:4:5:6:7::]",
                                  "[::ffff:1.2.3.4]",
                                  "[1:2:3:4:5:6:1.2.3.4]",
                                  "[v1.a]",
                                  "[vF0.a:b]",
                                  "[V1.:]"})
        EXPECT_TRUE(is_host(text)) << text;
    for (std::string_view text : {"a:",
                                  "a b",
                                  "a/",
                                  "a?",
                                  "a#",
                                  "a@b",
                                  "%",
                                  "%4",
                                  "%4g",
                                  "%g4",
                                  "a\"",
                                  "<a>",
                                  "a\\",
                                  "^",
                                  "`",
                                  "{",
                                  "|",
                                  "\xc3\xa4",
                                  "[",
                                  "]",
                                  "[]",
                                  "[::1",
                                  "::1]",
                                  "::1",
                                  "[::1]a",
                                  "a[::1]",
                                  "[[::1]]",
                                  "[:::]",
                                  "[1:2:3:4:5:6:7]",
                                  "[1:2:3:4:5:6:7:8:9]",
                                  "[1::2::3]",
                                  "[12345::]",
                                  "[::g]",
                                  "[::1.2.3]",
                                  "[::1.2.3.256]",
                                  "[::1.2.3.04]",
                                  "[1.2.3.4]",
                                  "[::1%25eth0]",
                                  "[::1%1]",
                                  "[v.a]",
                                  "[v1.]",
                                  "[v1a]",
                                  "[vg.a]",
                                  "[v1.a/]",
                                  "[ ::1]",
                                  "[a]"})
        EXPECT_FALSE(is_host(text)) << text;
    EXPECT_FALSE(is_host({"[::1\0]", 6}));
}

TEST(Grammar, Authorities) {
    for (std::string_view text : {"", "a", "a:", "a:80", "a:65535", "127.0.0.1:80", "[::1]", "[::1]:", "[::1]:80", ":80"})
        EXPECT_TRUE(is_authority(text)) << text;
    for (std::string_view text : {"a:b", "a:80:", "a:80:80", "a:-1", "a: 80", "a:80 ", "[::1", "[::1]80", "[::1]:b", "::1",
                                  "[::1]:80:", "]:80", "a@b:80", "user:1@b", "a/b", "a:80/"})
        EXPECT_FALSE(is_authority(text)) << text;
}

TEST(Grammar, Lists) {
    EXPECT_EQ(members(""), Members{});
    EXPECT_EQ(members(" , ,\t,"), Members{});
    EXPECT_EQ(members("a"), Members{"a"});
    EXPECT_EQ(members(" a\t,,b , c d,"), (Members{"a", "b", "c d"}));
    EXPECT_EQ(members(R"("a,b",c)"), (Members{R"("a,b")", "c"}));
    EXPECT_EQ(members(R"(x;y="\",",c)"), (Members{R"(x;y="\",")", "c"}));
    EXPECT_EQ(members(R"("\\",c)"), (Members{R"("\\")", "c"}));
    EXPECT_EQ(members(R"("a,b)"), Members{R"("a,b)"});
    EXPECT_EQ(members(R"("a,\)"), Members{R"("a,\)"});
    EXPECT_EQ(members(R"(a\,b)"), (Members{R"(a\)", "b"})); // no quoted string, no escape
}

TEST(Grammar, TransferCodings) {
    for (std::string_view coding : {"a", "a;b=c", "a ; b=c", "a;b = \"c\"", "a;b=\";,\\\"\"\t;\td\t=\te", "a;b=\"\""})
        EXPECT_EQ(transfer_coding_name(coding), "a") << coding;
    for (std::string_view coding : {"", ";b=c", "\"a\"", "a b", "a;", "a;;b=c", "a;b", "a;=c", "a;b=", "a;b=c d", "a;b=\"c",
                                    "a;b=\"c\\\"", "a;b=\"c\"d", "a;b=@", "a;@=c", "a;b=\"\x01\"", "a=b"})
        EXPECT_EQ(transfer_coding_name(coding), std::nullopt) << coding;
}

TEST(Grammar, MediaTypes) {
    for (std::string_view text : {"text/html", "text/html;charset=utf-8", "a/b ; c=\"d\"", "application/rss+xml"})
        EXPECT_TRUE(is_media_type(text)) << text;
    for (std::string_view text : {"", "text", "text/", "/html", "text /html", "text/html/", "text/html;", "text/html\r\nX: y"})
        EXPECT_FALSE(is_media_type(text)) << text;
}

TEST(Grammar, SmallThings) {
    EXPECT_EQ(trim(" \ta b\t "), "a b");
    EXPECT_EQ(trim(" \t"), "");
    EXPECT_TRUE(equals_ignoring_case("Keep-Alive", "kEEP-aLIVE"));
    EXPECT_FALSE(equals_ignoring_case("a", "ab"));
    EXPECT_FALSE(equals_ignoring_case("@", "`"));
    EXPECT_TRUE(is_digits("0123456789") && is_digits(""));
    EXPECT_FALSE(is_digits("1a") || is_digits("-1"));
    EXPECT_EQ(hex_digit('0'), 0);
    EXPECT_EQ(hex_digit('f'), 15);
    EXPECT_EQ(hex_digit('A'), 10);
    for (const char c : {'g', 'G', '@', '`', ':', '/', '\0'}) EXPECT_EQ(hex_digit(c), -1) << c;
}
