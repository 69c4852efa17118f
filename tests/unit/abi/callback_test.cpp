#include "abi/callback.hpp"

#include "recorded_log.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

namespace gatehouse::host {
namespace {

TEST(Callback, ASlowOneIsNamedInTheLog) {
    RecordedLog recorded;
    call_back(recorded.log, "quick", "gatehouse.timer/1", [] {});
    call_back(recorded.log, "sleepy", "gatehouse.timer/1", [] { std::this_thread::sleep_for(std::chrono::milliseconds(101)); });
    const std::vector<std::string> records = recorded.records();
    ASSERT_EQ(records.size(), 1U);
    EXPECT_TRUE(records[0].starts_with(R"("message":"a plugin's callback took long; it must not block, since others wait )"
                                       R"(for it","plugin":"sleepy","extension":"gatehouse.timer/1","milliseconds":1)"))
        << records[0];
}

} // namespace
} // namespace gatehouse::host
