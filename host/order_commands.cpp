#include "order_commands.hpp"

#include "base/printable.hpp"
#include "base/time_text.hpp"
#include "connection_commands.hpp"
#include "generation.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace gatehouse::host {
namespace {

using Wanted = Parameter::Type;

constexpr std::int64_t usual_orders = 1000;
constexpr std::int64_t most_orders = 10'000;    // in an answer
constexpr std::size_t most_planned = 3;         // in a plan
constexpr std::size_t longest_list = 200;       // bytes, of other listeners
constexpr Nanoseconds second_look = 10'000'000; // after the first

std::string as_moment(std::int64_t milliseconds) { return std::string(time_text(milliseconds).view()); }

Json text_or_null(const std::string& text) { return text.empty() ? Json::raw("null") : Json::text(text); }

Denials& denials_of(const AllGenerations& generations) { return generations().front()->standing().denials; }

// `problem`: why there is none, and empty if there is one.
Denials::Order read_order(const Arguments& with, const Caller& who, std::string& problem) {
    Denials::Order order;
    order.listener = with.text("listener");
    begin_order(order, with, who, with.duration("for"), problem);
    if (const std::optional<Network> network = parse_network(with.text("network"), problem)) order.network = *network;
    return order;
}

HostAnswer tell_added(const Denials::Order& order, bool replaced, bool cut, std::uint64_t connections) {
    HostAnswer answer;
    answer.result = Json::object()
                        .set("network", Json::text(to_string(order.network)))
                        .set("listener", text_or_null(order.listener))
                        .set("until", text_or_null(order.until != Denials::Order::forever ? as_moment(order.until) : ""))
                        .set("replaced", Json::raw(replaced ? "true" : "false"))
                        .set(cut ? "killed" : "open", Json::raw(std::to_string(connections)));
    answer.text =
        to_string(order) + " is denied " + end_text(order.until) + (replaced ? ", instead of the order before" : "") + '\n';
    if (cut)
        answer.text += tell_killed(connections) + '\n';
    else if (connections != 0)
        answer.text += std::to_string(connections) +
                       (connections == 1 ? " open connection goes on" : " open connections go on") + "; --cut ends such\n";
    return answer;
}

HostCommand::Answer add_order(const AllGenerations& generations, const Arguments& with, const Caller& who) {
    std::string problem;
    const Denials::Order order = read_order(with, who, problem);
    if (!problem.empty()) return HostCommand::fails("bad_argument", problem);
    if (const std::vector<std::string> names = listener_names(generations);
        !order.listener.empty() && std::ranges::find(names, order.listener) == names.end())
        return HostCommand::at_once(no_such("listener", order.listener, names));
    const Denials::Added added = denials_of(generations).add(order);
    if (added == Denials::Added::too_many)
        return HostCommand::fails("busy", "there are " + std::to_string(Denials::most) +
                                              " such orders already; use deny_file of the listener for so many networks");
    const bool replaced = added == Denials::Added::replaced;
    if (!with.flag("cut"))
        return HostCommand::at_once(tell_added(order, replaced, false, count_from(generations, order.network, order.listener)));
    // A thread may have let one in just before, and may not have opened it yet: the host looks once more.
    const std::uint64_t killed = kill_from(generations, order.network, order.listener);
    const Nanoseconds again = monotonic_now() + second_look;
    return [generations, order, replaced, killed, again]() -> std::optional<HostAnswer> {
        if (monotonic_now() < again) {
            generations().front()->standing().alarm.wake_by(again);
            return std::nullopt;
        }
        const std::uint64_t late = kill_from(generations, order.network, order.listener);
        return tell_added(order, replaced, true, killed + late);
    };
}

HostAnswer orders_table(const Denials& denials, std::size_t rows) {
    HostAnswer answer;
    answer.table.columns = {
        "network", "listener", "by", {"since", Cell::Type::time}, {"until", Cell::Type::time}, {"refused", Cell::Type::number},
        "reason"};
    const auto none_if_empty = [](const std::string& text) { return text.empty() ? Cell() : Cell(text); };
    std::size_t shown = 0;
    denials.look([&](const Denials::Order& order, std::uint64_t refused) {
        if (shown == rows) return false;
        ++shown;
        const Cell until = order.until == Denials::Order::forever ? Cell() : Cell(Cell::Type::time, order.until);
        answer.table.cells.insert(answer.table.cells.end(), {to_string(order.network), none_if_empty(order.listener), order.by,
                                                             Cell(Cell::Type::time, order.since), until, Cell::count(refused),
                                                             none_if_empty(order.reason)});
        return true;
    });
    answer.more = denials.size() - shown;
    return answer;
}

// There is none for this network and listener; the other ones for the network, if there are any.
HostAnswer no_order(const Denials& denials, const Network& network, const std::string& listener) {
    std::string others;
    denials.look([&](const Denials::Order& order, std::uint64_t /*refused*/) {
        if (order.network == network)
            others += (others.empty() ? "" : ", ") + (order.listener.empty() ? "all listeners" : order.listener);
        return !(network < order.network) && others.size() < longest_list;
    });
    return failure("not_found", "there is no order for " + to_string(Denials::Order{network, listener, "", ""}) +
                                    (others.empty() ? "" : " (there is for " + others + ")"));
}

} // namespace

