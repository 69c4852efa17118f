// The last words of a process in a state that cannot be.
#include "base/check.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <string>

namespace gatehouse::host {
namespace {

const auto aborted = testing::KilledBySignal(SIGABRT);

// The death message, whole: from the first byte of standard error to the last.
testing::Matcher<const std::string&> is(const std::string& text) { return testing::Matcher<const std::string&>(text); }

TEST(CheckDeathTest, WhatHoldsDoesNothing) {
    int asked = 0;
    GATEHOUSE_CHECK(++asked == 1);
    GATEHOUSE_CHECK(++asked == 2, "web", 7);
    EXPECT_EQ(asked, 2);
}

TEST(CheckDeathTest, SaysWhereAndWhat) {
    EXPECT_EXIT(check_failed("a == b", "/somewhere/host/pool.cpp", 12), aborted,
                is("gatehouse: impossible state at pool.cpp:12: a == b\n"));
    EXPECT_EXIT(check_failed("a == b", "pool.cpp", 12), aborted, is("gatehouse: impossible state at pool.cpp:12: a == b\n"));
}

TEST(CheckDeathTest, SaysWhichListenerAndConnection) {
    EXPECT_EXIT(check_failed("a", "x.cpp", 1, "web"), aborted,
                is("gatehouse: impossible state at x.cpp:1: a (listener web, connection 0)\n"));
    const std::string listener = "web and more";
    EXPECT_EXIT(check_failed("a", "x.cpp", 1, std::string_view(listener).substr(0, 3), 0x100000002a), aborted,
                is("gatehouse: impossible state at x.cpp:1: a (listener web, connection 100000002a)\n"));
}

TEST(CheckDeathTest, NamesTheConditionAsItIsWritten) {
    const int open = 0;
    EXPECT_EXIT(GATEHOUSE_CHECK(open > 0, "web", 1), aborted,
                "check_test.cpp:[0-9]+: open > 0 .listener web, connection 1.\n$");
}

// Still one line, and what it has room for is there.
TEST(CheckDeathTest, CutsWhatIsTooLong) {
    const std::string head = "gatehouse: impossible state at x.cpp:1: ";
    const std::string condition(1000, 'c');
    EXPECT_EXIT(check_failed(condition.c_str(), "x.cpp", 1), aborted, is(head + std::string(511 - head.size(), 'c') + "\n"));
    EXPECT_EXIT(check_failed(condition.c_str(), "x.cpp", 1, "web", 1), aborted,
                is(head + std::string(511 - head.size(), 'c') + "\n"));
    const std::string before = head + "a (listener ";
    EXPECT_EXIT(check_failed("a", "x.cpp", 1, std::string(1000, 'l'), 1), aborted,
                is(before + std::string(511 - before.size(), 'l') + "\n"));
}

} // namespace
} // namespace gatehouse::host
