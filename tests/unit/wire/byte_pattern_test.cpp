#include "wire/byte_pattern.hpp"

#include "samples.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

Match fits(const BytePattern& pattern, std::string_view text) { return pattern.fits(samples::bytes(text)); }

TEST(BytePattern, SaysNoWithTheFirstWrongByteAndYesWithTheLastRightOne) {
    const BytePattern pattern{{{0, "ab"}, {4, "e"}}};
    EXPECT_EQ(pattern.size(), 5U);
    for (const char* text : {"", "a", "ab", "abxx"}) EXPECT_EQ(fits(pattern, text), Match::more) << text;
    for (const char* text : {"abxxe", "abxxexx"}) EXPECT_EQ(fits(pattern, text), Match::yes) << text;
    for (const char* text : {"b", "aa", "abxxx", "xxxxe"}) EXPECT_EQ(fits(pattern, text), Match::no) << text;
}

TEST(BytePattern, KnowsItsBytes) {
    const BytePattern pattern{{{4, "ef"}, {0, "ab"}, {2, "c"}}};
    EXPECT_EQ(pattern.byte_at(1), 'b');
    EXPECT_EQ(pattern.byte_at(3), std::nullopt);
    EXPECT_EQ(pattern.byte_at(5), 'f');
    EXPECT_EQ(pattern.byte_at(6), std::nullopt);
    EXPECT_EQ(pattern.start(), "abc");
    EXPECT_EQ(BytePattern().start(), "");
}

TEST(BytePattern, CoversWhatHasItsBytes) {
    const BytePattern wide{{{1, "b"}}};
    EXPECT_TRUE(covers(wide, {{{0, "ab"}}}));
    EXPECT_FALSE(covers({{{0, "ab"}}}, wide));
    EXPECT_FALSE(covers(wide, {{{0, "ac"}}}));
    EXPECT_TRUE(covers({{{0, "abc"}}}, {{{0, "ab"}, {2, "cd"}}}));
}

TEST(BytePattern, MayContradictItself) {
    EXPECT_FALSE(contradicts_itself({{{0, "ab"}, {1, "bc"}}}));
    EXPECT_TRUE(contradicts_itself({{{0, "ab"}, {1, "c"}}}));
}

} // namespace
} // namespace gatehouse::host
