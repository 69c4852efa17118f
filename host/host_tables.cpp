#include "host_tables.hpp"

#include "generation.hpp"
#include "host_record.hpp"

#include <gatehouse/gatehouse.h>
#include <gatehouse/version.h>
#include <memory>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace gatehouse::host {
namespace {

using Type = Cell::Type;

Cell microseconds(std::uint64_t much) {
    Cell cell = Cell::count(much);
    cell.type = Type::seconds;
    return cell;
}

Cell bytes(std::uint64_t much) {
    Cell cell = Cell::count(much);
    cell.type = Type::bytes;
    return cell;
}

// Newcomers that a rule or a limit has kept out.
std::uint64_t refusals(const ListenerStatus& status) {
    std::uint64_t sum = 0;
    for (const Reason reason : {Reason::no_match, Reason::denied_acl, Reason::listener_full, Reason::plugin_full,
                                Reason::source_full, Reason::handshakes_full, Reason::over_rate})
        sum += status.reasons[static_cast<std::size_t>(reason)];
    return sum;
}

CellTable host(const Generation& generation) {
    CellTable table{{"version",
                     "abi",
                     {"pid", Type::number},
                     {"state", Type::state},
                     {"since", Type::time},
                     "configuration",
                     {"relays", Type::number},
                     {"log lines dropped", Type::number}},
                    {}};
    const Standing& standing = generation.standing();
    table.cells = {GATEHOUSE_SDK_VERSION_TEXT,
                   std::to_string(GATEHOUSE_ABI_MAJOR) + '.' + std::to_string(GATEHOUSE_ABI_MINOR),
                   Cell::count(static_cast<std::uint64_t>(::getpid())),
                   Cell::state(generation.drain().started() ? "draining" : "serving"),
                   {Type::time, generation.standing().since},
                   generation.config().file.string(),
                   Cell::count(standing.relays.active()),
                   Cell::count(standing.log.dropped())};
    return table;
}

CellTable listeners(const Generation& generation) {
    CellTable table{{"listener",
                     "address",
                     "plugin",
                     {"state", Type::state},
                     {"connections", Type::number},
                     {"parked", Type::number},
                     {"accepted", Type::number},
                     {"threads", Type::number},
                     {"queue", Type::number},
                     {"queue limit", Type::number},
                     {"dropped", Type::number},
                     {"wait p50", Type::seconds},
                     {"wait p99", Type::seconds},
                     {"limit", Type::number},
                     {"refused", Type::number},
                     {"received", Type::bytes},
                     {"sent", Type::bytes}},
                    {}};
    for (const auto& service : generation.services()) {
        const ListenerStatus status = service->status();
        table.cells.insert(table.cells.end(),
                           {status.listener, service->addresses(), service->plugin_names(),
                            Cell::state(std::string(state_word(*service))), Cell::count(status.open),
                            Cell::count(status.parked), Cell::count(status.accepted), Cell::count(status.pool.threads),
                            Cell::count(status.queue.depth), Cell::count(status.queue.limit), Cell::count(status.queue.drops),
                            microseconds(histogram_percentile(status.waits, 50)),
                            microseconds(histogram_percentile(status.waits, 99)), Cell::count(service->max_connections()),
                            Cell::count(refusals(status)), bytes(status.in), bytes(status.out)});
    }
    return table;
}

CellTable plugins(const Generation& generation) {
    CellTable table{{"instance", "plugin", "version", "abi", "library", {"connections", Type::number}}, {}};
    for (const PluginInstance* instance : generation.plugins().all()) {
        const PluginFacts& facts = instance->library()->facts();
        table.cells.insert(table.cells.end(),
                           {instance->name(), facts.name, facts.version, facts.needs, instance->library()->file().string(),
                            Cell::count(instance->facilities().list(*instance).size())});
    }
    return table;
}

// How near the host is to what the file or the system allows. What has no limit is not there.
CellTable limits(const Generation& generation) {
    CellTable table{{"limit", "of", {"used", Type::number}, {"most", Type::number}}, {}};
    const auto add = [&table](const char* limit, const std::string& of, Cell used, std::uint64_t most) {
        table.cells.insert(table.cells.end(), {limit, of, std::move(used), Cell::count(most)});
    };
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY)
        add("open files", "host", {}, files.rlim_cur);
    for (const auto& service : generation.services()) {
        const std::string of = "listener " + service->config.name;
        add("connections", of, Cell::count(service->open()), service->max_connections());
        add("threads", of, Cell::count(service->pool.counts().threads), service->config.threads.max);
    }
    for (const PluginInstance* instance : generation.plugins().all())
        if (instance->max_connections() != 0)
            add("connections", "plugin " + instance->name(), Cell::count(instance->facilities().list(*instance).size()),
                instance->max_connections());
    for (const TlsConfig& section : generation.config().tls)
        add("handshakes", "tls " + section.name, Cell::count(generation.tls().sections().at(section.name)->handshakes()),
            section.max_handshakes);
    return table;
}

