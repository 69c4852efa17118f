#include "map_commands.hpp"

#include "base/if_memory_allows.hpp"
#include "base/printable.hpp"
#include "base/text_file.hpp"
#include "generation.hpp"
#include "maps/map_edits.hpp"
#include "threads/jobs.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <utility>

namespace gatehouse::host {
namespace {

using Wanted = Parameter::Type;

constexpr std::int64_t usual_rows = 1000;
constexpr std::int64_t most_rows = 10'000;

const Parameter which_map{"map", Wanted::text, true, "its name in the configuration", false};
const Parameter which_name{"name", Wanted::text, true, "a server name, such as shop.example or *.example.org", false};

// Null: `answer` says that there is none.
std::shared_ptr<LiveMap> map_of(const AllGenerations& generations, const Arguments& with, HostAnswer& answer) {
    const LiveMaps::Sections& sections = generations().front()->maps().sections();
    if (const auto found = sections.find(with.text("map")); found != sections.end()) return found->second;
    std::vector<std::string> names;
    for (const auto& [name, map] : sections) names.push_back(name);
    answer = no_such("map", with.text("map"), names);
    return nullptr;
}

HostCommand get_command(const AllGenerations& generations) {
    HostCommand command;
    command.name = "map.get";
    command.summary = "shows what a map says of a server name, and where";
    command.shows = true;
    command.parameters = {which_map, which_name};
    command.run = [generations](const Arguments& with, const Caller&) {
        HostAnswer answer;
        const std::shared_ptr<LiveMap> map = map_of(generations, with, answer);
        if (!map) return HostCommand::at_once(std::move(answer));
        const LiveMap::Value value = map->find(ServerName(with.text("name")));
        if (value.text.empty())
            return HostCommand::fails("not_found", "the map has no value for " + in_quotes(with.text("name")));
        answer.result = Json::object().set("value", Json::text(value.text)).set("rule", Json::text(value.where));
        answer.text = value.text + "  (" + value.where + ")\n";
        return HostCommand::at_once(std::move(answer));
    };
    return command;
}

HostCommand list_command(const AllGenerations& generations) {
    HostCommand command;
    command.name = "map.list";
    command.summary = "shows the names of a map, in the order of its file";
    command.shows = true;
    command.parameters = {which_map,
                          {"limit", Wanted::number, false, "so many rows at most (default 1000, at most 10000)", false}};
    command.run = [generations](const Arguments& with, const Caller&) {
        HostAnswer answer;
        const std::shared_ptr<LiveMap> live = map_of(generations, with, answer);
        if (!live) return HostCommand::at_once(std::move(answer));
        const std::shared_ptr<const NameMap> map = live->map();
        const auto rows = static_cast<std::size_t>(std::min(with.number("limit").value_or(usual_rows), most_rows));
        const std::size_t shown = std::min(rows, map->entries().size());
        answer.table.columns = {"name", "value", {"line", Cell::Type::number}};
        for (std::size_t i = 0; i < shown; ++i) {
            const NameMap::Entry& entry = map->entries()[i];
            answer.table.cells.insert(answer.table.cells.end(),
                                      {std::string(entry.name), std::string(entry.value), Cell::count(entry.line)});
        }
        answer.more = map->entries().size() - shown;
        return HostCommand::at_once(std::move(answer));
    };
    return command;
}

// Changes of all maps, one after the other: files are neither read nor written on the main thread.
class Changes {
  public:
    // What becomes of `problem_of()`, which changes the map and returns what is wrong, or "".
    template <class ProblemOf>
    HostCommand::Answer carry_out(const AllGenerations& generations, const std::shared_ptr<LiveMap>& map,
                                  ProblemOf problem_of) {
        struct State {
            std::atomic<bool> done{false};
            std::string problem = "there is no memory for it";
        };
        const auto state = std::make_shared<State>();
        const bool posted = jobs_.post([map, problem_of, state, &alarm = generations().front()->standing().alarm] {
            if_memory_allows([&] { state->problem = problem_of(*map); });
            state->done.store(true);
            alarm.wake_by(monotonic_now());
        });
        if (!posted) return HostCommand::fails("busy", "there is no thread or memory for it");
        return [map, state]() -> std::optional<HostAnswer> {
            if (!state->done.load()) return std::nullopt;
            if (!state->problem.empty()) return failure("failed", "nothing has changed: " + state->problem);
            const std::size_t names = map->map()->entries().size();
            HostAnswer answer;
            answer.result =
                Json::object().set("map", Json::text(map->config().name)).set("names", Json::raw(std::to_string(names)));
            answer.text = map->config().name + " has " + std::to_string(names) + (names == 1 ? " name now\n" : " names now\n");
            return answer;
        };
    }