HostCommand::Answer remove_denial(const AllGenerations& generations, const std::string& text, const std::string& listener) {
    Denials& denials = denials_of(generations);
    std::string problem;
    const std::optional<Network> network = parse_network(text, problem);
    if (!network) return HostCommand::fails("bad_argument", problem);
    Denials::Order order;
    order.network = *network;
    order.listener = listener;
    if (!denials.remove(order.network, order.listener))
        return HostCommand::at_once(no_order(denials, order.network, order.listener));
    HostAnswer answer;
    answer.result =
        Json::object().set("network", Json::text(to_string(order.network))).set("listener", text_or_null(order.listener));
    answer.text = to_string(order) + " is not denied any more by an order\n";
    return HostCommand::at_once(std::move(answer));
}

std::string end_text(std::int64_t until) {
    return until == Denials::Order::forever ? "until it is removed" : "until " + as_moment(until);
}

HostCommand deny_add_command(const AllGenerations& generations) {
    HostCommand command;
    command.name = "deny.add";
    command.summary = "refuses newcomers from a network from now on, whatever the file allows; their reason is denied_acl";
    command.parameters = {{"network", Wanted::text, true, "an address or a network, such as 192.0.2.0/24", false},
                          {"listener", Wanted::text, false, "at this listener alone", false},
                          {"for", Wanted::duration, false, "for how long (default: until it is removed)", false},
                          {"reason", Wanted::text, false, "why, for those who look at the orders", false},
                          {"cut", Wanted::flag, false, "resets its open connections as well; their reason is killed", false}};
    command.run = [generations](const Arguments& with, const Caller& who) { return add_order(generations, with, who); };
    return command;
}

HostCommand deny_list_command(const AllGenerations& generations) {
    HostCommand command;
    command.name = "deny.list";
    command.summary = "shows the orders that deny networks, and how many newcomers each has refused";
    command.parameters = {{"limit", Wanted::number, false, "so many rows at most (default 1000, at most 10000)", false}};
    command.shows = true;
    command.run = [generations](const Arguments& with, const Caller&) {
        const std::int64_t rows = std::min(with.number("limit").value_or(usual_orders), most_orders);
        return HostCommand::at_once(orders_table(denials_of(generations), static_cast<std::size_t>(rows)));
    };
    return command;
}

HostCommand deny_remove_command(const AllGenerations& generations) {
    HostCommand command;
    command.name = "deny.remove";
    command.summary = "ends an order of deny.add before its time";
    command.parameters = {{"network", Wanted::text, true, "its network", false},
                          {"listener", Wanted::text, false, "the one that it is for; else the order for all of them", false}};
    command.run = [generations](const Arguments& with, const Caller&) {
        return remove_denial(generations, with.text("network"), with.text("listener"));
    };
    return command;
}

std::vector<std::string> orders_that_hold(const Denials& denials, const LiveOrders& live) {
    const std::size_t count = denials.size() + live.all().size();
    if (count == 0) return {};
    std::string line = count == 1 ? "1 order holds: " : std::to_string(count) + " orders hold: ";
    std::size_t named = 0;
    const auto name = [&](const std::string& what, const auto& order) {
        line += (named == 0 ? "" : "; ") + what + " by " + order.by + ' ' + end_text(order.until);
        if (!order.reason.empty()) line += ", " + in_quotes(order.reason);
        return ++named < most_planned;
    };
    for (const LiveOrders::Order& order : live.all())
        if (!name(to_string(order), order)) break;
    if (named < most_planned)
        denials.look([&](const Denials::Order& order, std::uint64_t /*refused*/) {
            return name(to_string(order) + " is denied", order);
        });
    if (count > named) line += "; and " + std::to_string(count - named) + " more: gatehouse orders";
    return {line};
}

} // namespace gatehouse::host
