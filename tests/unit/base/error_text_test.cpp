#include "plugin/error_text.hpp"

#include <gtest/gtest.h>
#include <thread>

namespace gatehouse::host {
namespace {

TEST(ErrorText, IsTakenOnce) {
    set_error_text("first");
    set_error_text("second");
    EXPECT_EQ(take_error_text(), "second");
    EXPECT_EQ(take_error_text(), "");
}

TEST(ErrorText, IsCutAt512Bytes) {
    set_error_text(std::string(513, 'x'));
    EXPECT_EQ(take_error_text(), std::string(512, 'x'));
}

TEST(ErrorText, EachThreadHasItsOwn) {
    set_error_text("mine");
    std::thread([] {
        EXPECT_EQ(take_error_text(), "");
        set_error_text("its");
    }).join();
    EXPECT_EQ(take_error_text(), "mine");
}

} // namespace
} // namespace gatehouse::host
