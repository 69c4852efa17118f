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
