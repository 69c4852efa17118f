#include "drain_command.hpp"

#include "generations.hpp"

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
    command.summary = "shows whether the host is to end, and how many connections are open";
    command.shows = true;
    command.run = [&plan, &generations](const Arguments&, const Caller&) {
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
    command.summary = "ends the host once its connections have ended, or its time is over";
    using Type = Parameter::Type;
    command.parameters = {
        {"delay", Type::duration, false, "for how long it accepts as before (default 0, at most 1d)", false},
        {"timeout", Type::duration, false, "for connections to end (default drain_timeout, at most 1d)", false},
        {"cancel", Type::flag, false, "it does not end, if the delay is not over", false}};
    command.run = [&plan, &generations, &log](const Arguments& with, const Caller& who) {
        if (with.flag("cancel")) {
            if (with.has("delay") || with.has("timeout"))
                return HostCommand::fails("bad_argument", "cancel goes with no other argument");
            return cancel(plan, who, log);
        }
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
