#include "host_commands.hpp"

#include "base/time_text.hpp"
#include "config_show_command.hpp"
#include "connection_commands.hpp"
#include "explain_command.hpp"
#include "generation.hpp"
#include "host_metrics.hpp"
#include "host_record.hpp"
#include "host_tables.hpp"
#include "late_answer.hpp"
#include "live_order_commands.hpp"
#include "order_commands.hpp"
#include "plugin_table.hpp"
#include "threads/jobs.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <gatehouse/version.h>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unistd.h>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr std::size_t most_servers = 10'000; // in an answer

HostCommand table_command(const HostTable& table, const AllGenerations& generations) {
    HostCommand command;
    command.name = table.name;
    command.summary = table.summary;
    command.shows = true;
    command.run = [&table, generations](const Arguments&, const Caller&) {
        HostAnswer answer;
        answer.table = table.make(*generations().front());
        if (table.status != nullptr) answer.status = table.status(answer.table);
        return HostCommand::at_once(std::move(answer));
    };
    return command;
}

std::optional<HostAnswer> reloaded(const TlsServers& tls, std::uint64_t which) {
    std::optional<std::string> problems = tls.reloaded(which);
    if (!problems) return std::nullopt;
    HostAnswer answer;
    if (!problems->empty()) {
        std::replace(problems->begin(), problems->end(), '\n', ';');
        answer.code = "failed";
        answer.message = "not all certificates were reloaded, old ones stay: " + *problems;
        return answer;
    }
    answer.table.columns = {"tls", "certificates"};
    for (const auto& [name, server] : tls.sections())
        answer.table.cells.insert(answer.table.cells.end(), {name, summary(server->context()->pairs())});
    return answer;
}

// A generation may be gone before its answer comes.
HostCommand reload_certificates(const AllGenerations& generations) {
    HostCommand command;
    command.name = "reload-certificates";
    command.summary = "loads the files of all [tls.NAME] sections anew";
    command.run = [generations](const Arguments&, const Caller&) -> HostCommand::Answer {
        Generation* const of = generations().front();
        if (of->tls().sections().empty()) return HostCommand::fails("not_found", "the configuration has no [tls.NAME] section");
        return [generations, number = of->number(), which = of->tls().reload()]() -> std::optional<HostAnswer> {
            const Generation& now = *generations().front();
            if (now.number() == number) return reloaded(now.tls(), which);
            HostAnswer answer;
            answer.code = "gone";
            answer.message = "the configuration was reloaded meanwhile, and its certificates with it";
            return answer;
        };
    };
    return command;
}

// --- status --------------------------------------------------------------------------------------------------------------

// The reasons that say that something was not as it should be.
constexpr std::array good_reasons{Reason::done,     Reason::peer_closed, Reason::idle_timeout,
                                  Reason::deadline, Reason::lifetime,    Reason::drained,
                                  Reason::ended,    Reason::killed,      Reason::upstream_closed};

// "tls_failed 41, over_rate 3612": the most frequent ones.
std::string bad_ends(const ListenerStatus& status) {
    constexpr std::size_t most = 3;
    std::vector<std::pair<std::uint64_t, std::string_view>> ends;
    for (std::size_t i = 0; i < reason_names.size(); ++i) {
        const bool good = std::find(good_reasons.begin(), good_reasons.end(), static_cast<Reason>(i)) != good_reasons.end();
        if (!good && status.reasons[i] != 0) ends.emplace_back(status.reasons[i], reason_names[i]);
    }
    std::sort(ends.begin(), ends.end(), [](const auto& one, const auto& two) { return one.first > two.first; });
    std::string text;
    for (std::size_t i = 0; i < std::min(most, ends.size()); ++i)
        text += (i == 0 ? "" : ", ") + std::string(ends[i].second) + ' ' + std::to_string(ends[i].first);
    return text;
}

Json json_of(const Service& service, const ListenerStatus& status) {
    const auto number = [](auto value) { return Json::raw(std::to_string(value)); };
    const auto seconds = [](std::uint64_t microseconds) { return Json::raw(std::to_string(double(microseconds) / 1e6)); };
    Json reasons = Json::object();
    for (std::size_t i = 0; i < reason_names.size(); ++i)
        if (status.reasons[i] != 0) reasons.set(reason_names[i], number(status.reasons[i]));
    return Json::object()
        .set("listener", Json::text(status.listener))
        .set("address", Json::text(service.addresses()))
        .set("plugin", Json::text(service.plugin_names()))
        .set("state", Json::text(state_word(service)))
        .set("open", number(status.open))
        .set("max", number(service.max_connections()))
        .set("accepted", number(status.accepted))
        .set("queue", number(status.queue.depth))
        .set("queue_limit", number(status.queue.limit))
        .set("queue_drops", number(status.queue.drops))
        .set("wait_p99", seconds(histogram_percentile(status.waits, 99)))
        .set("ended", std::move(reasons));
}

