#include "connection_commands.hpp"

#include "base/printable.hpp"
#include "base/units.hpp"
#include "connection/id_text.hpp"
#include "generation.hpp"
#include "net/network.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <sys/socket.h>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr std::uint64_t usual_rows = 1000;
constexpr std::uint64_t most_rows = 10'000; // in an answer
constexpr std::size_t most_groups = 65'536; // that are counted apart

using Wanted = Parameter::Type;

constexpr const char* state_list = "staging, silent, serving, parked, relaying or lingering";

std::string_view state_of(const ConnectionView& view) { return phase_names[phase_number(view.phase, view.rests)]; }

std::string plugin_of(const ConnectionView& view) { return view.plugin != nullptr ? view.plugin->name() : ""; }

std::string source_of(const ConnectionView& view) {
    const std::optional<IpAddress> address = ip_address(view.peer);
    return address ? to_string(*address) : to_string(view.peer);
}

std::string server_of(const ConnectionView& view) {
    return view.server.storage.ss_family != AF_UNSPEC ? to_string(view.server) : "";
}

// Which connections are meant.
struct Filter {
    std::string listener, plugin, state;
    std::optional<Network> source;
    std::string server; // as AddressText has it
    std::uint64_t bytes = 0;
    Nanoseconds older = 0;
    Nanoseconds idle = 0;

    bool fits(const ConnectionView& view, Nanoseconds now) const {
        if (!listener.empty() && view.service->config.name != listener) return false;
        if (!plugin.empty() && (view.plugin == nullptr || view.plugin->name() != plugin)) return false;
        if (!state.empty() && state_of(view) != state) return false;
        if (source) {
            const std::optional<IpAddress> address = ip_address(view.peer);
            if (!address || !source->contains(*address)) return false;
        }
        if (!server.empty() && std::string_view(AddressText(view.server)) != server) return false;
        return view.in + view.out >= bytes && view.accepted <= now - older && view.moved <= now - idle;
    }
};

std::vector<Parameter> filter_parameters() {
    return {{"listener", Wanted::text, false, "those that came by this listener", false},
            {"plugin", Wanted::text, false, "those of this plugin instance", false},
            {"source", Wanted::text, false, "those from this address or network", false},
            {"server", Wanted::text, false, "those that are relayed to this address", false},
            {"state", Wanted::text, false, state_list, false},
            {"older", Wanted::duration, false, "those that were accepted so long ago, or earlier", false},
            {"idle", Wanted::duration, false, "those without a byte in either direction for so long", false},
            {"bytes", Wanted::text, false, "those that have moved so much in both directions together: 1GiB", false}};
}

std::string read_server(const std::string& text, std::string& problem) {
    std::string error;
    const std::optional<Address> address = parse_address(text, error);
    const std::optional<SocketAddress> numeric = address ? numeric_address(*address) : std::nullopt;
    if (numeric && ip_address(*numeric)) return to_string(*numeric); // of a unix socket the path is not known
    problem = in_quotes(text) + " is no server's address (expected one such as 10.0.0.1:5432)";
    return "";
}

// `problem`: why it is none, and empty if it is one.
Filter read_filter(const Arguments& with, std::string& problem) {
    Filter filter;
    filter.listener = with.text("listener");
    filter.plugin = with.text("plugin");
    filter.state = with.text("state");
    constexpr Nanoseconds millisecond = 1'000'000;
    filter.older = with.duration("older").value_or(Milliseconds(0)).count() * millisecond;
    filter.idle = with.duration("idle").value_or(Milliseconds(0)).count() * millisecond;
    if (!filter.state.empty() && std::find(phase_names.begin(), phase_names.end(), filter.state) == phase_names.end())
        problem = "there is no state " + in_quotes(filter.state) + " (expected " + state_list + ")";
    if (with.has("source")) filter.source = parse_network(with.text("source"), problem);
    if (with.has("server")) filter.server = read_server(with.text("server"), problem);
    if (with.has("bytes")) filter.bytes = parse_size(with.text("bytes"), problem).value_or(0);
    return filter;
}

// Of all generations, each once.
std::vector<Endpoint*> endpoints_of(const AllGenerations& generations) {
    std::vector<Endpoint*> all;
    std::set<const Endpoint*> seen;
    for (const Generation* generation : generations())
        for (const auto& service : generation->services()) {
            Endpoint& endpoint = service->endpoint();
            if (seen.insert(&endpoint).second) all.push_back(&endpoint);
        }
    return all;
}

