#include "base/shortages.hpp"

#include "recorded_log.hpp"

namespace gatehouse::host {
namespace {

TEST(Shortages, EachKindIsSaidOnceASecondAtMost) {
    RecordedLog log;
    Shortages shortages(log.log);
    for (int i = 0; i < 1000; ++i) {
        shortages.say(Reason::host_out_of_fds, "192.0.2.1:80", "Too many open files");
        shortages.say(Reason::host_out_of_ports, "192.0.2.2:80", "all in use");
    }
    const std::vector<std::string> records = log.records();
    ASSERT_GE(records.size(), 2U);
    EXPECT_LE(records.size(), 20U) << "a slow machine may need some seconds";
    EXPECT_EQ(records[0], R"("message":"this host lacks what it needs to reach a server, which is not to blame",)"
                          R"("server":"192.0.2.1:80","reason":"host_out_of_fds","error":"Too many open files","left_out":0,)"
                          R"x("advice":"raise the limit on open files (ulimit -n, LimitNOFILE=)"})x");
    EXPECT_NE(records[1].find(R"("reason":"host_out_of_ports","error":"all in use","left_out":0,"advice":"widen )"),
              std::string::npos)
        << records[1];
}

} // namespace
} // namespace gatehouse::host