HostAnswer status_of(const Generation& generation, const std::string& only) {
    const Standing& standing = generation.standing();
    std::uint64_t open = 0;
    std::uint64_t most = 0;
    Json listeners = Json::array();
    CellTable table{{"listener",
                     "address",
                     {"state", Cell::Type::state},
                     {"open", Cell::Type::number},
                     {"max", Cell::Type::number},
                     {"queue", Cell::Type::number},
                     {"drops", Cell::Type::number},
                     {"wait p99", Cell::Type::seconds},
                     "ended badly"},
                    {}};
    std::vector<std::string> names;
    for (const auto& service : generation.services()) {
        names.push_back(service->config.name);
        open += service->endpoint().open.load();
        most += service->max_connections();
        if (!only.empty() && only != names.back()) continue;
        const ListenerStatus status = service->status();
        listeners.add(json_of(*service, status));
        const auto wait = static_cast<std::int64_t>(histogram_percentile(status.waits, 99));
        table.cells.insert(table.cells.end(),
                           {status.listener, service->addresses(), Cell::state(std::string(state_word(*service))),
                            Cell::count(status.open), Cell::count(service->max_connections()), Cell::count(status.queue.depth),
                            Cell::count(status.queue.drops), Cell(Cell::Type::seconds, wait), bad_ends(status)});
    }
    if (!only.empty() && table.cells.empty()) return no_such("listener", only, names);
    const char* const state = generation.drain().started() ? "draining" : "serving";
    const std::size_t orders = standing.denials.size() + standing.live_orders.all().size();
    const auto number = [](auto value) { return Json::raw(std::to_string(value)); };
    HostAnswer answer;
    answer.result = Json::object()
                        .set("version", Json::text(GATEHOUSE_SDK_VERSION_TEXT))
                        .set("pid", number(::getpid()))
                        .set("state", Json::text(state))
                        .set("since", Json::text(time_text(generation.standing().since).view()))
                        .set("open", number(open))
                        .set("max", number(most))
                        .set("relays", number(standing.relays.active()))
                        .set("log_lines_dropped", number(standing.log.dropped()))
                        .set("orders", number(orders))
                        .set("listeners", std::move(listeners));
    answer.text = "gatehouse " GATEHOUSE_SDK_VERSION_TEXT "  pid " + std::to_string(::getpid()) + "  " + state + "  since " +
                  std::string(time_text(generation.standing().since).view()) + "  open " + std::to_string(open) + " of " +
                  std::to_string(most) + "  log drops " + std::to_string(standing.log.dropped()) +
                  (orders != 0 ? "  orders " + std::to_string(orders) : "") + '\n' + format_cells(table);
    return answer;
}

HostCommand status_command(const AllGenerations& generations) {
    HostCommand command;
    command.name = "status";
    command.summary = "shows how the host and its listeners are";
    command.parameters = {{"listener", Parameter::Type::text, false, "this one alone", false}};
    command.shows = true;
    command.run = [generations](const Arguments& with, const Caller&) {
        return HostCommand::at_once(status_of(*generations().front(), with.text("listener")));
    };
    return command;
}

// --- others --------------------------------------------------------------------------------------------------------------

HostAnswer sources_of(const AllGenerations& generations, std::size_t most) {
    struct Row {
        std::string listener;
        SourceTable::Source source;
    };
    std::vector<Row> rows;
    const Nanoseconds now = monotonic_now();
    std::set<const SourceTable*> seen;
    for (const Generation* generation : generations())
        for (const auto& service : generation->services()) {
            if (service->sources() == nullptr || !seen.insert(service->sources()).second) continue;
            for (const SourceTable::Source& source : service->sources()->top(most, service->source_rule().interval, now))
                rows.push_back({service->config.name, source});
        }
    std::stable_sort(rows.begin(), rows.end(), [](const Row& one, const Row& two) {
        return one.source.open != two.source.open ? one.source.open > two.source.open : one.source.recent > two.source.recent;
    });
    HostAnswer answer;
    answer.table.columns = {"listener", "source", {"connections", Cell::Type::number}, {"recent", Cell::Type::number}};
    for (std::size_t i = 0; i < std::min(most, rows.size()); ++i)
        answer.table.cells.insert(answer.table.cells.end(),
                                  {rows[i].listener, to_string(rows[i].source.address), Cell::count(rows[i].source.open),
                                   Cell::count(rows[i].source.recent)});
    return answer;
}