void look(const AllGenerations& generations, const Filter& filter, const std::function<void(const ConnectionView&)>& visit) {
    const Nanoseconds now = monotonic_now();
    for (Endpoint* const endpoint : endpoints_of(generations))
        Service::look(*endpoint, [&](const ConnectionView& view) {
            if (filter.fits(view, now)) visit(view);
        });
}

Cell span(Nanoseconds time) { return {Cell::Type::seconds, std::max<Nanoseconds>(time, 0) / 1000}; }

Cell bytes(std::uint64_t count) {
    Cell cell = Cell::count(count);
    cell.type = Cell::Type::bytes;
    return cell;
}

// The oldest first.
HostAnswer rows_of(const AllGenerations& generations, const Filter& filter, std::size_t most) {
    std::vector<ConnectionView> oldest; // a heap whose first is the newest
    std::uint64_t all = 0;
    const auto older = [](const ConnectionView& one, const ConnectionView& two) { return one.accepted < two.accepted; };
    look(generations, filter, [&](const ConnectionView& view) {
        ++all;
        if (oldest.size() == most) {
            if (most == 0 || !older(view, oldest.front())) return;
            std::pop_heap(oldest.begin(), oldest.end(), older);
            oldest.pop_back();
        }
        oldest.push_back(view);
        std::push_heap(oldest.begin(), oldest.end(), older);
    });
    std::sort_heap(oldest.begin(), oldest.end(), older);
    HostAnswer answer;
    answer.more = all - oldest.size();
    answer.table.columns = {"id",
                            "listener",
                            "plugin",
                            "peer",
                            {"state", Cell::Type::state},
                            {"age", Cell::Type::seconds},
                            {"idle", Cell::Type::seconds},
                            {"received", Cell::Type::bytes},
                            {"sent", Cell::Type::bytes},
                            "server"};
    const Nanoseconds now = monotonic_now();
    for (const ConnectionView& view : oldest) {
        const std::string& listener = view.service->config.name;
        answer.table.cells.insert(answer.table.cells.end(),
                                  {std::string(id_text(listener, view.id).view()), listener, plugin_of(view),
                                   to_string(view.peer), Cell::state(std::string(state_of(view))), span(now - view.accepted),
                                   span(now - view.moved), bytes(view.in), bytes(view.out),
                                   view.server.storage.ss_family != AF_UNSPEC ? Cell(server_of(view)) : Cell()});
    }
    return answer;
}

// The largest groups first.
HostAnswer counts_of(const AllGenerations& generations, const Filter& filter, const std::string& by, std::size_t most) {
    std::map<std::string, std::uint64_t> groups;
    HostAnswer answer;
    bool all = true;
    look(generations, filter, [&](const ConnectionView& view) {
        std::string key = by == "source"   ? source_of(view)
                          : by == "plugin" ? plugin_of(view)
                          : by == "server" ? server_of(view)
                                           : view.service->config.name;
        const auto found = groups.find(key);
        if (found != groups.end())
            ++found->second;
        else if (groups.size() < most_groups)
            groups.emplace(std::move(key), 1);
        else
            all = false;
    });
    std::vector<std::pair<std::uint64_t, std::string>> sorted;
    sorted.reserve(groups.size());
    for (const auto& [name, count] : groups) sorted.emplace_back(count, name);
    std::sort(sorted.begin(), sorted.end(), [](const auto& one, const auto& two) {
        return one.first != two.first ? one.first > two.first : one.second < two.second;
    });
    answer.table.columns = {by, {"connections", Cell::Type::number}};
    for (std::size_t i = 0; i < std::min(most, sorted.size()); ++i)
        answer.table.cells.insert(answer.table.cells.end(), {sorted[i].second, Cell::count(sorted[i].first)});
    answer.more = sorted.size() - std::min(most, sorted.size()) + (all ? 0 : 1); // one at least that was not counted apart
    return answer;
}

