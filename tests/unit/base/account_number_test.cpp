#include "base/account_number.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

TEST(AccountNumber, IsAWholeNumberThatFits) {
    EXPECT_EQ(account_number("0"), 0U);
    EXPECT_EQ(account_number("33"), 33U);
    EXPECT_EQ(account_number("4294967295"), 4294967295U);
    for (const char* other : {"", "www-data", "33 ", " 33", "-1", "+1", "0x1", "4294967296", "99999999999"})
        EXPECT_EQ(account_number(other), std::nullopt) << other;
}

} // namespace
} // namespace gatehouse::host
