#include "order_handover.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace gatehouse::host {
namespace {

constexpr int most_in_a_letter = 30; // of 2 KiB at most

} // namespace

// Each order begins with its network.
std::vector<std::string> order_letters(const Denials& denials) {
    std::vector<std::string> letters;
    HandoverMessage::Fields fields;
    int orders = 0;
    const auto end_letter = [&] {
        if (!fields.empty()) letters.push_back(handover_bytes("orders", fields));
        fields.clear();
        orders = 0;
    };
    denials.look([&](const Denials::Order& order, std::uint64_t refused) {
        fields.emplace_back("deny", to_string(order.network));
        fields.emplace_back("listener", order.listener);
        fields.emplace_back("by", order.by);
        fields.emplace_back("reason", order.reason);
        fields.emplace_back("since", std::to_string(order.since));
        fields.emplace_back("until", std::to_string(order.until));
        fields.emplace_back("ends", std::to_string(order.ends)); // the clock is the machine's
        fields.emplace_back("refused", std::to_string(refused));
        if (++orders == most_in_a_letter) end_letter();
        return true;
    });
    end_letter();
    return letters;
}

void take_orders(Denials& denials, const HandoverMessage::Fields& told) {
    std::optional<Denials::Order> order; // nothing: it is not understood
    std::uint64_t refused = 0;
    const auto give = [&] {
        if (order) denials.add(std::move(*order), refused);
        order.reset();
        refused = 0;
    };
    for (const auto& [name, value] : told) {
        if (name == "live") give(); // one of another kind
        if (name == "deny") {
            give();
            std::string problem;
            if (const std::optional<Network> network = parse_network(value, problem)) order.emplace().network = *network;
        }
        if (!order) continue;
        if (name == "listener") order->listener = value;
        if (name == "by") order->by = value;
        if (name == "reason") order->reason = value;
        if (name == "since") order->since = number_or(value, order->since);
        if (name == "until") order->until = number_or(value, order->until);
        if (name == "ends") order->ends = number_or(value, order->ends);
        if (name == "refused") refused = number_or(value, refused);
    }
    give();
}

// Each order begins with its key.
std::vector<std::string> live_order_letters(const LiveOrders& orders) {
    std::vector<std::string> letters;
    for (const LiveOrders::Order& order : orders.all())
        letters.push_back(handover_bytes("orders", {{"live", order.key},
                                                    {"number", std::to_string(order.number)},
                                                    {"value", order.value},
                                                    {"listener", order.listener},
                                                    {"source", order.source},
                                                    {"by", order.by},
                                                    {"reason", order.reason},
                                                    {"since", std::to_string(order.since)},
                                                    {"until", std::to_string(order.until)},
                                                    {"ends", std::to_string(order.ends)}}));
    return letters;
}

void take_live_orders(LiveOrders& orders, const HandoverMessage::Fields& told) {
    std::optional<LiveOrders::Order> order; // nothing: it is of another kind
    const auto give = [&] {
        if (order) orders.add(std::move(*order));
        order.reset();
    };
    for (const auto& [name, value] : told) {
        if (name == "deny" || name == "live") give();
        if (name == "live") order.emplace().key = value;
        if (!order) continue;
        if (name == "number") order->number = number_or(value, order->number);
        if (name == "value") order->value = value;
        if (name == "listener") order->listener = value;
        if (name == "source") order->source = value;
        if (name == "by") order->by = value;
        if (name == "reason") order->reason = value;
        if (name == "since") order->since = number_or(value, order->since);
        if (name == "until") order->until = number_or(value, order->until);
        if (name == "ends") order->ends = number_or(value, order->ends);
    }
    give();
}

} // namespace gatehouse::host
