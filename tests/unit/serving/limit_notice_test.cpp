#include "serving/limit_notice.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds second = 1'000'000'000;

class LimitNoticeTest : public ::testing::Test {
  protected:
    bool is_due(bool still, Nanoseconds after_it_was_met) {
        again_ = never;
        return notice_.is_due([&] { return still; }, met_ + after_it_was_met, again_);
    }
    void meet() {
        met_ = monotonic_now() + second / 10; // a little later than the notice takes it for, however busy the machine
        notice_.met(alarm_);
    }

    Alarm alarm_;
    LimitNotice notice_;
    Nanoseconds met_ = 0;
    Nanoseconds again_ = never;
};

TEST_F(LimitNoticeTest, SaysNothingBelowTheLimit) {
    EXPECT_FALSE(is_due(true, second));
    EXPECT_EQ(again_, never);
}

TEST_F(LimitNoticeTest, TellsAfterASecondAndThenEachMinute) {
    meet();
    EXPECT_FALSE(is_due(true, 0));
    EXPECT_LE(again_, met_ + second);
    EXPECT_TRUE(is_due(true, second));
    EXPECT_EQ(again_, met_ + 61 * second);
    EXPECT_FALSE(is_due(true, 60 * second));
    EXPECT_TRUE(is_due(true, 61 * second));
}

TEST_F(LimitNoticeTest, APeakIsNoNews) {
    meet();
    EXPECT_FALSE(is_due(false, second));
    EXPECT_EQ(again_, never);
    EXPECT_FALSE(is_due(true, 2 * second)) << "it has not been met again";
    meet();
    EXPECT_TRUE(is_due(true, second));
}

} // namespace
} // namespace gatehouse::host
