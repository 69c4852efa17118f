#include "health.hpp"

#include <gtest/gtest.h>

using namespace gateway;
using namespace std::chrono_literals;
using State = Health::State;

namespace {

const Clock::time_point start{};

void checks(Health& health, std::string_view results, Clock::time_point now = start) {
    for (const char c : results) health.checked(c == '+', now);
}

void failures(Health& health, int count, Clock::time_point now = start) {
    for (int i = 0; i < count; ++i) health.connect_failed(health.connecting(), true, now);
}

TEST(Health, FallsAndRises) {
    const HealthRules rules{.rise = 2, .fall = 3};
    Health health(rules);
    EXPECT_TRUE(health.usable(start));
    checks(health, "--+--+--");
    EXPECT_EQ(health.state(), State::up);
    checks(health, "-");
    EXPECT_EQ(health.state(), State::down);
    EXPECT_FALSE(health.usable(start));
    EXPECT_FALSE(health.usable(start + 24h)) << "only a check brings it back";
    checks(health, "+-+");
    EXPECT_EQ(health.state(), State::down);
    checks(health, "+");
    EXPECT_EQ(health.state(), State::up);
    EXPECT_TRUE(health.usable(start));
}

TEST(Health, FailuresInARowEject) {
    const HealthRules rules{.failures = 3, .backoff = 1s};
    Health health(rules);
    failures(health, 2);
    health.connected(start);
    failures(health, 2);
    EXPECT_EQ(health.state(), State::up);
    failures(health, 1);
    EXPECT_EQ(health.state(), State::ejected);
    EXPECT_EQ(health.failures(), 3U);
    EXPECT_FALSE(health.usable(start + 999ms));
    EXPECT_EQ(health.changes_at(start), start + 1s);
    EXPECT_TRUE(health.usable(start + 1s));
    EXPECT_EQ(health.state(), State::ejected) << "until a connection has succeeded";
}

TEST(Health, OneConnectionIsOnTrialAndABackOffGrows) {
    const HealthRules rules{.failures = 1, .backoff = 1s, .max_backoff = 5s};
    Health health(rules);
    failures(health, 1);
    Clock::time_point now = start;
    for (const auto backoff : {1s, 2s, 4s, 5s, 5s}) {
        EXPECT_EQ(health.backoff(), backoff);
        EXPECT_FALSE(health.usable(now + backoff - 1ms));
        now += backoff;
        ASSERT_TRUE(health.usable(now));
        EXPECT_TRUE(health.connecting());
        EXPECT_FALSE(health.usable(now)) << "a connection is on trial";
        health.connect_failed(true, true, now);
    }
    now += 5s;
    EXPECT_TRUE(health.connecting());
    health.connected(now);
    EXPECT_EQ(health.state(), State::up);
    EXPECT_TRUE(health.usable(now));
    failures(health, 1, now);
    EXPECT_EQ(health.backoff(), 1s) << "it starts anew";
}

TEST(Health, ATrialThatComesToNothingIsRepeated) {
    const HealthRules rules{.failures = 1, .backoff = 1s};
    Health health(rules);
    failures(health, 1);
    EXPECT_TRUE(health.connecting());
    health.trial_abandoned();
    EXPECT_TRUE(health.usable(start + 1s));
    EXPECT_FALSE(health.usable(start + 999ms));
}

TEST(Health, ConnectionsThatWereUnderWayDoNotLengthenTheBackOff) {
    const HealthRules rules{.failures = 1, .backoff = 1s};
    Health health(rules);
    failures(health, 1);
    health.connect_failed(false, true, start + 500ms);
    EXPECT_TRUE(health.usable(start + 1s));
    health.connected(start + 600ms); // another one was slow, and came through
    EXPECT_EQ(health.state(), State::up);
}

TEST(Health, NobodyIsEjectedWhereThatIsOffOrThereIsNoOther) {
    const HealthRules off{.failures = 0};
    Health never(off);
    failures(never, 100);
    EXPECT_EQ(never.state(), State::up);
    const HealthRules rules{.failures = 1};
    Health alone(rules);
    alone.connect_failed(false, false, start);
    EXPECT_EQ(alone.state(), State::up);
}

TEST(Health, GoodChecksEndAnEjection) {
    const HealthRules rules{.rise = 2, .failures = 1, .backoff = 1h, .max_backoff = 1h};
    Health health(rules);
    checks(health, "+++++");
    failures(health, 1);
    checks(health, "+");
    EXPECT_EQ(health.state(), State::ejected) << "those before it do not count";
    checks(health, "+");
    EXPECT_EQ(health.state(), State::up);
}

TEST(Health, DownOutweighsEjected) {
    const HealthRules rules{.rise = 1, .fall = 1, .failures = 1, .backoff = 1s};
    Health health(rules);
    failures(health, 1);
    checks(health, "-");
    EXPECT_EQ(health.state(), State::down);
    EXPECT_FALSE(health.usable(start + 1h));
    health.connected(start);
    EXPECT_EQ(health.state(), State::down) << "a connection does not overrule a check";
    checks(health, "+");
    EXPECT_EQ(health.state(), State::up);
}

TEST(Health, StartsSlowlyAfterItsRecovery) {
    const HealthRules rules{.rise = 1, .fall = 1, .slow_start = 10s};
    Health health(rules);
    EXPECT_EQ(health.share(start), Slot::one) << "not at the beginning";
    checks(health, "-+");
    EXPECT_EQ(health.share(start), 1U);
    EXPECT_EQ(health.share(start + 2500ms), 64U);
    EXPECT_EQ(health.share(start + 5s), 128U);
    EXPECT_TRUE(health.changes_at(start + 5s).has_value());
    EXPECT_EQ(health.share(start + 10s), Slot::one);
    EXPECT_FALSE(health.changes_at(start + 10s).has_value());
}

TEST(Health, StartsSlowlyWhenItIsEnabled) {
    const HealthRules rules{.fall = 1, .slow_start = 10s};
    Health health(rules);
    health.enabled(start);
    EXPECT_EQ(health.share(start + 5s), 128U);
    checks(health, "-");
    health.enabled(start + 5s);
    EXPECT_EQ(health.state(), State::down) << "the operator's word does not overrule a check";
}

} // namespace
