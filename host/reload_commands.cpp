#include "reload_commands.hpp"

#include "base/time_text.hpp"
#include "config/plan.hpp"
#include "config/plan_text.hpp"
#include "generations.hpp"
#include "late_answer.hpp"
#include "order_commands.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::host {
namespace {

using Outcome = Generations::Outcome;
using Wanted = Parameter::Type;

constexpr int there_are_changes = 2; // the exit status of a plan
constexpr int something_waits = 2;   // and of a strict reload, for a restart
constexpr Milliseconds most_patience = std::chrono::days(7);

std::string moment(std::int64_t milliseconds) { return std::string(time_text(milliseconds).view()); }

std::string seconds_text(Nanoseconds time) {
    return time < 10'000'000'000 ? std::to_string(time / 1'000'000) + " ms" : std::to_string(time / 1'000'000'000) + " s";
}

Json number(std::uint64_t value) { return Json::raw(std::to_string(value)); }

// The order is given; `tell` makes an answer of its outcome.
template <class Tell>
HostCommand::Answer carried_out(Generations& generations, Generations::Order order, Tell tell) {
    const std::uint64_t ordered = generations.order(std::move(order));
    if (ordered == 0)
        return HostCommand::fails("busy", "the host drains, or has other reloads or plans to carry out first; ask again later");
    return [&generations, ordered, tell]() -> std::optional<HostAnswer> {
        const std::optional<Outcome> outcome = generations.outcome(ordered);
        if (!outcome) return std::nullopt;
        if (outcome->what == Outcome::What::refused) return failure("refused", outcome->why);
        return tell(*outcome);
    };
}

// --- plan ----------------------------------------------------------------------------------------------------------------

HostAnswer tell_plan(const Generations& generations, const Outcome& outcome, const std::string& what) {
    const bool changes = outcome.what == Outcome::What::planned || !outcome.waiting.empty();
    HostAnswer answer;
    answer.status = changes ? there_are_changes : 0;
    answer.result = Json::object()
                        .set("plan", Json::text(outcome.plan_id))
                        .set("generation", number(outcome.generation))
                        .set("changes", Json::raw(changes ? "true" : "false"))
                        .set("what", outcome.plan_json);
    const auto running = generations.version(outcome.generation);
    answer.text = what + " against generation " + std::to_string(outcome.generation) +
                  (running ? " (since " + moment(running->since) + ", by " + running->by + ")" : "") + "\n\n" +
                  outcome.plan_text;
    if (changes) answer.text += "\nplan " + outcome.plan_id + "\n";
    return answer;
}

HostCommand plan_command(Generations& generations) {
    HostCommand command;
    command.name = "plan";
    command.summary = "shows what a reload would change";
    command.shows = true;
    command.parameters = {
        {"generation", Wanted::number, false, "what a rollback to this one would change, instead of a reload", false}};
    command.run = [&generations](const Arguments& with, const Caller&) {
        Generations::Order order;
        order.only_plan = true;
        order.notes = orders_that_hold(generations.now().standing().denials, generations.now().standing().live_orders);
        std::string what = generations.now().config().file.string();
        if (const std::optional<std::int64_t> wanted = with.number("generation")) {
            order.version = generations.version(static_cast<unsigned>(std::min<std::int64_t>(*wanted, UINT32_MAX)));
            if (!order.version)
                return HostCommand::fails("not_found", "the host does not remember that generation; see config history");
            what = "generation " + std::to_string(*wanted);
        } else {
            order.load = generations.load();
        }
        return carried_out(generations, std::move(order),
                           [&generations, what](const Outcome& outcome) { return tell_plan(generations, outcome, what); });
    };
    return command;
}

// --- reload, rollback ----------------------------------------------------------------------------------------------------

HostAnswer tell_change(const Outcome& outcome, Milliseconds confirm_within, bool strict) {
    const bool applied = outcome.what == Outcome::What::applied;
    const std::string generation = std::to_string(outcome.generation);
    HostAnswer answer;
    answer.status = strict && !outcome.waiting.empty() ? something_waits : 0;
    answer.result = Json::object()
                        .set("applied", Json::raw(applied ? "true" : "false"))
                        .set("generation", number(outcome.generation))
                        .set("took", Json::raw(std::to_string(static_cast<double>(outcome.took) / 1e9)))
                        .set("waiting", Json::texts(outcome.waiting));
    answer.text = applied ? "applied as generation " + generation + " in " + seconds_text(outcome.took) + "\n"
                          : "nothing has changed: generation " + generation + " goes on\n";
    for (const std::string& key : outcome.waiting) answer.text += key + " needs a restart\n";
    if (applied && confirm_within.count() > 0)
        answer.text +=
            "`gatehouse confirm` within " + format_duration(confirm_within) + ", or what has run before comes back\n";
    return answer;
}

HostCommand reload_command(Generations& generations) {
    HostCommand command;
    command.name = "reload";
    command.summary = "applies the configuration file as it is now";
    command.parameters = {{"plan", Wanted::text, false, "only if this is still what it would change", false},
                          {"confirm", Wanted::duration, false, "undo it unless confirm comes in time (at most 7d)", false},
                          {"strict", Wanted::flag, false, "exit status 2 if some keys wait for a restart", false}};
    command.run = [&generations](const Arguments& with, const Caller& who) {
        Generations::Order order;
        order.load = generations.load();
        order.by = who_is(who);
        order.plan_id = with.text("plan");
        order.confirm_within = std::min(with.duration("confirm").value_or(Milliseconds(0)), most_patience);
        const Milliseconds confirm_within = order.confirm_within;
        return carried_out(generations, std::move(order),
                           [confirm_within, strict = with.flag("strict")](const Outcome& outcome) {
                               return tell_change(outcome, confirm_within, strict);
                           });
    };
    return command;
}

