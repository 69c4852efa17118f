#include "live_order_commands.hpp"

#include "base/printable.hpp"
#include "base/time_text.hpp"
#include "generation.hpp"
#include "order_commands.hpp"
#include "plugin_table.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::host {
namespace {

using Wanted = Parameter::Type;

constexpr std::size_t most_shown = 10'000; // rows
constexpr const char* until_removed = "for how long (default: until it is removed)";

LiveOrders& live_orders_of(const AllGenerations& generations) { return generations().front()->standing().live_orders; }

Service* find_service(const AllGenerations& generations, const std::string& listener) {
    for (const auto& service : generations().front()->services())
        if (service->config.name == listener) return service.get();
    return nullptr;
}

HostAnswer tell_given(const LiveOrders::Order& order, bool replaced) {
    HostAnswer answer;
    answer.result =
        Json::object()
            .set("order", Json::raw(std::to_string(order.number)))
            .set("listener", order.listener.empty() ? Json::raw("null") : Json::text(order.listener))
            .set("key", Json::text(order.key))
            .set("value", order.key == level_key ? Json::text(order.value) : Json::raw(std::to_string(std::stoul(order.value))))
            .set("until",
                 order.until == LiveOrders::Order::forever ? Json::raw("null") : Json::text(time_text(order.until).view()))
            .set("replaced", Json::raw(replaced ? "true" : "false"));
    answer.text = to_string(order) + ' ' + end_text(order.until) + (replaced ? ", instead of the order before" : "") +
                  " (order " + std::to_string(order.number) + ")\n";
    return answer;
}

HostAnswer give(LiveOrders& orders, LiveOrders::Order order, const std::string& if_wrong) {
    switch (const LiveOrders::Added added = orders.add(std::move(order))) {
    case LiveOrders::Added::added:
    case LiveOrders::Added::replaced:
        return tell_given(orders.all().back(), added == LiveOrders::Added::replaced);
    case LiveOrders::Added::too_many:
        return failure("busy", "there are " + std::to_string(LiveOrders::most) + " such orders already");
    case LiveOrders::Added::wrong:
        break;
    }
    return failure("bad_argument", if_wrong);
}

// "rate.connections=5".
HostAnswer set_limit(const AllGenerations& generations, const Arguments& with, const Caller& who) {
    std::string problem;
    LiveOrders::Order order;
    begin_order(order, with, who, with.duration("for"), problem);
    if (!problem.empty()) return failure("bad_argument", problem);
    order.listener = with.text("listener");
    Service* const service = find_service(generations, order.listener);
    if (service == nullptr) return no_such("listener", order.listener, listener_names(generations));
    const std::string set = with.text("set");
    const std::size_t equals = set.find('=');
    order.key = set.substr(0, equals);
    if (equals == std::string::npos || !LiveLimits::key(order.key))
        return equals == std::string::npos
                   ? failure("bad_argument", in_quotes(set) + " sets nothing (expected one such as rate.connections=5)")
                   : no_such("live limit", order.key, {LiveLimits::names.begin(), LiveLimits::names.end()});
    order.value = set.substr(equals + 1);
    if (LiveLimits::key(order.key) != LiveLimits::Key::max_connections)
        service->endpoint().make_sources(service->config); // it may not have counted them so far
    return give(live_orders_of(generations), std::move(order),
                in_quotes(set) + " is no limit (expected a whole number up to " + std::to_string(LiveLimits::most) +
                    "; 0 is none, but for max_connections)");
}

HostAnswer set_level(const AllGenerations& generations, const Arguments& with, const Caller& who) {
    constexpr Milliseconds usual = std::chrono::minutes(10);
    constexpr Milliseconds longest = std::chrono::days(1);
    std::string problem;
    LiveOrders::Order order;
    begin_order(order, with, who, std::min(with.duration("for").value_or(usual), longest), problem);
    order.key = level_key;
    order.value = with.text("level");
    order.listener = with.text("listener");
    order.source = with.text("source");
    if (std::ranges::find(level_names, order.value) == level_names.end())
        return no_such("level", order.value, {level_names.begin(), level_names.end()});
    if (!order.listener.empty() && find_service(generations, order.listener) == nullptr)
        return no_such("listener", order.listener, listener_names(generations));
    if (!order.source.empty()) (void)parse_network(order.source, problem);
    const auto level = static_cast<LogLevel>(std::ranges::find(level_names, order.value) - level_names.begin());
    const LogLevel configured = generations().front()->config().log.level;
    if (level >= configured && !(order.listener.empty() && order.source.empty()))
        problem = "of some alone the log can only say more than its level " +
                  std::string(level_names[static_cast<std::size_t>(configured)]) + ", which it has for all";
    if (!problem.empty()) return failure("bad_argument", problem);
    return give(live_orders_of(generations), std::move(order), "there is no such level");
}

std::string_view kind_of(const LiveOrders::Order& order) {
    return order.key == level_key ? "log" : order.key == drain_key ? "drain" : "limit";
}

std::string text_of(const LiveOrders::Order& order) {
    if (order.key == drain_key) return "drain within " + order.value;
    return order.key + " = " + order.value + (order.source.empty() ? "" : " from " + order.source);
}

// --- all orders ----------------------------------------------------------------------------------------------------------

struct OrderRow {
    Cell id, kind, what, at, by, since, until, reason;
};

Cell text_cell(const std::string& text) { return text.empty() ? Cell() : Cell(text); }
Cell time_cell(std::int64_t time) { return time == 0 ? Cell() : Cell(Cell::Type::time, time); }

void add_row(CellTable& table, OrderRow row) {
    for (Cell* cell : {&row.id, &row.kind, &row.what, &row.at, &row.by, &row.since, &row.until, &row.reason})
        table.cells.push_back(std::move(*cell));
}

// Of a plugin that has a command `orders`, as the gateway has.
void add_plugin_orders(PluginInstance& instance, CellTable& table) {
    const std::optional<CellTable> orders = plugin_table(instance, "orders");
    for (std::size_t row = 0; orders && row < rows_of(*orders); ++row) {
        const auto cell = [&](std::string_view name) { return cell_of(*orders, row, name); };
        const Cell value = cell("value");
        add_row(table, {Cell(instance.name() + ' ' + std::to_string(cell("order").number)), Cell::state("server"),
                        Cell(cell("what").text + ' ' + cell("server").text + (value.text.empty() ? "" : ' ' + value.text)),
                        Cell(instance.name()), Cell(), cell("since"), cell("until"), text_cell(cell("reason").text)});
    }
}

HostAnswer all_orders(const AllGenerations& generations) {
    Generation& now = *generations().front();
    const Denials& denials = now.standing().denials;
    HostAnswer answer;
    answer.table.columns = {
        "id",    {"kind", Cell::Type::state}, "order", "at", "by", {"since", Cell::Type::time}, {"until", Cell::Type::time},
        "reason"};
    for (const LiveOrders::Order& order : now.standing().live_orders.all())
        add_row(answer.table, {Cell(std::to_string(order.number)), Cell::state(std::string(kind_of(order))),
                               Cell(text_of(order)), text_cell(order.listener), Cell(order.by), time_cell(order.since),
                               time_cell(order.until), text_cell(order.reason)});
    for (PluginInstance* instance : now.plugins().all()) add_plugin_orders(*instance, answer.table);
    std::size_t shown = 0;
    denials.look([&](const Denials::Order& order, std::uint64_t /*refused*/) {
        if (shown++ == most_shown) return false;
        const std::string network = to_string(order.network);
        add_row(answer.table, {Cell(network), Cell::state("deny"), Cell("deny " + network), text_cell(order.listener),
                               Cell(order.by), time_cell(order.since), time_cell(order.until), text_cell(order.reason)});
        return true;
    });
    answer.more = denials.size() - std::min(denials.size(), most_shown);
    return answer;
}

// A number, or a network that is denied.
HostCommand::Answer remove_any(const AllGenerations& generations, const Arguments& with) {
    const std::string id = with.text("id");
    std::string problem;
    if (!parse_network(id, problem)) {
        const bool is_number = id.find_first_not_of("0123456789") == std::string::npos && id.size() < 19;
        const std::optional<LiveOrders::Order> removed =
            is_number ? live_orders_of(generations).remove(std::stoull(id)) : std::nullopt;
        if (!removed)
            return HostCommand::fails("not_found", "there is no order " + in_quotes(id) +
                                                       " (expected the number, or the network, of one that `gatehouse orders` "
                                                       "shows; those of a plugin are removed by its own commands)");
        HostAnswer answer;
        answer.result = Json::object().set("order", Json::raw(std::to_string(removed->number)));
        answer.text = to_string(*removed) + " does not hold any more\n";
        return HostCommand::at_once(std::move(answer));
    }
    return remove_denial(generations, id, with.text("listener"));
}

HostCommand command_of(std::string name, std::string summary, std::vector<Parameter> parameters) {
    HostCommand command;
    command.name = std::move(name);
    command.summary = std::move(summary);
    command.parameters = std::move(parameters);
    return command;
}

} // namespace