HostCommand sources_command(const AllGenerations& generations) {
    HostCommand command;
    command.name = "sources";
    command.summary = "shows the sources with the most connections, of listeners with max_per_source or rate";
    command.parameters = {{"top", Parameter::Type::number, false, "so many (default 20, at most 1000)", false}};
    command.shows = true;
    command.run = [generations](const Arguments& with, const Caller&) {
        constexpr std::int64_t usual = 20;
        constexpr std::int64_t most = 1000;
        const auto top = static_cast<std::size_t>(std::min(with.number("top").value_or(usual), most));
        return HostCommand::at_once(sources_of(generations, top));
    };
    return command;
}

// Of all plugins that have servers, as the gateway has: what it tells of them, with its name as their pool.
HostAnswer all_servers(const AllGenerations& generations) {
    HostAnswer answer;
    answer.table.columns = {"pool",
                            "server",
                            "address",
                            {"state", Cell::Type::state},
                            {"connections", Cell::Type::number},
                            {"limit", Cell::Type::number},
                            {"total", Cell::Type::number},
                            {"failures", Cell::Type::number},
                            "check",
                            "last error",
                            {"error at", Cell::Type::time}};
    for (PluginInstance* const instance : generations().front()->plugins().all()) {
        const std::optional<CellTable> servers = plugin_table(*instance, "servers");
        for (std::size_t row = 0; servers && row < rows_of(*servers); ++row) {
            if (rows_of(answer.table) == most_servers) {
                ++answer.more;
                continue;
            }
            const Cell pool = cell_of(*servers, row, "pool"); // of a plugin that has several
            answer.table.cells.emplace_back(instance->name() + (pool.text.empty() ? "" : ' ' + pool.text));
            for (const Column& column : std::span(answer.table.columns).subspan(1)) {
                Cell cell = cell_of(*servers, row, column.name);
                answer.table.cells.push_back(cell.type == column.type ? std::move(cell) : Cell());
            }
        }
    }
    return answer;
}

HostCommand servers_command(const AllGenerations& generations) {
    HostCommand command;
    command.name = "servers";
    command.summary = "shows the servers of all pools: how they are, and their connections";
    command.shows = true;
    command.run = [generations](const Arguments&, const Caller&) { return HostCommand::at_once(all_servers(generations)); };
    return command;
}

// --- metrics -------------------------------------------------------------------------------------------------------------

HostAnswer scraped(const std::shared_ptr<GenerationView>& view, const HostRecord& record) {
    HostAnswer answer;
    if (!scrape(view, record, MetricFormat::text, [&answer](std::string_view piece) { answer.text += piece; }))
        return failure("gone", "the configuration has gone meanwhile; ask again");
    answer.result = Json::object().set("format", Json::text("text/plain; version=0.0.4")).set("text", Json::text(answer.text));
    return answer;
}

HostCommand scrape_command(const AllGenerations& generations) {
    HostCommand command;
    command.name = "metrics.scrape";
    command.summary = "shows all metrics as Prometheus reads them";
    command.shows = true;
    command.run = [generations, jobs = std::make_shared<Jobs>("scrape")](const Arguments&, const Caller&) {
        const Generation& generation = *generations().front();
        return late_answer(
            *jobs, generation.standing().alarm,
            [view = generation.view(), &record = generation.standing().record] { return scraped(view, record); });
    };
    return command;
}

} // namespace

std::vector<std::string> listener_names(const AllGenerations& generations) {
    std::vector<std::string> names;
    for (const auto& service : generations().front()->services()) names.push_back(service->config.name);
    return names;
}

std::vector<HostCommand> host_commands(AllGenerations generations) {
    std::vector<HostCommand> commands;
    for (const HostTable& table : host_tables()) commands.push_back(table_command(table, generations));
    for (const auto& make :
         {status_command, connections_command, kill_command, sources_command, servers_command, scrape_command,
          reload_certificates, log_level_command, explain_command, config_show_command, limits_set_command, orders_command,
          orders_remove_command, deny_add_command, deny_list_command, deny_remove_command})
        commands.push_back(make(generations));
    return commands;
}

} // namespace gatehouse::host
