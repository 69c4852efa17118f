#include "drain_command.hpp"

#include "generations.hpp"
#include "host_tables.hpp"
#include "order_commands.hpp"

#include <algorithm>
#include <string>
#include <unistd.h>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr Milliseconds longest_drain = std::chrono::days(1);

Nanoseconds nanoseconds(Milliseconds time) { return std::min(time, longest_drain).count() * 1'000'000; }

std::uint32_t open_connections(const Generations& generations) {
    std::uint32_t open = 0;
    for (const Generation* generation : generations.all()) open += generation->open();
    return open;
}

// --- one listener --------------------------------------------------------------------------------------------------------

const Service* find_listener(const Generations& generations, const std::string& name) {
    for (const auto& service : generations.now().services())
        if (service->config.name == name) return service.get();
    return nullptr;
}

HostAnswer no_such_listener(const Generations& generations, const std::string& name) {
    std::vector<std::string> names;
    for (const auto& service : generations.now().services()) names.push_back(service->config.name);
    return no_such("listener", name, names);
}

HostAnswer state_of_listener(const Service& service) {
    const std::string open = std::to_string(service.endpoint().open.load());
    const std::string state(state_word(service));
    HostAnswer answer;
    answer.result = Json::object()
                        .set("listener", Json::text(service.config.name))
                        .set("state", Json::text(state))
                        .set("open", Json::raw(open));
    answer.text = service.config.name + "  " + state + "  " + open + " connections\n";
    return answer;
}

// The answer comes as soon as the listener has followed the order.
HostCommand::Answer when_followed(const Generations& generations, const std::string& listener,
                                  std::function<HostAnswer(const Service& service)> tell) {
    return [&generations, listener, tell = std::move(tell)]() -> std::optional<HostAnswer> {
        if (!generations.now().standing().live_orders.is_followed()) return std::nullopt;
        const Service* const service = find_listener(generations, listener);
        return service != nullptr ? tell(*service) : failure("gone", "the listener has gone meanwhile");
    };
}

HostCommand::Answer cancel_listener(const Generations& generations, const std::string& name) {
    LiveOrders& orders = generations.now().standing().live_orders;
    const LiveOrders::Order* const order = orders.find(drain_key, name);
    if (order == nullptr && find_listener(generations, name) == nullptr)
        return HostCommand::at_once(no_such_listener(generations, name));
    if (order == nullptr) return HostCommand::fails("not_found", "no drain of " + name + " is ordered");
    orders.remove(order->number);
    return when_followed(generations, name, [](const Service& service) {
        if (!service.takes_newcomers())
            return failure("failed", service.config.name + " does not accept yet; the log says why, and the host tries again");
        HostAnswer answer = state_of_listener(service);
        answer.text = service.config.name + " accepts again\n";
        return answer;
    });
}

HostCommand::Answer drain_listener(const Generations& generations, const Arguments& with, const Caller& who) {
    const std::string name = with.text("listener");
    if (find_listener(generations, name) == nullptr) return HostCommand::at_once(no_such_listener(generations, name));
    std::string problem;
    LiveOrders::Order order;
    begin_order(order, with, who, with.duration("for"), problem);
    if (!problem.empty()) return HostCommand::fails("bad_argument", problem);
    const Milliseconds usual = generations.now().config().host.drain_timeout;
    const Milliseconds time = std::min(with.duration("timeout").value_or(usual), longest_drain);
    order.key = drain_key;
    order.listener = name;
    order.value = format_duration(time);
    const std::int64_t until = order.until;
    LiveOrders& orders = generations.now().standing().live_orders;
    const LiveOrders::Added added = orders.add(std::move(order));
    if (added == LiveOrders::Added::too_many)
        return HostCommand::fails("busy", "there are " + std::to_string(LiveOrders::most) + " such orders already");
    const std::uint64_t number = orders.all().back().number;
    return when_followed(generations, name, [time, until, number](const Service& service) {
        HostAnswer answer = state_of_listener(service);
        answer.result->set("timeout", Json::raw(std::to_string(static_cast<double>(time.count()) / 1000)))
            .set("order", Json::raw(std::to_string(number)));
        answer.text = service.config.name + " accepts no newcomers " + end_text(until) + "; " +
                      std::to_string(service.endpoint().open.load()) + " connections have " + format_duration(time) +
                      " to end (order " + std::to_string(number) + ")\n";
        return answer;
    });
}

// --- the host ------------------------------------------------------------------------------------------------------------