HostCommand::Answer show(const AllGenerations& generations, const Arguments& with) {
    std::string problem;
    const Filter filter = read_filter(with, problem);
    const std::string by = with.text("count_by");
    if (!by.empty() && by != "source" && by != "listener" && by != "plugin" && by != "server")
        problem = "cannot count by " + in_quotes(by) + " (expected source, listener, plugin or server)";
    if (!problem.empty()) return HostCommand::fails("bad_argument", problem);
    const auto most = static_cast<std::size_t>(
        std::min<std::uint64_t>(static_cast<std::uint64_t>(with.number("limit").value_or(usual_rows)), most_rows));
    return HostCommand::at_once(by.empty() ? rows_of(generations, filter, most) : counts_of(generations, filter, by, most));
}

HostAnswer answer_killed(std::uint64_t killed) {
    HostAnswer answer;
    answer.result = Json::object().set("killed", Json::raw(std::to_string(killed)));
    answer.text = tell_killed(killed) + '\n';
    return answer;
}

HostCommand::Answer kill_one(const AllGenerations& generations, const std::string& text) {
    for (const Generation* generation : generations())
        for (const auto& service : generation->services())
            if (const auto id = id_of(text, service->config.name, service->endpoint().number))
                if (Service::kill(service->endpoint(), *id)) return HostCommand::at_once(answer_killed(1));
    return HostCommand::fails("not_found", "there is no connection " + in_quotes(text) + "; it may have ended");
}

std::uint64_t kill_all(const AllGenerations& generations, const Filter& filter) {
    std::uint64_t killed = 0;
    const Nanoseconds now = monotonic_now();
    for (Endpoint* const endpoint : endpoints_of(generations)) {
        std::vector<std::uint64_t> ids;
        Service::look(*endpoint, [&](const ConnectionView& view) {
            if (filter.fits(view, now)) ids.push_back(view.id);
        });
        for (const std::uint64_t each : ids) killed += Service::kill(*endpoint, each) ? 1 : 0;
    }
    return killed;
}

HostCommand::Answer kill(const AllGenerations& generations, const Arguments& with, const std::vector<Parameter>& parameters) {
    std::string problem;
    const Filter filter = read_filter(with, problem);
    const std::string id = with.text("id");
    const auto given = std::count_if(parameters.begin(), parameters.end(), [&](const Parameter& parameter) {
        return with.has(parameter.name) && parameter.name != "reason";
    });
    if (given == 0) problem = "say which: an id, or one of listener, plugin, source, server, state, older, idle, bytes";
    if (!id.empty() && given > 1) problem = "an id says which connection it is; leave the others out";
    if (!problem.empty()) return HostCommand::fails("bad_argument", problem);
    if (!id.empty()) return kill_one(generations, id);
    return HostCommand::at_once(answer_killed(kill_all(generations, filter)));
}

Filter filter_from(const Network& source, const std::string& listener) {
    Filter filter;
    filter.listener = listener;
    filter.source = source;
    return filter;
}

} // namespace

std::uint64_t kill_from(const AllGenerations& generations, const Network& source, const std::string& listener) {
    return kill_all(generations, filter_from(source, listener));
}

std::uint64_t count_from(const AllGenerations& generations, const Network& source, const std::string& listener) {
    std::uint64_t count = 0;
    look(generations, filter_from(source, listener), [&](const ConnectionView& /*view*/) { ++count; });
    return count;
}

std::string tell_killed(std::uint64_t count) {
    return "killed " + std::to_string(count) + (count == 1 ? " connection" : " connections");
}

HostCommand connections_command(const AllGenerations& generations) {
    HostCommand command;
    command.name = "connections";
    command.summary = "shows the open connections, the oldest first, or counts them";
    command.parameters = filter_parameters();
    command.parameters.push_back({"count_by", Wanted::text, false, "source, listener, plugin or server: counts them", false});
    command.parameters.push_back({"limit", Wanted::number, false, "so many rows at most (default 1000, at most 10000)", false});
    command.shows = true;
    command.run = [generations](const Arguments& with, const Caller&) { return show(generations, with); };
    return command;
}

HostCommand kill_command(const AllGenerations& generations) {
    HostCommand command;
    command.name = "kill";
    command.summary = "resets connections; their reason is killed";
    command.parameters = filter_parameters();
    command.parameters.insert(command.parameters.begin(), {"id", Wanted::text, false, "the one with this id", false});
    command.parameters.push_back({"reason", Wanted::text, false, "why, for the log's record of this command", false});
    command.run = [generations, parameters = command.parameters](const Arguments& with, const Caller&) {
        return kill(generations, with, parameters);
    };
    return command;
}

} // namespace gatehouse::host
