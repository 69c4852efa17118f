#include "base/error_text.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

TEST(ErrorText, IsTakenOnce) {
    ErrorText error;
    error.set("first");
    error.set("second");
    EXPECT_EQ(error.take(), "second");
    EXPECT_EQ(error.take(), "");
}

TEST(ErrorText, IsCutAt512Bytes) {
    ErrorText error;
    error.set(std::string(513, 'x'));
    EXPECT_EQ(error.take(), std::string(512, 'x'));
}

TEST(ErrorText, MayBeClearedOrEmpty) {
    ErrorText error;
    error.set("first");
    error.clear();
    EXPECT_EQ(error.take(), "");
    error.set("first");
    error.set("");
    EXPECT_EQ(error.take(), "");
}

} // namespace
} // namespace gatehouse::host