HostCommand rollback_command(Generations& generations) {
    HostCommand command;
    command.name = "rollback";
    command.summary = "runs an earlier configuration again, with its libraries; the file stays as it is";
    command.parameters = {{"generation", Wanted::number, false, "which (default: the one before)", false}};
    command.run = [&generations](const Arguments& with, const Caller& who) {
        const auto& versions = generations.versions();
        Generations::Order order;
        order.by = who_is(who);
        if (const std::optional<std::int64_t> wanted = with.number("generation"))
            order.version = generations.version(static_cast<unsigned>(std::min<std::int64_t>(*wanted, UINT32_MAX)));
        else if (versions.size() > 1)
            order.version = *std::next(versions.rbegin());
        if (!order.version)
            return HostCommand::fails("not_found", with.has("generation")
                                                       ? "the host does not remember that generation; see config history"
                                                       : "there is no earlier configuration: the host has not reloaded yet");
        return carried_out(generations, std::move(order),
                           [](const Outcome& outcome) { return tell_change(outcome, Milliseconds(0), false); });
    };
    return command;
}

HostCommand confirm_command(Generations& generations) {
    HostCommand command;
    command.name = "confirm";
    command.summary = "keeps what a reload has applied for a try";
    command.run = [&generations](const Arguments&, const Caller&) {
        if (!generations.confirm()) return HostCommand::fails("not_found", "nothing waits to be confirmed");
        HostAnswer answer;
        answer.result = Json::object().set("generation", number(generations.now().number()));
        answer.text = "generation " + std::to_string(generations.now().number()) + " stays\n";
        return HostCommand::at_once(std::move(answer));
    };
    return command;
}

// --- config diff ---------------------------------------------------------------------------------------------------------

HostAnswer tell_diff(bool differs, std::string text, Json json) {
    HostAnswer answer;
    answer.status = differs ? there_are_changes : 0;
    answer.text = std::move(text);
    answer.result = Json::object().set("changes", Json::raw(differs ? "true" : "false")).set("what", std::move(json));
    return answer;
}

HostCommand::Answer diff_of_file(Generations& generations) {
    Generations::Order order;
    order.only_plan = true;
    order.load = generations.load();
    return carried_out(generations, std::move(order), [](const Outcome& outcome) {
        const bool differs = outcome.what == Outcome::What::planned || !outcome.waiting.empty();
        return tell_diff(differs, outcome.plan_text, outcome.plan_json);
    });
}

HostCommand diff_command(Generations& generations) {
    HostCommand command;
    command.name = "config.diff";
    command.summary = "shows what differs between the file and what runs, or between two generations";
    command.shows = true;
    command.parameters = {{"from", Wanted::number, false, "a generation, instead of what runs", false},
                          {"to", Wanted::number, false, "another one (default: what runs)", false}};
    command.run = [&generations, jobs = std::make_shared<Jobs>("config diff")](const Arguments& with,
                                                                               const Caller&) -> HostCommand::Answer {
        if (!with.has("from") && !with.has("to")) return diff_of_file(generations);
        std::vector<std::shared_ptr<const Config>> configs;
        for (const char* const name : {"from", "to"}) {
            const std::int64_t wanted = with.number(name).value_or(generations.now().number());
            const auto version = generations.version(static_cast<unsigned>(std::min<std::int64_t>(wanted, UINT32_MAX)));
            if (!version)
                return HostCommand::fails("not_found", "the host does not remember generation " + std::to_string(wanted) +
                                                           "; see config history");
            configs.push_back(version->config);
        }
        return late_answer(*jobs, generations.now().standing().alarm, [from = configs[0], to = configs[1]] {
            const Plan plan = plan_of(*from, *to);
            return tell_diff(!plan.empty(), plan_text(plan), plan_json(plan));
        });
    };
    return command;
}

HostCommand history_command(Generations& generations) {
    HostCommand command;
    command.name = "config.history";
    command.summary = "shows the configurations that have run, the newest first";
    command.shows = true;
    command.run = [&generations](const Arguments&, const Caller&) {
        HostAnswer answer;
        answer.table.columns = {
            {"generation", Cell::Type::number}, {"since", Cell::Type::time},        "from", "by", {"state", Cell::Type::state},
            {"listeners", Cell::Type::number},  {"connections", Cell::Type::number}};
        const std::vector<Generation*> living = generations.all();
        for (auto at = generations.versions().rbegin(); at != generations.versions().rend(); ++at) {
            const Generations::Version& version = **at;
            const auto lives =
                std::ranges::find(living, version.generation, [](const Generation* one) { return one->number(); });
            const bool accepts = version.generation == generations.now().number();
            Cell state = Cell::state(lives == living.end() ? "gone" : !accepts ? "old" : "runs");
            if (accepts && generations.confirm_by() != never) state = Cell::state("unconfirmed");
            answer.table.cells.insert(answer.table.cells.end(),
                                      {Cell::count(version.generation), Cell(Cell::Type::time, version.since), version.from,
                                       version.by, std::move(state), Cell::count(version.config->listeners.size()),
                                       lives != living.end() ? Cell::count((*lives)->open()) : Cell()});
        }
        return HostCommand::at_once(std::move(answer));
    };
    return command;
}

} // namespace

std::vector<HostCommand> reload_commands(Generations& generations) {
    std::vector<HostCommand> commands;
    for (const auto& make : {plan_command, reload_command, confirm_command, rollback_command, history_command, diff_command})
        commands.push_back(make(generations));
    return commands;
}

} // namespace gatehouse::host
