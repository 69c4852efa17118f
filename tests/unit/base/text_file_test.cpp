#include "base/text_file.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace gatehouse::host {
namespace {

// As a text, or what is wrong with it.
std::string normal(std::string text) {
    std::string error;
    return normalise_text(text, error) ? text : error;
}

TEST(TextFile, HasOneFormWhateverTheEditorWas) {
    EXPECT_EQ(normal(""), "");
    EXPECT_EQ(normal("a\nb"), "a\nb");
    EXPECT_EQ(normal("a\r\nb\r\n"), "a\nb\n");
    EXPECT_EQ(normal("\xef\xbb\xbf"
                     "a\r\n"),
              "a\n");
    EXPECT_EQ(normal("\xef\xbb\xbf"), "");
    EXPECT_EQ(normal("a\rb\r\r\n"), "a\rb\r\n"); // a carriage return elsewhere is a character
    EXPECT_EQ(normal("a\xef\xbb\xbf"
                     "b"),
              "a\xef\xbb\xbf"
              "b"); // and so is a mark
    EXPECT_EQ(normal("\r\n\r"), "\n\r");
}

TEST(TextFile, IsUtf8) {
    for (const char* text : {"\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf",
                             "\xe0\xa0\x80", "\xf0\x90\x80\x80", "\x7f\x01"})
        EXPECT_EQ(normal(text), text);
    for (const char* text : {"\x80", "\xfc", "\xc3", "\xc3(", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                             "\xe2\x82", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf0\x9f\x98"})
        EXPECT_EQ(normal(std::string("ab\r\n\xc3\xbc") + text), "2:3: not UTF-8 (expected UTF-8 text)") << text;
    EXPECT_EQ(normal(std::string("a\nb\0", 4)), "2:2: NUL byte (expected UTF-8 text)");
    EXPECT_EQ(normal(std::string("\xff\xfe"
                                 "a\0",
                                 4)),
              "1:1: UTF-16 (expected UTF-8 text)");
    EXPECT_EQ(normal(std::string("\xfe\xff\0a", 4)), "1:1: UTF-16 (expected UTF-8 text)");
}

TEST(TextFile, HasLines) {
    const auto lines = [](std::string_view text) {
        std::string all;
        for_each_line(text, [&](std::string_view line, std::size_t number) {
            all += std::to_string(number) + '(' + std::string(line) + ')';
        });
        return all;
    };
    EXPECT_EQ(lines(""), "");
    EXPECT_EQ(lines("a"), "1(a)");
    EXPECT_EQ(lines("a\n\nb"), "1(a)2()3(b)");
    EXPECT_EQ(lines("a\nb\n"), "1(a)2(b)");
    EXPECT_EQ(lines("\n"), "1()");
}

} // namespace
} // namespace gatehouse::host
