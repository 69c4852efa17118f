#include "base/scheduling.hpp"

#include <gtest/gtest.h>

#include <sched.h>
#include <thread>

namespace gatehouse::host {
namespace {

TEST(Scheduling, IsSetForTheCallingThreadAlone) {
    const int before = ::sched_getscheduler(0);
    int other = -1;
    int batch = -1;
    std::thread([&] {
        set_scheduling(Scheduling::other);
        other = ::sched_getscheduler(0);
        set_scheduling(Scheduling::batch);
        batch = ::sched_getscheduler(0);
    }).join();
    EXPECT_EQ(other, before);
    EXPECT_EQ(batch, SCHED_BATCH);
    EXPECT_EQ(::sched_getscheduler(0), before);
}

} // namespace
} // namespace gatehouse::host