CellTable metrics(const Generation& generation) {
    CellTable table{Metrics::columns(), {}};
    for (const PluginInstance* instance : generation.plugins().all())
        instance->metrics().append_rows(instance->name(), table.cells);
    return table;
}

CellTable certificates(const Generation& generation) {
    CellTable table{{"tls", "names", "issuer", {"until", Type::time}, "key", "file"}, {}};
    for (const auto& [name, server] : generation.tls().sections()) {
        const std::shared_ptr<const TlsContext> context = server->context();
        const std::vector<TlsPairConfig>& files = server->config().pairs;
        for (std::size_t i = 0; i < context->pairs().size(); ++i) {
            const LoadedPair& pair = *context->pairs()[i];
            std::string names;
            for (const std::string& each : pair.names) names += (names.empty() ? "" : " ") + each;
            table.cells.insert(table.cells.end(), {name, names, issuer(*pair.certificate),
                                                   Cell(Type::time, std::int64_t{not_after(*pair.certificate)} * 1000),
                                                   pair.key_type, files.at(i).certificate.path});
        }
    }
    return table;
}

// Whether the host is well. A check is passed if all of its parts are.
CellTable health(const Generation& generation) {
    CellTable table{{"check", "part", {"state", Type::state}, "why"}, {}};
    const auto add = [&table](const char* check, const std::string& part, bool good, const std::string& why) {
        table.cells.insert(table.cells.end(), {check, part, Cell::state(good ? "ok" : "failed"), why});
    };
    const Standing& standing = generation.standing();
    HostRecord& record = standing.record;
    const bool stuck = record.pulse.is_stuck(standing.alarm, monotonic_now());
    add("live", "main loop", !stuck, stuck ? "has not come round for 5 s" : "turns");
    const bool accepts = record.accepts.load();
    const std::size_t all = generation.services().size();
    add("startup", "listeners", accepts,
        (accepts ? std::to_string(all) : "not all") + " of " + std::to_string(all) + " listen");
    std::size_t serving = 0;
    std::size_t drained = 0; // as an operator wants it: then the others make the host ready
    for (const auto& service : generation.services()) {
        const Acceptor::State state = service->state();
        if (state != Acceptor::State::idle && state != Acceptor::State::closed)
            ++serving;
        else if (service->is_drained())
            ++drained;
    }
    add("ready", "listeners", serving + drained == all && (serving != 0 || drained == 0),
        std::to_string(serving) + " of " + std::to_string(all) + " accept" +
            (drained != 0 ? ", " + std::to_string(drained) + " drained" : ""));
    const bool leaves = record.leaves.load() || generation.drain().started();
    add("ready", "host", !leaves, leaves ? "it drains, or is about to" : "is not draining");
    for (const auto& service : generation.services())
        add("listener", service->config.name, service->state() == Acceptor::State::accepting && !leaves,
            std::string(state_word(*service)));
    return table;
}

int health_status(const CellTable& table) {
    for (std::size_t row = 0; row < table.cells.size(); row += table.columns.size())
        if (table.cells[row].text != "listener" && table.cells[row + 2].text != "ok") return 1;
    return 0;
}

constexpr HostTable tables[] = {{"host", "shows the version, and since when the host runs", host},
                                {"listeners", "shows the listeners and their connections", listeners},
                                {"plugins", "shows the plugin instances and their connections", plugins},
                                {"limits", "shows how much of each limit is used", limits},
                                {"metrics", "shows what the plugin instances count", metrics},
                                {"certs", "shows the certificates that clients are shown", certificates},
                                {"health", "shows whether the host is well", health, health_status}};

} // namespace

std::string_view state_name(Acceptor::State state) noexcept {
    switch (state) {
    case Acceptor::State::idle:
        return "idle";
    case Acceptor::State::accepting:
        return "accepting";
    case Acceptor::State::full:
        return "full";
    case Acceptor::State::paused:
    case Acceptor::State::short_of:
        return "paused";
    case Acceptor::State::closed:
        break;
    }
    return "closed";
}

std::string_view state_word(const Service& service) noexcept {
    const Acceptor::State state = service.state();
    if (state != Acceptor::State::closed || !service.is_drained()) return state_name(state);
    return service.endpoint().open.load() != 0 ? "draining" : "drained";
}

std::span<const HostTable> host_tables() noexcept { return tables; }

} // namespace gatehouse::host
