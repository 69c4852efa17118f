#include "base/pace.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

TEST(Pace, CountsWhatIsNotSaid) {
    Pace pace(100);
    EXPECT_EQ(pace.happened(1'000), 1U);
    EXPECT_EQ(pace.happened(1'050), 0U);
    EXPECT_EQ(pace.happened(1'099), 0U);
    EXPECT_EQ(pace.happened(1'100), 3U);
    EXPECT_EQ(pace.happened(5'000), 1U);
}

} // namespace
} // namespace gatehouse::host
