#include "base/ascii.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

TEST(Ascii, LowersItsOwnLettersAlone) {
    for (int byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        EXPECT_EQ(ascii_lower(c), byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : c) << byte;
    }
    EXPECT_EQ(ascii_lower("X-Y_Z.9\xC4"), "x-y_z.9\xC4");
}

TEST(Ascii, BlanksAtTheEndsAreTrimmed) {
    for (const auto& [text, what_is_left] :
         {std::pair{"", ""}, {" \t\r", ""}, {"a", "a"}, {"\t a \tb\r", "a \tb"}, {"\va\n", "\va\n"}})
        EXPECT_EQ(trimmed(text), what_is_left);
}

} // namespace
} // namespace gatehouse::host