HostCommand limits_set_command(const AllGenerations& generations) {
    HostCommand command =
        command_of("limits.set",
                   "sets a limit of a listener in the place of the configuration's: max_connections, max_per_source, "
                   "rate.connections",
                   {{"listener", Wanted::text, true, "its name", false},
                    {"set", Wanted::text, true, "KEY=VALUE, such as rate.connections=5", false},
                    {"for", Wanted::duration, false, until_removed, false},
                    {"reason", Wanted::text, false, "why, for those who look at the orders", false}});
    command.run = [generations](const Arguments& with, const Caller& who) {
        return HostCommand::at_once(set_limit(generations, with, who));
    };
    return command;
}

HostCommand log_level_command(const AllGenerations& generations) {
    HostCommand command =
        command_of("log.level", "sets the level of the log, for a while; then it is that of the configuration again",
                   {{"level", Wanted::text, true, "debug, info, warning or error", false},
                    {"listener", Wanted::text, false, "for records about this listener alone", false},
                    {"source", Wanted::text, false, "for records about clients from this network alone", false},
                    {"for", Wanted::duration, false, "for how long (default 10m, at most 1d)", false},
                    {"reason", Wanted::text, false, "why, for those who look at the orders", false}});
    command.run = [generations](const Arguments& with, const Caller& who) {
        return HostCommand::at_once(set_level(generations, with, who));
    };
    return command;
}

HostCommand orders_command(const AllGenerations& generations) {
    HostCommand command = command_of(
        "orders", "shows all orders that hold beside the configuration: limits, drains, the log, servers, denied networks", {});
    command.shows = true;
    command.run = [generations](const Arguments&, const Caller&) { return HostCommand::at_once(all_orders(generations)); };
    return command;
}

HostCommand orders_remove_command(const AllGenerations& generations) {
    HostCommand command = command_of("orders.remove", "ends an order before its time",
                                     {{"id", Wanted::text, true, "its number, or its network", false},
                                      {"listener", Wanted::text, false, "of a network that is denied at this one", false}});
    command.run = [generations](const Arguments& with, const Caller&) { return remove_any(generations, with); };
    return command;
}

} // namespace gatehouse::host
