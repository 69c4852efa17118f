#include "orders.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace gateway {
namespace {

bool keeps_clients_away(Order::What what) noexcept { return what == Order::What::disable || what == Order::What::drain; }

bool are_about_the_same(const Order& a, const Order& b) noexcept {
    return a.server == b.server && (a.what == b.what || (keeps_clients_away(a.what) && keeps_clients_away(b.what)));
}

} // namespace

std::string_view name_of(Order::What what) noexcept {
    constexpr std::array<std::string_view, 6> names{"disable", "drain", "weight", "limit", "add", "remove"};
    return names[static_cast<std::size_t>(what)];
}

const Order& Orders::give(Order order) {
    list_.reserve(list_.size() + 1); // so that the old one does not go if there is no memory for the new one
    std::erase_if(list_, [&](const Order& other) { return are_about_the_same(order, other); });
    order.number = ++last_number_;
    return list_.emplace_back(std::move(order));
}

template <class Ended>
std::vector<Order> Orders::end(Ended ended) {
    std::vector<Order> gone;
    std::ranges::copy_if(list_, std::back_inserter(gone), ended);
    std::erase_if(list_, ended);
    return gone;
}

std::vector<Order> Orders::take_back(std::uint32_t number) {
    return end([number](const Order& order) { return order.number == number; });
}

std::vector<Order> Orders::enable(std::string_view server) {
    return end([server](const Order& order) { return order.server == server && keeps_clients_away(order.what); });
}

std::vector<Order> Orders::forget(std::string_view server) {
    return end([server](const Order& order) {
        return order.server == server && (order.what == Order::What::add || order.what == Order::What::remove);
    });
}

std::vector<Order> Orders::expire(Clock::time_point now) {
    return end([now](const Order& order) { return order.until && *order.until <= now; });
}

bool Orders::replaces(const Order& order) const {
    return std::ranges::any_of(list_, [&](const Order& other) { return are_about_the_same(order, other); });
}

std::unordered_set<std::string_view> Orders::removed() const {
    std::unordered_set<std::string_view> names;
    for (const Order& order : list_)
        if (order.what == Order::What::remove) names.insert(order.server);
    return names;
}

Directions Orders::of(std::string_view server) const {
    Directions directions;
    for (const Order& order : list_) {
        if (order.server != server) continue;
        switch (order.what) {
        case Order::What::disable:
            directions.state = Directions::State::disabled;
            break;
        case Order::What::drain:
            directions.state = Directions::State::draining;
            break;
        case Order::What::weight:
            directions.weight = order.value;
            break;
        case Order::What::limit:
            directions.limit = order.value == 0 ? Slot::unlimited : order.value;
            break;
        case Order::What::remove:
            directions.removed = true;
            break;
        case Order::What::add:
            break;
        }
    }
    return directions;
}

const Order* Orders::find(Order::What what, std::string_view server) const {
    const auto found =
        std::ranges::find_if(list_, [&](const Order& order) { return order.what == what && order.server == server; });
    return found == list_.end() ? nullptr : &*found;
}

std::optional<Clock::time_point> Orders::next(Clock::time_point now) const {
    std::optional<Clock::time_point> next;
    const auto consider = [&](const std::optional<Clock::time_point>& time) {
        if (time && *time > now) next = next ? std::min(*next, *time) : *time;
    };
    for (const Order& order : list_) {
        consider(order.until);
        consider(order.cut_at);
    }
    return next;
}

} // namespace gateway