HostCommand::Answer cancel(DrainPlan& plan, const Caller& who, Log& log) {
    if (plan.has_begun) return HostCommand::fails("refused", "the drain has begun, and is not taken back");
    if (plan.signalled) return HostCommand::fails("refused", "a signal has ended the host, and is not taken back");
    if (plan.at == never) return HostCommand::fails("not_found", "no drain is ordered");
    plan.at = never;
    log.info("drain cancelled", {{"by", who_is(who)}});
    HostAnswer answer;
    answer.result = Json::object().set("draining", Json::raw("false"));
    answer.text = "the host goes on\n";
    return HostCommand::at_once(std::move(answer));
}

} // namespace

HostCommand drain_state_command(const DrainPlan& plan, const Generations& generations) {
    HostCommand command;
    command.name = "drain.state";
    command.summary = "shows whether the host is to end, and how many connections are open; or the same of a listener";
    command.parameters = {{"listener", Parameter::Type::text, false, "its name", false}};
    command.shows = true;
    command.run = [&plan, &generations](const Arguments& with, const Caller&) {
        if (with.has("listener")) {
            const std::string name = with.text("listener");
            const Service* const service = find_listener(generations, name);
            return HostCommand::at_once(service != nullptr ? state_of_listener(*service) : no_such_listener(generations, name));
        }
        const char* const state = plan.has_begun ? "draining" : plan.at != never ? "leaving" : "serving";
        const std::string pid = std::to_string(::getpid());
        const std::string open = std::to_string(open_connections(generations));
        HostAnswer answer;
        answer.result = Json::object().set("pid", Json::raw(pid)).set("state", Json::text(state)).set("open", Json::raw(open));
        answer.text = "pid " + pid + "  " + state + "  " + open + " connections\n";
        return HostCommand::at_once(std::move(answer));
    };
    return command;
}

HostCommand drain_command(DrainPlan& plan, const Generations& generations, Log& log) {
    HostCommand command;
    command.name = "drain";
    command.summary =
        "ends the host once its connections have ended, or its time is over; or lets a listener take no newcomers, "
        "and its connections end";
    using Type = Parameter::Type;
    command.parameters = {
        {"delay", Type::duration, false, "for how long it accepts as before (default 0, at most 1d)", false},
        {"timeout", Type::duration, false, "for connections to end (default drain_timeout, at most 1d)", false},
        {"listener", Type::text, false, "this listener alone: an order that holds until it is removed", false},
        {"for", Type::duration, false, "of a listener: for how long the order holds (default: until it is removed)", false},
        {"reason", Type::text, false, "of a listener: why, for those who look at the orders", false},
        {"cancel", Type::flag, false, "the host does not end, if the delay is not over; the listener accepts again", false}};
    command.run = [&plan, &generations, &log](const Arguments& with, const Caller& who) {
        const bool of_listener = with.has("listener");
        const bool has_time = with.has("delay") || with.has("timeout") || with.has("for") || with.has("reason");
        if (with.flag("cancel")) {
            if (has_time) return HostCommand::fails("bad_argument", "cancel goes with no other argument than listener");
            return of_listener ? cancel_listener(generations, with.text("listener")) : cancel(plan, who, log);
        }
        if (of_listener) {
            if (with.has("delay")) return HostCommand::fails("bad_argument", "delay is for the host as a whole");
            return drain_listener(generations, with, who);
        }
        if (with.has("for") || with.has("reason"))
            return HostCommand::fails("bad_argument", "for and reason are for a listener: the host's drain ends it");
        if (plan.has_begun) return HostCommand::fails("refused", "the host drains already");
        if (plan.signalled) return HostCommand::fails("refused", "a signal has ended the host already");
        const Milliseconds delay = with.duration("delay").value_or(Milliseconds(0));
        const Milliseconds timeout = with.duration("timeout").value_or(generations.now().config().host.drain_timeout);
        plan.at = plus(monotonic_now(), nanoseconds(delay));
        plan.timeout = nanoseconds(timeout);
        const std::uint32_t open = open_connections(generations);
        log.info("drain ordered",
                 {{"by", who_is(who)}, {"delay_ms", delay.count()}, {"timeout_ms", timeout.count()}, {"open", open}});
        HostAnswer answer;
        answer.result = Json::object()
                            .set("draining", Json::raw("true"))
                            .set("delay", Json::raw(std::to_string(static_cast<double>(delay.count()) / 1000)))
                            .set("timeout", Json::raw(std::to_string(static_cast<double>(timeout.count()) / 1000)))
                            .set("open", Json::raw(std::to_string(open)));
        answer.text = (delay.count() > 0 ? "accepts for another " + format_duration(delay) + ", then " : std::string()) +
                      std::to_string(open) + " connections have " + format_duration(timeout) + " to end\n";
        return HostCommand::at_once(std::move(answer));
    };
    return command;
}

} // namespace gatehouse::host
