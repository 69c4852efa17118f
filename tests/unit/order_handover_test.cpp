#include "order_handover.hpp"

#include "recorded_log.hpp"

#include <gtest/gtest.h>
#include <iterator>

namespace gatehouse::host {
namespace {

class OrderHandover : public testing::Test {
  protected:
    static std::vector<std::string> list(const Denials& denials) {
        std::vector<std::string> all;
        denials.look([&](const Denials::Order& order, std::uint64_t refused) {
            all.push_back(to_string(order) + '|' + order.by + '|' + order.reason + '|' + std::to_string(order.since) + '|' +
                          std::to_string(order.until) + '|' + std::to_string(order.ends) + '|' + std::to_string(refused));
            return true;
        });
        return all;
    }

    RecordedLog recorded_;
    Denials old_{recorded_.log};
    Denials new_{recorded_.log};
};

TEST_F(OrderHandover, TakesAllOrdersAsTheyAre) {
    for (std::uint64_t i = 0; i < 1000; ++i) {
        Denials::Order order;
        order.network = {{false, (0x0a000000U + i) << 32U, 0}, 32};
        order.listener = i % 3 == 0 ? "" : std::string(100, 'w');
        order.by = std::string(200, 'u');
        order.reason = std::string(800, 'r');
        order.since = 1'700'000'000'000;
        order.until = i % 2 == 0 ? Denials::Order::forever : 1'800'000'000'000;
        order.ends = i % 2 == 0 ? never : 5'000'000'000;
        old_.add(order, i);
    }
    const std::vector<std::string> letters = order_letters(old_);
    EXPECT_GT(letters.size(), 10U);
    HandoverMessage::Fields told;
    for (const std::string& letter : letters) {
        std::optional<HandoverMessage> message = parse_handover(letter);
        ASSERT_TRUE(message);
        EXPECT_EQ(message->what, "orders");
        std::ranges::move(message->fields, std::back_inserter(told));
    }
    take_orders(new_, told);
    EXPECT_EQ(list(new_), list(old_));
    EXPECT_EQ(list(new_).size(), 1000U);
}

// They hold in the next process as here, numbers included, and the others beside them.
TEST_F(OrderHandover, TakesOrdersAboutLimitsAndTheLog) {
    LiveOrders mine(recorded_.log);
    RecordedLog other;
    LiveOrders its(other.log);
    mine.add({0, "max_connections", "7", "web", "", "ops", "too many"});
    mine.add({0, "drain", "5m", "mail", "", "ops", ""});
    mine.add({9, "log.level", "debug", "web", "192.0.2.0/24", "ops", "", 1, 2, 5'000'000'000});
    std::string error;
    Denials::Order denied{parse_network("192.0.2.1", error).value(), "", "ops", "scans"};
    old_.add(denied, 3);
    HandoverMessage::Fields told;
    std::vector<std::string> letters = live_order_letters(mine);
    std::ranges::move(order_letters(old_), std::back_inserter(letters));
    for (const std::string& letter : letters) std::ranges::move(parse_handover(letter)->fields, std::back_inserter(told));
    take_orders(new_, told);
    take_live_orders(its, told);
    EXPECT_EQ(list(new_), list(old_));
    ASSERT_EQ(its.all().size(), 3U);
    EXPECT_NE(its.limits_of("mail").drained_by.load(), never);
    const LiveOrders::Order& limit = its.all().front();
    EXPECT_EQ(to_string(limit) + '|' + limit.by + '|' + limit.reason, "web max_connections = 7|ops|too many");
    const LiveOrders::Order& level = its.all().back();
    EXPECT_EQ(to_string(level), "log.level = debug of web from 192.0.2.0/24");
    EXPECT_EQ(level.number, 9U);
    EXPECT_EQ(level.ends, 5'000'000'000);
    EXPECT_EQ(its.limits_of("web").find(LiveLimits::Key::max_connections), 7U);
    EXPECT_TRUE(other.log.enabled(LogLevel::debug));
}

// Another version may say more, or something else.
TEST_F(OrderHandover, PassesOverWhatItDoesNotUnderstand) {
    take_orders(new_, {{"listener", "web"},
                       {"deny", "everybody"},
                       {"listener", "web"},
                       {"deny", "192.0.2.0/24"},
                       {"mood", "bad"},
                       {"since", "12x"},
                       {"refused", "-1"},
                       {"deny", "192.0.2.7"},
                       {"listener", "web"},
                       {"ends", "99999999999999999999999"}});
    EXPECT_EQ(list(new_), (std::vector<std::string>{"192.0.2.0/24|||0|0|" + std::to_string(never) + "|0",
                                                    "192.0.2.7 at web|||0|0|" + std::to_string(never) + "|0"}));
    EXPECT_TRUE(order_letters(old_).empty());
}

} // namespace
} // namespace gatehouse::host
