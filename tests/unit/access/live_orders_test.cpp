#include "access/live_orders.hpp"

#include "recorded_log.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

using Added = LiveOrders::Added;

class LiveOrdersTest : public testing::Test {
  protected:
    static LiveOrders::Order limit(const std::string& listener, const std::string& key, const std::string& value) {
        LiveOrders::Order order;
        order.key = key;
        order.value = value;
        order.listener = listener;
        return order;
    }
    static LiveOrders::Order level(const std::string& value, const std::string& listener, const std::string& source) {
        LiveOrders::Order order = limit(listener, std::string(level_key), value);
        order.source = source;
        return order;
    }
    auto rate(const std::string& listener) { return orders_.limits_of(listener).find(LiveLimits::Key::rate); }

    RecordedLog recorded_;
    LiveOrders orders_{recorded_.log};
};

TEST_F(LiveOrdersTest, ALimitHoldsUntilItIsRemovedOrItsTimeIsOver) {
    EXPECT_EQ(orders_.add(limit("web", "rate.connections", "5")), Added::added);
    EXPECT_EQ(rate("web"), 5U);
    EXPECT_EQ(rate("mail"), std::nullopt);
    LiveOrders::Order again = limit("web", "rate.connections", "0");
    again.ends = 100;
    EXPECT_EQ(orders_.add(again), Added::replaced);
    EXPECT_EQ(rate("web"), 0U);
    ASSERT_EQ(orders_.all().size(), 1U);
    EXPECT_EQ(orders_.supervise(99), 100);
    EXPECT_EQ(rate("web"), 0U);
    EXPECT_EQ(orders_.supervise(100), never);
    EXPECT_EQ(rate("web"), std::nullopt);
    EXPECT_EQ(recorded_.records().back(),
              R"("message":"an order has ended: its time is over","order":"web rate.connections = 0"})");
    EXPECT_EQ(orders_.add(limit("web", "rate.connections", "7")), Added::added);
    const std::uint64_t number = orders_.all().back().number;
    EXPECT_TRUE(orders_.remove(number));
    EXPECT_FALSE(orders_.remove(number));
    EXPECT_EQ(rate("web"), std::nullopt);
}

TEST_F(LiveOrdersTest, ADrainHoldsUntilItIsRemovedOrItsTimeIsOver) {
    const auto& web = orders_.limits_of("web");
    LiveOrders::Order drain = limit("web", std::string(drain_key), "5m");
    drain.ends = 100;
    EXPECT_EQ(orders_.add(drain), Added::added);
    EXPECT_EQ(to_string(orders_.all().back()), "drain of web");
    EXPECT_NE(web.drained_by.load(), never);
    EXPECT_LE(web.drained_by.load(), monotonic_now() + 300'000'000'000);
    EXPECT_EQ(orders_.limits_of("mail").drained_by.load(), never);
    EXPECT_FALSE(orders_.is_followed());
    EXPECT_EQ(orders_.supervise(7), 7) << "the listeners follow at once";
    EXPECT_TRUE(orders_.is_followed());
    EXPECT_EQ(orders_.supervise(7), 100);
    EXPECT_EQ(orders_.supervise(100), 100);
    EXPECT_EQ(web.drained_by.load(), never);
    EXPECT_TRUE(orders_.all().empty());
    EXPECT_EQ(orders_.add(limit("web", std::string(drain_key), "0s")), Added::added);
    EXPECT_EQ(orders_.count(drain_key), 1U);
    EXPECT_EQ(orders_.find(drain_key, "mail"), nullptr);
    ASSERT_NE(orders_.find(drain_key, "web"), nullptr);
    EXPECT_TRUE(orders_.remove(orders_.find(drain_key, "web")->number));
    EXPECT_EQ(web.drained_by.load(), never);
}

TEST_F(LiveOrdersTest, WhatIsNoLimitChangesNothing) {
    for (const char* value : {"", "-1", "5x", "1000001", "99999999999"})
        EXPECT_EQ(orders_.add(limit("web", "rate.connections", value)), Added::wrong) << value;
    EXPECT_EQ(orders_.add(limit("web", "max_connections", "0")), Added::wrong);
    EXPECT_EQ(orders_.add(limit("web", "backlog", "5")), Added::wrong);
    EXPECT_EQ(orders_.add(limit("web", std::string(drain_key), "soon")), Added::wrong);
    EXPECT_EQ(orders_.add(limit("", std::string(drain_key), "5m")), Added::wrong);
    EXPECT_EQ(orders_.add(level("loud", "", "")), Added::wrong);
    EXPECT_EQ(orders_.add(level("debug", "", "192.0.2.1/24")), Added::wrong);
    EXPECT_TRUE(orders_.all().empty());
    EXPECT_EQ(orders_.changes(), 0U);
    EXPECT_FALSE(recorded_.log.enabled(LogLevel::debug));
}

TEST_F(LiveOrdersTest, TheLogMayBeMadeToSayMoreOfSomeAlone) {
    Log& log = recorded_.log;
    const auto written = [&](const Fields& fields) {
        const std::size_t before = recorded_.records().size();
        log.debug("look", fields);
        return recorded_.records().size() != before;
    };
    EXPECT_FALSE(written({{"listener", "web"}}));
    EXPECT_EQ(orders_.add(level("debug", "web", "192.0.2.0/24")), Added::added);
    EXPECT_TRUE(written({{"listener", "web"}, {"peer", "192.0.2.7:80"}}));
    EXPECT_TRUE(written({{"id", "web-1000a"}, {"peer", "192.0.2.7:80"}}));
    EXPECT_FALSE(written({{"listener", "web"}, {"peer", "198.51.100.7:80"}}));
    EXPECT_FALSE(written({{"listener", "mail"}, {"peer", "192.0.2.7:80"}}));
    EXPECT_FALSE(written({{"listener", "web"}}));
    EXPECT_EQ(orders_.add(level("debug", "", "2001:db8::/32")), Added::replaced);
    EXPECT_TRUE(written({{"peer", "[2001:db8::1]:80"}}));
    EXPECT_FALSE(written({{"peer", "unix:"}}));
    const std::size_t before = recorded_.records().size();
    log.info("of nobody");
    EXPECT_EQ(recorded_.records().size(), before + 1) << "what the configuration wants is written all the same";
    EXPECT_EQ(orders_.add(level("error", "", "")), Added::replaced);
    EXPECT_FALSE(log.enabled(LogLevel::info));
    EXPECT_TRUE(orders_.remove(orders_.all().back().number));
    EXPECT_TRUE(log.enabled(LogLevel::info));
    EXPECT_FALSE(log.enabled(LogLevel::debug));
}

TEST_F(LiveOrdersTest, AnOrderAboutSomeTakesNothingFromTheOthers) {
    Log& log = recorded_.log;
    const LogLevel before = log.level();
    EXPECT_EQ(orders_.add(level("error", "web", "")), Added::added);
    EXPECT_EQ(log.level(), before);
    EXPECT_EQ(orders_.add(level("warning", "", "192.0.2.0/24")), Added::replaced);
    log.configure(LogLevel::debug);
    EXPECT_EQ(log.level(), LogLevel::debug);
    log.configure(before);
    EXPECT_EQ(log.level(), before);
}

} // namespace
} // namespace gatehouse::host
