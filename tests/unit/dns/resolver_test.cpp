#include "dns/resolver.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

class ResolverTest : public ::testing::Test {
  protected:
    Lookup resolve(const std::string& text, Nanoseconds within = 10'000'000'000) {
        result_.clear();
        error_.clear();
        const auto address = parse_address(text, error_);
        EXPECT_TRUE(address) << error_;
        return resolver_.resolve(*address, monotonic_now() + within, drain_, result_, error_);
    }

    Drain drain_;
    Resolver resolver_;
    std::vector<SocketAddress> result_;
    std::string error_;
};

TEST_F(ResolverTest, NumbersNeedNobodysHelp) {
    ASSERT_EQ(resolve("192.0.2.1:80", 0), Lookup::found);
    ASSERT_EQ(result_.size(), 1U);
    EXPECT_EQ(to_string(result_[0]), "192.0.2.1:80");
    ASSERT_EQ(resolve("[2001:db8::1]:443", 0), Lookup::found);
    EXPECT_EQ(to_string(result_.at(0)), "[2001:db8::1]:443");
    ASSERT_EQ(resolve("unix:/run/some.sock", 0), Lookup::found);
    EXPECT_EQ(to_string(result_.at(0)), "unix:/run/some.sock");
}

TEST_F(ResolverTest, KnowsLocalhost) {
    for (int i = 0; i < 2; ++i) { // the second answer comes from memory
        ASSERT_EQ(resolve("localhost:7007"), Lookup::found) << error_;
        ASSERT_FALSE(result_.empty());
        for (const SocketAddress& address : result_) {
            const std::string text = to_string(address);
            EXPECT_TRUE(text == "127.0.0.1:7007" || text == "[::1]:7007") << text;
        }
    }
}

// "invalid" never exists (RFC 6761). Without a name server the question is not answered at all; either way it ends in time.
TEST_F(ResolverTest, ANameThatDoesNotExistIsNotWaitedForBeyondTheDeadline) {
    const Nanoseconds start = monotonic_now();
    const Lookup status = resolve("no-such-host.invalid:80", 2'000'000'000);
    EXPECT_LT(monotonic_now() - start, 10'000'000'000);
    EXPECT_NE(status, Lookup::found);
    EXPECT_TRUE(result_.empty());
    EXPECT_TRUE(error_.starts_with("cannot resolve no-such-host.invalid: ")) << error_;
}

TEST_F(ResolverTest, ADeadlineThatHasPassedIsATimeout) {
    EXPECT_EQ(resolve("no-such-host.invalid:80", -1), Lookup::timeout);
    EXPECT_EQ(error_, "cannot resolve no-such-host.invalid: no answer in time");
}

TEST_F(ResolverTest, WhatIsNoPlaceToConnectToIsInvalid) { EXPECT_EQ(resolve("fd:web"), Lookup::invalid); }

} // namespace
} // namespace gatehouse::host