  private:
    Jobs jobs_{"map changes"};
};

// `edit(text, map, name)` is one of map_edits.hpp.
template <class EditName>
HostCommand edit_command(const AllGenerations& generations, const std::shared_ptr<Changes>& changes, EditName edit) {
    HostCommand command;
    command.parameters = {which_map, which_name};
    command.run = [generations, changes, edit](const Arguments& with, const Caller&) {
        HostAnswer answer;
        const std::shared_ptr<LiveMap> map = map_of(generations, with, answer);
        if (!map) return HostCommand::at_once(std::move(answer));
        std::string problem;
        const std::optional<std::string> name = parse_route_name(with.text("name"), problem);
        if (!name) return HostCommand::fails("bad_argument", problem);
        if (with.has("value")) problem = problem_of_map_value(with.text("value"));
        if (!problem.empty()) return HostCommand::fails("bad_argument", problem);
        if (!with.has("value") && map->map()->exact(*name) == nullptr)
            return HostCommand::fails("not_found", "the map has no line for " + in_quotes(*name));
        return changes->carry_out(generations, map, [edit, name = *name, value = with.text("value")](LiveMap& of) {
            return of.change([&](const std::string& text, const NameMap& before) { return edit(text, before, name, value); });
        });
    };
    return command;
}

HostCommand set_command(const AllGenerations& generations, const std::shared_ptr<Changes>& changes) {
    HostCommand command = edit_command(generations, changes, with_name);
    command.name = "map.set";
    command.summary = "gives a server name a value, in the map and in its file";
    command.parameters.push_back({"value", Wanted::text, true, "an address, or key=text", false});
    return command;
}

HostCommand remove_command(const AllGenerations& generations, const std::shared_ptr<Changes>& changes) {
    HostCommand command = edit_command(generations, changes,
                                       [](const std::string& text, const NameMap& map, const std::string& name,
                                          const std::string& /*value*/) { return without_name(text, map, name); });
    command.name = "map.remove";
    command.summary = "takes a server name out of a map and out of its file";
    return command;
}

// What is wrong with the lines is not shown: who may change a map need not be able to read every file that the host can.
std::string load_file(LiveMap& map, const std::filesystem::path& file) {
    std::string problem;
    const std::optional<std::string> text = read_text_file(file, {NameMap::most_bytes, "a map"}, problem);
    if (!text) return problem;
    std::vector<std::string> wrong;
    const NameMap loaded(*text, wrong);
    if (!wrong.empty())
        return printable(file.native()) + ':' + wrong.front().substr(0, wrong.front().find(':')) +
               ": is no name with its value, or the name stands there twice";
    return map.replace(*text);
}

HostCommand load_command(const AllGenerations& generations, const std::shared_ptr<Changes>& changes) {
    HostCommand command;
    command.name = "map.load";
    command.summary = "gives a map the names of another file; its own file becomes a copy of that";
    command.parameters = {which_map, {"file", Wanted::text, true, "a path from / on, which the host may read", false}};
    command.run = [generations, changes](const Arguments& with, const Caller&) {
        HostAnswer answer;
        const std::shared_ptr<LiveMap> map = map_of(generations, with, answer);
        if (!map) return HostCommand::at_once(std::move(answer));
        const std::filesystem::path file = with.text("file");
        if (!file.is_absolute()) return HostCommand::fails("bad_argument", "the path does not begin with /");
        return changes->carry_out(generations, map, [file](LiveMap& of) { return load_file(of, file); });
    };
    return command;
}

} // namespace

std::vector<HostCommand> map_commands(const AllGenerations& generations) {
    const auto changes = std::make_shared<Changes>();
    return {get_command(generations), list_command(generations), set_command(generations, changes),
            remove_command(generations, changes), load_command(generations, changes)};
}

} // namespace gatehouse::host
