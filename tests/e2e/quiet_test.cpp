// What every test here relies on: a process that spins is told from one that waits.
#include "clients.hpp"
#include "proc.hpp"
#include "process.hpp"

#include <gtest/gtest.h>

using namespace gatehouse::support;

namespace {

TEST(Quiet, IsAProcessThatWaits) {
    const Process process({"sleep", "600"});
    eventually("it sleeps", [&] { return is_quiet(process.pid()); });
}

TEST(Quiet, IsNoProcessThatSpins) {
    Process process({"sh", "-c", "echo begun; while :; do :; done"});
    ASSERT_TRUE(process.wait_output([](const std::string& out, const std::string&) { return out == "begun\n"; }));
    for (int i = 0; i < 20; ++i) EXPECT_FALSE(is_quiet(process.pid()));
}

TEST(Quiet, IsNoProcessThatHasGone) { EXPECT_THROW(is_quiet(0x7fffffff), std::runtime_error); }

} // namespace
