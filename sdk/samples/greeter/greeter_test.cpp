#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;

TEST(Greeter, ChecksItsConfiguration) {
    EXPECT_EQ(Plugin({{"name", "Ann"}, {"times", 2}}).serve().output, "Hello, Ann!\r\nHello, Ann!\r\n");
    EXPECT_EQ(Plugin::refusal({}), "name: missing (expected a string)");
    EXPECT_EQ(Plugin::refusal({{"name", "Ann"}, {"times", 11}}), "times: out of range: 11 (expected an integer from 1 to 10)");
    EXPECT_EQ(Plugin::refusal({{"name", "Ann\nBob"}}), "name: must be one line");
    EXPECT_EQ(Plugin::refusal({{"name", "Ann"}, {"tmies", 2}}), "tmies: unknown key (known here: name, times)");
}
