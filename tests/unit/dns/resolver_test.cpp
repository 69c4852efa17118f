#include "dns/resolver.hpp"

#include "dns_server.hpp"

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

TEST(Resolver, AnAnswerIsKeptForTheNameInAnySpelling) {
    DnsServer server([](const DnsQuestion& question) {
        return question.type == dns_a ? dns_reply(question, dns_address("192.0.2.1", 60), 1) : dns_reply(question);
    });
    Resolver resolver({server.address()});
    Drain drain;
    for (const char* name : {"one.example:80", "ONE.example:80", "One.Example:80"}) {
        std::string why;
        std::vector<SocketAddress> found;
        EXPECT_EQ(resolver.resolve(*parse_address(name, why), monotonic_now() + 30'000'000'000, drain, found, why),
                  Lookup::found);
    }
    EXPECT_EQ(server.asked.load(), 2) << "once for each family";
}

TEST(Resolver, TakesABoundedNumberOfAddresses) {
    DnsServer server([](const DnsQuestion& question) -> std::optional<std::string> {
        if (question.type != dns_a) return dns_reply(question);
        if (!question.tcp) return dns_reply(question, "", 0, 0, true);
        std::string records;
        for (unsigned i = 0; i < 4000; ++i) records += dns_record(dns_a, 60, std::string("\x0a\0", 2) + dns16(i));
        return dns_reply(question, records, 4000);
    });
    Resolver resolver({server.address()});
    Drain drain;
    for (const char* why : {"4000 addresses, of which the host takes 64", ""}) { // the second answer comes from memory
        std::string said;
        std::vector<SocketAddress> found;
        const auto address = parse_address("many.example:80", said);
        EXPECT_EQ(resolver.resolve(*address, monotonic_now() + 30'000'000'000, drain, found, said), Lookup::found);
        EXPECT_EQ(found.size(), Resolver::most_addresses);
        EXPECT_EQ(said, why);
    }
}

} // namespace
} // namespace gatehouse::host
