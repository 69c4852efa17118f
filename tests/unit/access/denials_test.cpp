#include "access/denials.hpp"

#include "recorded_log.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <random>
#include <thread>
#include <vector>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds a_second = 1'000'000'000;

IpAddress client_at(std::string_view text) { return parse_ip_address(text).value_or(IpAddress()); }

Network net(std::string_view text) {
    std::string error;
    const std::optional<Network> result = parse_network(text, error);
    EXPECT_TRUE(result) << error;
    return result.value_or(Network());
}

Denials::Order order_for(std::string_view text, std::string listener = "", Nanoseconds ends = never) {
    Denials::Order order;
    order.network = net(text);
    order.listener = std::move(listener);
    order.by = "ops";
    order.ends = ends;
    return order;
}

class DenialsTest : public testing::Test {
  protected:
    // The network that denies it, or "".
    std::string denied(std::string_view ip, std::string_view listener = "web") {
        const std::optional<Network> by = denials_.deny(listener, client_at(ip));
        return by ? to_string(*by) : "";
    }

    // "NETWORK [at LISTENER] REFUSED".
    std::vector<std::string> list() {
        std::vector<std::string> all;
        denials_.look([&](const Denials::Order& each, std::uint64_t refused) {
            all.push_back(to_string(each) + ' ' + std::to_string(refused));
            return true;
        });
        return all;
    }

    RecordedLog recorded_;
    Denials denials_{recorded_.log};
};

TEST_F(DenialsTest, TheNarrowestOrderDeniesAndCounts) {
    EXPECT_FALSE(denials_.any());
    EXPECT_EQ(denied("192.0.2.1"), "");
    EXPECT_EQ(denials_.add(order_for("192.0.2.0/24")), Denials::Added::added);
    EXPECT_EQ(denials_.add(order_for("192.0.2.7")), Denials::Added::added);
    EXPECT_EQ(denials_.add(order_for("2001:db8::/32")), Denials::Added::added);
    EXPECT_TRUE(denials_.any());
    EXPECT_EQ(denied("192.0.2.1"), "192.0.2.0/24");
    EXPECT_EQ(denied("192.0.2.7"), "192.0.2.7");
    EXPECT_EQ(denied("192.0.2.7"), "192.0.2.7");
    EXPECT_EQ(denied("192.0.3.1"), "");
    EXPECT_EQ(denied("2001:db8::1"), "2001:db8::/32");
    EXPECT_EQ(denials_.deny("web", std::nullopt), std::nullopt); // a unix socket
    EXPECT_EQ(list(), (std::vector<std::string>{"192.0.2.0/24 1", "192.0.2.7 2", "2001:db8::/32 1"}));
}

TEST_F(DenialsTest, AnOrderMayBeForOneListener) {
    denials_.add(order_for("192.0.2.0/24", "web"));
    denials_.add(order_for("192.0.2.7"));
    EXPECT_EQ(denied("192.0.2.1"), "192.0.2.0/24");
    EXPECT_EQ(denied("192.0.2.1", "mail"), "");
    EXPECT_EQ(denied("192.0.2.7", "mail"), "192.0.2.7");
    EXPECT_EQ(denied("192.0.2.7"), "192.0.2.7"); // the narrowest first
    denials_.add(order_for("192.0.2.0/24"));
    EXPECT_EQ(denied("192.0.2.1"), "192.0.2.0/24");
    EXPECT_EQ(list(), (std::vector<std::string>{"192.0.2.0/24 0", "192.0.2.0/24 at web 2", "192.0.2.7 2"}));
    EXPECT_TRUE(denials_.remove(net("192.0.2.0/24"), ""));
    EXPECT_FALSE(denials_.remove(net("192.0.2.0/24"), ""));
    EXPECT_FALSE(denials_.remove(net("192.0.2.0/25"), "web"));
    EXPECT_TRUE(denials_.remove(net("192.0.2.0/24"), "web"));
    EXPECT_EQ(denied("192.0.2.7"), "192.0.2.7");
    EXPECT_TRUE(denials_.remove(net("192.0.2.7"), ""));
    EXPECT_FALSE(denials_.any());
    EXPECT_EQ(denied("192.0.2.7"), "");
}

TEST_F(DenialsTest, ThatIsGivenAgainReplacesAndKeepsTheCount) {
    denials_.add(order_for("192.0.2.0/24", "", 5 * a_second));
    EXPECT_EQ(denied("192.0.2.1"), "192.0.2.0/24");
    EXPECT_EQ(denials_.add(order_for("192.0.2.0/24")), Denials::Added::replaced);
    EXPECT_EQ(list(), (std::vector<std::string>{"192.0.2.0/24 1"}));
    denials_.supervise(6 * a_second);
    EXPECT_EQ(denied("192.0.2.1"), "192.0.2.0/24"); // it has no end any more
}

