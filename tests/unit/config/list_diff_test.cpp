#include "config/list_diff.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gatehouse::host {
namespace {

TEST(ListDiff, TakesItemsOfTheSameTextInTheirOrder) {
    const ListDiff diff = list_diff({"a", "a", "b"}, {"a", "b", "a"});
    ASSERT_EQ(diff.items.size(), 3U);
    EXPECT_EQ(diff.items[0].before, 0U);
    EXPECT_EQ(diff.items[1].before, 2U);
    EXPECT_EQ(diff.items[2].before, 1U);
    EXPECT_TRUE(diff.removed.empty());
    EXPECT_NE(diff.items[1].moved, diff.items[2].moved);
    EXPECT_EQ(list_diff({"a", "b"}, {}).removed, (std::vector<std::size_t>{0, 1}));
    EXPECT_TRUE(list_diff({}, {}).items.empty());
}

} // namespace
} // namespace gatehouse::host
