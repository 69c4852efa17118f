// The commands that give orders, which hold beside the configuration: `gatehouse deny`.
#pragma once

#include "access/denials.hpp"
#include "access/live_orders.hpp"
#include "base/printable.hpp"
#include "base/time_text.hpp"
#include "host_commands.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::host {

// Who gives an order, why and for how long; of those who give orders of any kind. `problem`: what is wrong with it, and left
// alone if nothing is.
template <class Order>
void begin_order(Order& order, const Arguments& with, const Caller& who, std::optional<Milliseconds> time,
                 std::string& problem) {
    constexpr std::size_t longest_reason = 200; // bytes
    order.by = who.user;
    order.reason = printable(with.text("reason"), longest_reason);
    order.since = milliseconds_since_1970();
    if (with.text("reason").size() > longest_reason)
        problem = "the reason is longer than " + std::to_string(longest_reason) + " bytes";
    if (!time) return;
    order.until = order.since + time->count();
    order.ends = plus(monotonic_now(), time->count() * 1'000'000);
    if (time->count() == 0) problem = "an order for no time is none (expected \"for\" to be longer)";
}

// "until 2026-11-29T18:00:00.000Z", or "until it is removed"; `until` as an order has it. May throw std::bad_alloc. [any]
std::string end_text(std::int64_t until);

HostCommand deny_add_command(const AllGenerations& generations);
HostCommand deny_list_command(const AllGenerations& generations);
HostCommand deny_remove_command(const AllGenerations& generations);

// Ends the order for this network, at this listener or, if that is empty, for all of them. [main]
HostCommand::Answer remove_denial(const AllGenerations& generations, const std::string& network, const std::string& listener);

// For a plan, a line: "1 order holds: 192.0.2.0/24 at web is denied by ops until 2026-11-29T18:00:00.000Z, "scans"". None if
// there are none. May throw std::bad_alloc. [main]
std::vector<std::string> orders_that_hold(const Denials& denials, const LiveOrders& live);

} // namespace gatehouse::host
