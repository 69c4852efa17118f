#include "serving/refusals.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds a_second = 1'000'000'000;

SocketAddress client(const std::string& text) { return *numeric_address({Address::Kind::tcp, text, 80, "", ""}); }

// How many of them have a record of their own.
int recorded(Refusals& refusals, const SocketAddress& from, int count, Nanoseconds now, Reason reason = Reason::denied_acl) {
    int records = 0;
    bool first = false;
    for (int i = 0; i < count; ++i) records += refusals.has_record(reason, from, now, first) ? 1 : 0;
    return records;
}

TEST(Refusals, BeyondTheLimitShareARecordWhenTheSecondIsOver) {
    Refusals refusals(10, 32, 64);
    const Nanoseconds now = 100 * a_second;
    const SocketAddress source = client("192.0.2.1");
    EXPECT_EQ(recorded(refusals, source, 1000, now), 10);
    Nanoseconds again = never;
    EXPECT_FALSE(refusals.take(now, false, again));
    EXPECT_EQ(again, now + a_second);
    EXPECT_EQ(recorded(refusals, source, 5, now + 2 * a_second),
              0); // until they are told, or the record would lie about its time
    const std::optional<Refusals::Many> many = refusals.take(now + 2 * a_second, false, again);
    ASSERT_TRUE(many);
    EXPECT_EQ(many->count, 995U);
    EXPECT_EQ(many->reason, Reason::denied_acl);
    EXPECT_EQ(to_string(many->peer), to_string(source));
    EXPECT_LE(many->first, many->last);
    EXPECT_FALSE(refusals.take(now + 2 * a_second, true, again));
    EXPECT_EQ(recorded(refusals, source, 5, now + 3 * a_second), 5);
}

TEST(Refusals, AreApartBySourceAndReason) {
    Refusals refusals(1, 32, 64);
    const Nanoseconds now = 100 * a_second;
    EXPECT_EQ(recorded(refusals, client("192.0.2.1"), 3, now), 1);
    EXPECT_EQ(recorded(refusals, client("192.0.2.2"), 3, now), 1);
    EXPECT_EQ(recorded(refusals, client("192.0.2.1"), 3, now, Reason::over_rate), 1);
    Nanoseconds again = never;
    int told = 0;
    while (const std::optional<Refusals::Many> many = refusals.take(now, true, again)) {
        EXPECT_EQ(many->count, 2U);
        ++told;
    }
    EXPECT_EQ(told, 3);
}

TEST(Refusals, TheFirstOneWithoutARecordIsTold) {
    Refusals refusals(1, 32, 64);
    bool first = false;
    EXPECT_TRUE(refusals.has_record(Reason::over_rate, client("192.0.2.1"), a_second, first));
    EXPECT_FALSE(refusals.has_record(Reason::over_rate, client("192.0.2.1"), a_second, first));
    EXPECT_TRUE(first);
    EXPECT_FALSE(refusals.has_record(Reason::over_rate, client("192.0.2.1"), a_second, first));
    EXPECT_FALSE(first);
}

TEST(Refusals, ANetworkThatIsOneSourceSharesARecord) {
    Refusals refusals(1, 24, 64);
    EXPECT_EQ(recorded(refusals, client("2001:db8::1"), 1, a_second), 1);
    EXPECT_EQ(recorded(refusals, client("2001:db8::2"), 1, a_second), 0);
    EXPECT_EQ(recorded(refusals, client("2001:db8:0:1::2"), 1, a_second), 1);
    EXPECT_EQ(recorded(refusals, client("192.0.2.1"), 1, a_second), 1);
    EXPECT_EQ(recorded(refusals, client("192.0.2.2"), 1, a_second), 0);
}

// Whoever comes from more sources than there is room for shares a record, and none of it is lost.
TEST(Refusals, ManySourcesLoseNothing) {
    Refusals refusals(1, 32, 64);
    std::uint64_t all = 0;
    for (int i = 0; i < 1000; ++i)
        all += static_cast<std::uint64_t>(
            recorded(refusals, client("192.0." + std::to_string(i / 250) + '.' + std::to_string(i % 250)), 2, a_second));
    EXPECT_LE(all, 257U) << "one for each place, and one for those without";
    Nanoseconds again = never;
    while (const std::optional<Refusals::Many> many = refusals.take(a_second, true, again)) all += many->count;
    EXPECT_EQ(all, 2000U);
}

TEST(Refusals, WithoutALimitEachHasItsRecord) {
    Refusals refusals(0, 32, 64);
    EXPECT_EQ(recorded(refusals, client("192.0.2.1"), 100, a_second), 100);
}

} // namespace
} // namespace gatehouse::host
