// The operator's orders: the pool does what they say, and puts things back when they end.
#include "pool.hpp"
#include "pool_change.hpp"
#include "time_text.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <unordered_set>
#include <utility>

namespace gateway {
namespace {

// For a line of the log.
std::string ordered(const Order& order) {
    return ", by the operator" +
           (order.until ? " for " + time_text(std::chrono::ceil<milliseconds>(*order.until - order.since)) : "") +
           (order.reason.empty() ? "" : ": " + order.reason);
}

} // namespace

// The names of the servers with this name or address, and of one that is gone but has orders.
std::vector<std::string> Pool::named(std::string_view server) const {
    std::vector<std::string> names;
    for (const auto& known : servers_)
        if ((known->name == server || known->address == server) && std::ranges::find(names, known->name) == names.end())
            names.push_back(known->name);
    if (names.empty() && std::ranges::find(orders_.list(), server, &Order::server) != orders_.list().end())
        names.emplace_back(server);
    if (names.empty())
        throw std::invalid_argument("there is no server " + in_quotes(server) + "; the command \"servers\" shows them");
    return names;
}

void Pool::expect_room_for(std::span<const Order> orders) const {
    const auto more = std::ranges::count_if(orders, [this](const Order& order) { return !orders_.replaces(order); });
    if (orders_.list().size() + static_cast<std::size_t>(more) > Orders::most)
        throw std::invalid_argument("there are " + count_text(orders_.list().size(), "order") +
                                    " already; the command \"orders\" shows them");
}

Pool::Changes Pool::order(std::string_view server, const Order& what, Clock::time_point now) {
    Change change(*this);
    Order order = what;
    order.since = now;
    std::vector<Order> given;
    std::vector<std::string> added; // by an order, which ends with a removal for good
    const bool for_good = what.what == Order::What::remove && !what.until;
    for (std::string& name : named(server)) {
        if (for_good && orders_.find(Order::What::add, name) != nullptr) {
            added.push_back(std::move(name));
        } else {
            given.push_back(order);
            given.back().server = std::move(name);
        }
    }
    expect_room_for(given);
    std::vector<Order> changed;
    for (const std::string& name : added)
        for (Order& over : orders_.forget(name)) changed.push_back(std::move(over));
    for (Order& one : given) changed.push_back(orders_.give(std::move(one)));
    return obey(change, changed, ordered(order), now);
}

Pool::Changes Pool::add(Order order, Clock::time_point now) {
    Change change(*this);
    const ServerSpec& spec = *order.added;
    for (const auto& server : servers_)
        if (!server->removed && (server->name == spec.name || server->address == spec.address))
            throw std::invalid_argument("there is a " + server->text() + " already");
    const std::vector<ServerSpec>& others = sources_.back().specs;
    const auto same_address = std::ranges::find(others, spec.address, &ServerSpec::address);
    const std::string& name = same_address == others.end() ? spec.name : same_address->name;
    if (const Order* removed = orders_.find(Order::What::remove, name))
        throw std::invalid_argument(in_quotes(name) + " is a server that order " + std::to_string(removed->number) +
                                    " has removed; \"order remove " + std::to_string(removed->number) + "\" brings it back");
    if (servers_.size() >= most_servers)
        throw std::invalid_argument("the pool has " + count_text(servers_.size(), "server") + " already");
    order.server = spec.name;
    order.since = now;
    expect_room_for({&order, 1});
    const std::string why = ordered(order);
    const std::vector<Order> changed{orders_.give(std::move(order))};
    return obey(change, changed, why, now);
}

void Pool::enable(std::string_view server, Clock::time_point now) {
    Change change(*this);
    std::vector<Order> over;
    for (const std::string& name : named(server))
        for (Order& order : orders_.enable(name)) over.push_back(std::move(order));
    obey(change, over, ", by the operator", now);
}

Pool::Changes Pool::take_back(std::uint32_t number, Clock::time_point now) {
    Change change(*this);
    const std::vector<Order> over = orders_.take_back(number);
    if (over.empty())
        throw std::invalid_argument("there is no order " + std::to_string(number) + "; the command \"orders\" shows them");
    return obey(change, over, ", by the operator", now);
}

Pool::Changes Pool::tend(Clock::time_point now) {
    Change change(*this);
    const std::vector<Order> over = orders_.expire(now);
    Changes changes;
    if (!over.empty()) changes = obey(change, over, ", since the time of an order is over", now);
    for (const Order& order : orders_.list())
        if (order.cut_at && *order.cut_at <= now)
            for (const auto& server : servers_)
                if (server->name == order.server) cut(change, *server, "its time to drain is over");
    for (const auto& server : servers_)
        if (server->cut_at && *server->cut_at <= now) cut(change, *server, "it is removed");
    return changes;
}

std::optional<Clock::time_point> Pool::next_tending(Clock::time_point now) {
    const std::lock_guard lock(mutex_);
    auto next = orders_.next(now);
    for (const auto& server : servers_)
        if (server->cut_at && *server->cut_at > now) next = next ? std::min(*next, *server->cut_at) : *server->cut_at;
    return next;
}

Orders Pool::orders() {
    const std::lock_guard lock(mutex_);
    return orders_;
}

// `changed`: the orders that are new, or over.
Pool::Changes Pool::obey(Change& change, std::span<const Order> changed, std::string_view why, Clock::time_point now) {
    std::unordered_set<std::string_view> names, removed;
    bool adds = false;
    for (const Order& order : changed) {
        names.insert(order.server);
        if (order.what == Order::What::remove) removed.insert(order.server);
        adds |= order.what == Order::What::add;
    }
    if (adds) {
        std::vector<ServerSpec> specs;
        for (const Order& order : orders_.list())
            if (order.added) specs.push_back(*order.added);
        sources_.back().specs = std::move(specs);
    }
    Changes changes;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
        const bool added = adds && i == sources_.size() - 1;
        if (added || std::ranges::any_of(sources_[i].specs, [&](const auto& spec) { return removed.contains(spec.name); }))
            supply(change, i, why, changes, now);
    }
    for (const auto& server : servers_)
        if (names.contains(server->name)) direct(change, *server, why, now);
    settle(change, now);
    dispatch(change, nullptr, now);
    return changes;
}

// Tells the server what the orders say of it now.
void Pool::direct(Change& change, Server& server, std::string_view why, Clock::time_point now) {
    const bool was_wanted = server.is_wanted();
    const std::uint32_t weight = server.weight_now(), limit = server.limit_now();
    const Directions before = std::exchange(server.directions, orders_.of(server.name));
    if (!was_wanted && server.is_wanted()) server.health.enabled(now);
    update(server, now);
    if (server.removed) return;
    const auto log = [&](const std::string& what) { // counts all servers, so it is for what has changed
        change.log(GATEHOUSE_LEVEL_INFO, server.text() + what + std::string(why) + "; " + availability());
    };
    if (before.state != server.directions.state) {
        constexpr std::array<std::string_view, 3> words{"enabled", "disabled", "to drain"};
        log(" is " + std::string(words[static_cast<std::size_t>(server.directions.state)]));
    }
    if (weight != server.weight_now()) log(" has a weight of " + std::to_string(server.weight_now()));
    if (limit != server.limit_now())
        log(server.limit_now() == Slot::unlimited ? " has no limit" : " has a limit of " + std::to_string(server.limit_now()));
}

} // namespace gateway
