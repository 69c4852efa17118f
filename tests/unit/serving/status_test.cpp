// The status of a listener as one record.
#include "serving/status.hpp"

#include "recorded_log.hpp"

#include <cerrno>
#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

std::string record_of(const ListenerStatus& status) {
    RecordedLog recorded;
    log_status(recorded.log, status);
    const std::vector<std::string> records = recorded.records();
    EXPECT_EQ(records.size(), 1U);
    return records.empty() ? "" : records.front();
}

TEST(LogStatus, OfAListenerThatNothingHasHappenedTo) {
    ListenerStatus status;
    status.listener = "echo";
    EXPECT_EQ(record_of(status),
              R"("message":"status","listener":"echo","open":0,"parked":0,"handshakes":0,"accepted":0,)"
              R"("queue_depth":0,"queue_limit":0,"queue_drops":0,"wait_p50_us":0,"wait_p99_us":0,"wait_us":"none",)"
              R"("sources":0,"sources_uncounted":0,"threads":0,"threads_blocked":0,"threads_most":0,"thread_failures":0,)"
              R"("reasons":"none","accept_errors":"none"})");
}

// Each number is another one, so that two fields that are mixed up would show.
TEST(LogStatus, EveryNumberHasItsField) {
    ListenerStatus status;
    status.listener = "web";
    status.open = 1;
    status.parked = 2;
    status.handshakes = 3;
    status.accepted = 4;
    status.queue = {.depth = 5, .limit = 6, .drops = 7};
    status.waits[3] = 60;
    status.waits[10] = 40;
    status.sources = {.remembered = 8, .uncounted = 9};
    status.pool.threads = 10;
    status.pool.blocked = 11;
    status.pool.most = 12;
    status.thread_failures = 13;
    status.reasons[static_cast<std::size_t>(Reason::done)] = 14;
    status.reasons[static_cast<std::size_t>(Reason::host_out_of_memory)] = 15;
    status.accept_errors = {{EMFILE, 16}, {ECONNABORTED, 17}};
    EXPECT_EQ(record_of(status), R"("message":"status","listener":"web","open":1,"parked":2,"handshakes":3,"accepted":4,)"
                                 R"("queue_depth":5,"queue_limit":6,"queue_drops":7,"wait_p50_us":8,"wait_p99_us":1024,)"
                                 R"("wait_us":"8:60 1024:40","sources":8,"sources_uncounted":9,)"
                                 R"("threads":10,"threads_blocked":11,"threads_most":12,"thread_failures":13,)"
                                 R"("reasons":"done:14 host_out_of_memory:15","accept_errors":"EMFILE:16 ECONNABORTED:17"})");
}

TEST(LogStatus, AnErrnoThatHasNoNameIsLeftOut) {
    ListenerStatus status;
    status.accept_errors = {{133'000, 1}};
    EXPECT_NE(record_of(status).find(R"("accept_errors":"none")"), std::string::npos);
}

} // namespace
} // namespace gatehouse::host