TEST_F(DenialsTest, EndsByItselfAtItsTime) {
    denials_.add(order_for("192.0.2.0/24", "", 7 * a_second));
    denials_.add(order_for("192.0.2.7", "web", 5 * a_second));
    denials_.add(order_for("198.51.100.0/24"));
    EXPECT_EQ(denials_.supervise(5 * a_second - 1), 5 * a_second);
    EXPECT_EQ(denied("192.0.2.7"), "192.0.2.7");
    EXPECT_EQ(denials_.supervise(5 * a_second), 7 * a_second);
    EXPECT_EQ(denied("192.0.2.7"), "192.0.2.0/24");
    EXPECT_EQ(denials_.supervise(8 * a_second), never);
    EXPECT_EQ(denied("192.0.2.7"), "");
    EXPECT_EQ(list(), (std::vector<std::string>{"198.51.100.0/24 0"}));
    EXPECT_EQ(recorded_.records(),
              (std::vector<std::string>{R"("message":"orders have ended: their time is over","command":"deny","count":1,)"
                                        R"("networks":"192.0.2.7 at web"})",
                                        R"("message":"orders have ended: their time is over","command":"deny","count":1,)"
                                        R"("networks":"192.0.2.0/24"})"}));
}

TEST_F(DenialsTest, AreBounded) {
    const auto nth = [](std::uint64_t number) {
        Denials::Order one = order_for("0.0.0.0");
        one.network.address.high = (0x0a000000U + 2 * number) << 32U;
        return one;
    };
    for (std::uint64_t i = 0; i < Denials::most; ++i) ASSERT_EQ(denials_.add(nth(i)), Denials::Added::added);
    EXPECT_EQ(denials_.add(nth(Denials::most)), Denials::Added::too_many);
    EXPECT_EQ(denials_.add(nth(17)), Denials::Added::replaced);
    EXPECT_EQ(denials_.size(), Denials::most);
    EXPECT_EQ(denials_.deny("web", nth(Denials::most).network.address), std::nullopt);
    EXPECT_EQ(denials_.deny("web", nth(Denials::most - 1).network.address), nth(Denials::most - 1).network);
}

// Whatever is added, removed and ended: the same as a list that is looked through.
TEST_F(DenialsTest, DenyAsAListDoesThatIsLookedThrough) {
    std::mt19937 random(17);
    const auto below = [&](unsigned end) { return static_cast<unsigned>(random() % end); };
    const std::vector<std::string> listeners{"", "web", "mail"};
    std::vector<Denials::Order> model;
    Nanoseconds now = 0;
    const auto random_network = [&] {
        const auto length = static_cast<std::uint8_t>(24 + below(9));
        return Network{masked({false, std::uint64_t{0xc0000200U + below(256)} << 32U, 0}, length), length};
    };
    for (int step = 0; step < 3000; ++step) {
        now += below(3);
        const Network some = random_network();
        const std::string& listener = listeners[below(3)];
        const auto same = [&](const Denials::Order& each) { return each.network == some && each.listener == listener; };
        switch (below(4)) {
        case 0:
        case 1: {
            Denials::Order added = order_for("0.0.0.0", listener, below(2) == 0 ? never : now + 1 + below(40));
            added.network = some;
            EXPECT_EQ(denials_.add(added), std::erase_if(model, same) == 0 ? Denials::Added::added : Denials::Added::replaced);
            model.push_back(added);
            break;
        }
        case 2:
            EXPECT_EQ(denials_.remove(some, listener), std::erase_if(model, same) != 0);
            break;
        default:
            break;
        }
        const Nanoseconds again = denials_.supervise(now);
        std::erase_if(model, [&](const Denials::Order& each) { return each.ends <= now; });
        for (const Denials::Order& each : model) EXPECT_LE(again, each.ends);
        ASSERT_EQ(denials_.size(), model.size());
        const IpAddress client{false, std::uint64_t{0xc0000200U + below(256)} << 32U, 0};
        const std::string& at = listeners[1 + below(2)];
        const Denials::Order* narrowest = nullptr;
        for (const Denials::Order& each : model) {
            if (!each.network.contains(client) || (!each.listener.empty() && each.listener != at)) continue;
            const auto rank = [](const Denials::Order& one) { return std::pair(one.network.length, !one.listener.empty()); };
            if (narrowest == nullptr || rank(each) > rank(*narrowest)) narrowest = &each;
        }
        EXPECT_EQ(denials_.deny(at, client), narrowest != nullptr ? std::optional(narrowest->network) : std::nullopt);
    }
}

// An order that stays denies without a gap while others come and go.
TEST_F(DenialsTest, AreLookedUpWhileTheyChange) {
    denials_.add(order_for("192.0.2.0/24"));
    std::atomic<bool> over{false};
    std::atomic<std::uint64_t> asked{0};
    std::vector<std::thread> acceptors;
    acceptors.reserve(3);
    for (int i = 0; i < 3; ++i)
        acceptors.emplace_back([&] {
            const IpAddress client = client_at("192.0.2.9");
            while (!over.load()) {
                EXPECT_NE(denials_.deny("web", client), std::nullopt);
                asked.fetch_add(1);
            }
        });
    while (asked.load() == 0) std::this_thread::yield();
    for (int i = 0; i < 300; ++i) {
        denials_.add(order_for("192.0.2.9", i % 2 == 0 ? "web" : "", i + 5));
        denials_.supervise(i);
    }
    over.store(true);
    for (std::thread& acceptor : acceptors) acceptor.join();
    denials_.supervise(1000);
    EXPECT_EQ(list().size(), 1U);
}

} // namespace
} // namespace gatehouse::host
