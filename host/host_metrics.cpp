#include "host_metrics.hpp"

#include "base/text_table.hpp"
#include "base/time_text.hpp"
#include "host_record.hpp"
#include "host_tables.hpp"
#include "process/usage.hpp"

#include <algorithm>
#include <cstring>
#include <gatehouse/gatehouse.h>
#include <gatehouse/version.h>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <tuple>

namespace gatehouse::host {
namespace {

constexpr std::size_t most_expiries = 100; // certificates of a section that have a value each
constexpr std::int64_t soon = 14 * 86'400; // seconds: such a certificate is expiring

// --- taking the numbers ---------------------------------------------------------------------------------------------------

std::string joined_names(const std::set<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
    return text;
}

Numbers::OfListener numbers_of(const Service& service) {
    std::set<std::string> tls;
    if (!service.config.tls.empty()) tls.insert(service.config.tls);
    for (const RouteConfig& route : service.config.routes)
        if (!route.tls.empty()) tls.insert(route.tls);
    return {service.status(),
            service.addresses(),
            service.plugin_names(),
            joined_names(tls),
            service.max_connections(),
            service.config.threads.max,
            service.sources() != nullptr,
            service.endpoint().threads.clocks.sum(),
            service.config.access.allow.size(),
            service.config.access.deny.size(),
            service.endpoint().routes.first(service.config.routes.size())};
}

Numbers::OfPlugin numbers_of(const PluginInstance& instance) {
    Numbers::OfPlugin numbers;
    numbers.name = instance.name();
    numbers.library = instance.library()->facts();
    numbers.limit = instance.max_connections();
    numbers.errors = instance.counts().errors.load(std::memory_order_relaxed);
    numbers.exceptions = instance.counts().exceptions.load(std::memory_order_relaxed);
    numbers.metrics_refused = instance.metrics().refused();
    return numbers;
}

Numbers::OfTls numbers_of(const std::string& name, const TlsServer& server) {
    Numbers::OfTls numbers;
    numbers.name = name;
    const HandshakeCounts& counts = server.counts();
    for (std::size_t version = 0; version < numbers.done.size(); ++version)
        for (const bool resumed : {false, true}) numbers.done[version][resumed ? 1 : 0] = counts.done(version, resumed);
    for (std::size_t why = 0; why < numbers.failed.size(); ++why) numbers.failed[why] = counts.failed(why);
    for (std::size_t why = 0; why < numbers.cut.size(); ++why) numbers.cut[why] = counts.cut_for(static_cast<Reason>(why));
    numbers.times = counts.times();
    numbers.open = server.handshakes();
    numbers.limit = server.config().max_handshakes;
    numbers.reloads = {server.reloads(false), server.reloads(true)};
    const std::shared_ptr<const TlsContext> context = server.context();
    const std::int64_t now = milliseconds_since_1970() / 1000;
    std::set<std::string_view> named;
    for (const auto& pair : context->pairs()) {
        const std::int64_t until = not_after(*pair->certificate);
        ++numbers.certificates[until < now ? 2 : until < now + soon ? 1 : 0];
        if (numbers.earliest == 0 || until < numbers.earliest) numbers.earliest = until;
        if (pair->names.empty() || named.size() == most_expiries) continue;
        if (named.insert(pair->names.front()).second) numbers.expiry.emplace_back(pair->names.front(), until);
    }
    return numbers;
}

// --- the list -------------------------------------------------------------------------------------------------------------

using Kind = MetricKind;
using OfListener = Numbers::OfListener;
using OfPlugin = Numbers::OfPlugin;
using OfTls = Numbers::OfTls;

std::uint64_t number(bool yes) { return yes ? 1 : 0; }
double seconds(std::int64_t milliseconds) { return static_cast<double>(milliseconds) / 1000; }
double seconds_of(Nanoseconds time) { return static_cast<double>(time) / 1e9; }

// One value for each listener, plugin or section.
template <auto value>
void each_listener(const Numbers& now, MetricText& to) {
    for (const OfListener& of : now.listeners) to.add({of.status.listener}, value(of));
}
template <auto value>
void each_plugin(const Numbers& now, MetricText& to) {
    for (const OfPlugin& of : now.plugins) to.add({of.name}, value(of));
}
template <auto value>
void each_tls(const Numbers& now, MetricText& to) {
    for (const OfTls& of : now.tls) to.add({of.name}, value(of));
}

void open_connections(const Numbers& now, MetricText& to) {
    for (const OfListener& of : now.listeners)
        for (std::size_t i = 0; i < phase_names.size(); ++i)
            if (const std::uint32_t open = of.status.phases[i]; open != 0 || i == 0)
                to.add({of.status.listener, phase_names[i]}, std::uint64_t{open});
}

void closed_connections(const Numbers& now, MetricText& to) {
    for (const OfListener& of : now.listeners)
        for (std::size_t i = 0; i < reason_names.size(); ++i)
            if (of.status.reasons[i] != 0) to.add({of.status.listener, reason_names[i]}, of.status.reasons[i]);
}

void access_networks(const Numbers& now, MetricText& to) {
    for (const OfListener& of : now.listeners) {
        if (of.allowed != 0) to.add({of.status.listener, "allow"}, of.allowed);
        if (of.denied != 0) to.add({of.status.listener, "deny"}, of.denied);
    }
}

void route_connections(const Numbers& now, MetricText& to) {
    for (const OfListener& of : now.listeners)
        for (std::size_t i = 0; i < of.routes.size(); ++i)
            if (of.routes[i] != 0) to.add({of.status.listener, std::to_string(i + 1)}, of.routes[i]);
}

void accept_errors(const Numbers& now, MetricText& to) {
    for (const OfListener& of : now.listeners)
        for (const auto& [error, count] : of.status.accept_errors) {
            const char* const name = ::strerrorname_np(error);
            to.add({of.status.listener, name != nullptr ? name : "unknown"}, count);
        }
}

void listener_states(const Numbers& now, MetricText& to) {
    for (const OfListener& of : now.listeners)
        for (const Acceptor::State state :
             {Acceptor::State::accepting, Acceptor::State::full, Acceptor::State::paused, Acceptor::State::closed})
            to.add({of.status.listener, state_name(state)}, number(state_name(of.status.state) == state_name(state)));
}

void pool_threads(const Numbers& now, MetricText& to) {
    for (const OfListener& of : now.listeners) {
        const Pool::Counts& pool = of.status.pool;
        to.add({of.status.listener, "idle"}, std::uint64_t{pool.idle});
        to.add({of.status.listener, "running"}, std::uint64_t{pool.threads - pool.idle - pool.blocked});
        to.add({of.status.listener, "blocked"}, std::uint64_t{pool.blocked});
    }
}

void tls_handshakes(const Numbers& now, MetricText& to) {
    for (const OfTls& of : now.tls)
        for (std::size_t version = 0; version < of.done.size(); ++version)
            for (const std::size_t resumed : {std::size_t{0}, std::size_t{1}})
                if (of.done[version][resumed] != 0)
                    to.add({of.name, HandshakeCounts::versions[version], resumed != 0 ? "yes" : "no"},
                           of.done[version][resumed]);
}

void tls_failures(const Numbers& now, MetricText& to) {
    for (const OfTls& of : now.tls) {
        for (std::size_t why = 0; why < of.failed.size(); ++why)
            if (of.failed[why] != 0) to.add({of.name, HandshakeCounts::failure_names[why]}, of.failed[why]);
        for (std::size_t why = 0; why < of.cut.size(); ++why)
            if (of.cut[why] != 0) to.add({of.name, reason_names[why]}, of.cut[why]);
    }
}

void tls_certificates(const Numbers& now, MetricText& to) {
    constexpr std::array<std::string_view, 3> states{"good", "expiring", "expired"};
    for (const OfTls& of : now.tls)
        for (std::size_t i = 0; i < states.size(); ++i) to.add({of.name, states[i]}, of.certificates[i]);
}

void tls_expiries(const Numbers& now, MetricText& to) {
    for (const OfTls& of : now.tls)
        for (const auto& [name, until] : of.expiry) to.add({of.name, name}, until);
}

void log_records(const Numbers& now, MetricText& to) {
    constexpr std::array<std::string_view, log_levels> names{"debug", "info", "warning", "error"};
    for (std::size_t i = 0; i < names.size(); ++i) to.add({names[i]}, now.standing.log.records(static_cast<LogLevel>(i)));
}

void control_requests(const Numbers& now, MetricText& to) {
    for (const auto& [what, count] : now.standing.record.commands.counts()) to.add({what.first, what.second}, count);
}

struct Metric {
    MetricName name;
    void (*write)(const Numbers& now, MetricText& to);
};

// As operations need it: the host, the listeners, their pools, plugins, relays, TLS, log and control, the process.
const Metric all_metrics[] = {
    {{"gatehouse_build_info", Kind::gauge, {"version", "abi", "openssl"}, "The program that runs; always 1."},
     [](const Numbers&, MetricText& to) {
         const std::string abi = std::to_string(GATEHOUSE_ABI_MAJOR) + '.' + std::to_string(GATEHOUSE_ABI_MINOR);
         to.add({GATEHOUSE_SDK_VERSION_TEXT, abi, openssl_version()}, std::uint64_t{1});
     }},
    {{"gatehouse_config_info", Kind::gauge, {"generation", "author"}, "The configuration that runs; always 1."},
     [](const Numbers& now, MetricText& to) { to.add({std::to_string(now.generation), now.by}, std::uint64_t{1}); }},
    {{"gatehouse_ready", Kind::gauge, {}, "Whether the host takes connections and is going to: as /readyz."},
     [](const Numbers& now, MetricText& to) {
         const HostRecord& record = now.standing.record;
         to.add({}, number(record.accepts.load() && !record.leaves.load()));
     }},
    {{"gatehouse_draining", Kind::gauge, {}, "Whether the host drains."},
     [](const Numbers& now, MetricText& to) { to.add({}, number(now.draining)); }},
    {{"gatehouse_config_generation", Kind::gauge, {}, "The number of the configuration that runs; 1 after the start."},
     [](const Numbers& now, MetricText& to) { to.add({}, std::uint64_t{now.generation}); }},
    {{"gatehouse_config_file_changed",
      Kind::gauge,
      {},
      "Whether the file, with those that it includes, says something else than what runs; as the scrape before had it found "
      "out."},
     [](const Numbers& now, MetricText& to) {
         if (const auto differs = now.standing.record.file.differs(now.generation)) to.add({}, number(*differs));
     }},
    {{"gatehouse_config_last_reload_success", Kind::gauge, {}, "Whether the last reload or rollback was not refused."},
     [](const Numbers& now, MetricText& to) { to.add({}, number(now.standing.record.last_reload_good())); }},
    {{"gatehouse_config_last_reload_timestamp_seconds", Kind::gauge, {}, "Since when this configuration runs."},
     [](const Numbers& now, MetricText& to) { to.add({}, seconds(now.since)); }},
    {{"gatehouse_config_reloads_total",
      Kind::counter,
      {"result"},
      "Reloads and rollbacks that changed something, or were refused."},
     [](const Numbers& now, MetricText& to) {
         for (std::size_t i = 0; i < HostRecord::reload_names.size(); ++i)
             to.add({HostRecord::reload_names[i]}, now.standing.record.reloads(i));
     }},
    {{"gatehouse_orders", Kind::gauge, {"kind"}, "Orders of the operator that are in force."},
     [](const Numbers& now, MetricText& to) {
         to.add({"deny"}, std::uint64_t{now.standing.record.denials.load()});
         to.add({"limit"}, std::uint64_t{now.standing.record.limit_orders.load()});
         to.add({"log"}, std::uint64_t{now.standing.record.log_orders.load()});
         to.add({"drain"}, std::uint64_t{now.standing.record.drain_orders.load()});
     }},

    {{"gatehouse_connections_accepted_total",
      Kind::counter,
      {"listener"},
      "Connections that were accepted: those that are closed and those that are open."},
     each_listener<[](const OfListener& of) { return of.status.accepted; }>},
    {{"gatehouse_connections_closed_total",
      Kind::counter,
      {"listener", "reason"},
      "Connections that have ended, each with its one reason; refused ones included."},
     closed_connections},
    {{"gatehouse_connections_open", Kind::gauge, {"listener", "phase"}, "Connections that have not ended, by what they do."},
     open_connections},
    {{"gatehouse_connections_limit", Kind::gauge, {"listener"}, "max_connections of the listener."},
     each_listener<[](const OfListener& of) { return of.limit; }>},
    {{"gatehouse_connections_old", Kind::gauge, {"listener"}, "Open connections of earlier configurations."},
     each_listener<[](const OfListener& of) {
         return std::uint64_t{of.status.open - std::min(of.status.open, of.status.of_generation)};
     }>},
    {{"gatehouse_connection_duration_seconds",
      Kind::histogram,
      {"listener"},
      "From accept to close, of connections that have ended."},
     each_listener<[](const OfListener& of) { return of.status.durations; }>},
    {{"gatehouse_bytes_received_total", Kind::counter, {"listener"}, "Bytes from clients, without what TLS adds."},
     each_listener<[](const OfListener& of) { return of.status.in; }>},
    {{"gatehouse_bytes_sent_total", Kind::counter, {"listener"}, "Bytes to clients, without what TLS adds."},
     each_listener<[](const OfListener& of) { return of.status.out; }>},
    {{"gatehouse_listener_info", Kind::gauge, {"listener", "address", "plugin", "tls"}, "The listeners; always 1."},
     [](const Numbers& now, MetricText& to) {
         for (const OfListener& of : now.listeners)
             to.add({of.status.listener, of.address, of.plugin, of.tls}, std::uint64_t{1});
     }},
    {{"gatehouse_listener_state", Kind::gauge, {"listener", "state"}, "1 for the state that the listener is in."},
     listener_states},
    {{"gatehouse_accept_queue_length", Kind::gauge, {"listener"}, "Connections that wait in the kernel's accept queue."},
     each_listener<[](const OfListener& of) { return std::uint64_t{of.status.queue.depth}; }>},
    {{"gatehouse_accept_queue_limit", Kind::gauge, {"listener"}, "How many may wait there."},
     each_listener<[](const OfListener& of) { return std::uint64_t{of.status.queue.limit}; }>},
    {{"gatehouse_accept_queue_drops_total",
      Kind::counter,
      {"listener"},
      "Newcomers that the kernel has dropped, as with a full queue."},
     each_listener<[](const OfListener& of) { return of.status.queue.drops; }>},
    {{"gatehouse_accept_errors_total", Kind::counter, {"listener", "error"}, "Failures of accept(), by the name of the errno."},
     accept_errors},
    {{"gatehouse_accept_wait_seconds",
      Kind::histogram,
      {"listener"},
      "From accept to the plugin's first turn, the client's first bytes included."},
     each_listener<[](const OfListener& of) { return of.status.wait_times; }>},
    {{"gatehouse_route_connections_total",
      Kind::counter,
      {"listener", "route"},
      "Connections that a route has taken, by its number among those of the listener, from 1."},
     route_connections},
    {{"gatehouse_access_networks",
      Kind::gauge,
      {"listener", "list"},
      "Networks that the configuration allows and denies, those of files included."},
     access_networks},
    {{"gatehouse_sources", Kind::gauge, {"listener"}, "Client addresses that max_per_source or rate remembers."},
     [](const Numbers& now, MetricText& to) {
         for (const OfListener& of : now.listeners)
             if (of.counts_sources) to.add({of.status.listener}, std::uint64_t{of.status.sources.remembered});
     }},
    {{"gatehouse_sources_uncounted_total",
      Kind::counter,
      {"listener"},
      "Connections whose client address there was no room to remember."},
     [](const Numbers& now, MetricText& to) {
         for (const OfListener& of : now.listeners)
             if (of.counts_sources) to.add({of.status.listener}, of.status.sources.uncounted);
     }},

    {{"gatehouse_pool_threads",
      Kind::gauge,
      {"listener", "state"},
      "Threads; those of a shared pool at each of its listeners."},
     pool_threads},
    {{"gatehouse_pool_threads_limit", Kind::gauge, {"listener"}, "threads.max of the listener."},
     each_listener<[](const OfListener& of) { return of.threads_limit; }>},
    {{"gatehouse_pool_thread_failures_total",
      Kind::counter,
      {"listener"},
      "Threads that could not be started; those of a shared pool at each of its listeners."},
     each_listener<[](const OfListener& of) { return of.status.thread_failures; }>},

    {{"gatehouse_pool_cpu_seconds_total",
      Kind::counter,
      {"listener"},
      "What the threads have computed, for the host and its plugins; those of a shared pool at each of its listeners."},
     each_listener<[](const OfListener& of) { return seconds_of(of.cpu_time); }>},

    {{"gatehouse_plugin_info", Kind::gauge, {"plugin", "library", "version", "abi"}, "The plugin instances; always 1."},
     [](const Numbers& now, MetricText& to) {
         for (const OfPlugin& of : now.plugins)
             to.add({of.name, of.library.name, of.library.version, of.library.needs}, std::uint64_t{1});
     }},
    {{"gatehouse_plugin_connections", Kind::gauge, {"plugin"}, "Open connections of the instance that serves newcomers."},
     each_plugin<[](const OfPlugin& of) { return of.connections; }>},
    {{"gatehouse_plugin_connections_limit", Kind::gauge, {"plugin"}, "max_connections of the instance, if it has one."},
     [](const Numbers& now, MetricText& to) {
         for (const OfPlugin& of : now.plugins)
             if (of.limit != 0) to.add({of.name}, of.limit);
     }},
    {{"gatehouse_plugin_failures_total", Kind::counter, {"plugin", "kind"}, "Connections that the plugin's failure has ended."},
     [](const Numbers& now, MetricText& to) {
         for (const OfPlugin& of : now.plugins) {
             to.add({of.name, "error"}, of.errors);
             to.add({of.name, "exception"}, of.exceptions);
         }
     }},
    {{"gatehouse_plugin_metrics_refused_total",
      Kind::counter,
      {"plugin"},
      "Metrics, and values of labels, of the plugin's own that were refused at a limit."},
     each_plugin<[](const OfPlugin& of) { return of.metrics_refused; }>},

    {{"gatehouse_relay_pairs", Kind::gauge, {}, "Connections that are relayed to a server."},
     [](const Numbers& now, MetricText& to) { to.add({}, std::uint64_t{now.standing.relays.active()}); }},
    {{"gatehouse_relay_bytes_total", Kind::counter, {"method"}, "Bytes that were relayed, in both directions."},
     [](const Numbers& now, MetricText& to) {
         const RelayEngine::Moved moved = now.standing.relays.moved();
         to.add({"copy"}, moved.copied);
         to.add({"splice"}, moved.spliced);
     }},
    {{"gatehouse_relay_cpu_seconds_total", Kind::counter, {}, "What the threads of the relay engine have computed."},
     [](const Numbers& now, MetricText& to) { to.add({}, seconds_of(now.standing.relays.cpu_time())); }},

    {{"gatehouse_tls_handshakes_total",
      Kind::counter,
      {"tls", "version", "resumed"},
      "Handshakes with clients that went well."},
     tls_handshakes},
    {{"gatehouse_tls_handshake_failures_total",
      Kind::counter,
      {"tls", "cause"},
      "Handshakes with clients that failed; the cause of those that the host has cut short is the reason of their connection."},
     tls_failures},
    {{"gatehouse_tls_handshake_seconds", Kind::histogram, {"tls"}, "From the client's first byte, of those that went well."},
     each_tls<[](const OfTls& of) { return of.times; }>},
    {{"gatehouse_tls_handshakes_open", Kind::gauge, {"tls"}, "Handshakes that go on."},
     each_tls<[](const OfTls& of) { return of.open; }>},
    {{"gatehouse_tls_handshakes_limit", Kind::gauge, {"tls"}, "max_handshakes of the section."},
     each_tls<[](const OfTls& of) { return of.limit; }>},
    {{"gatehouse_tls_certificates", Kind::gauge, {"tls", "state"}, "Certificates; an expiring one ends within 14 days."},
     tls_certificates},
    {{"gatehouse_tls_certificate_expiry_timestamp_seconds",
      Kind::gauge,
      {"tls", "name"},
      "When a certificate ends, by its first name; of the first 100 of a section."},
     tls_expiries},
    {{"gatehouse_tls_earliest_expiry_timestamp_seconds",
      Kind::gauge,
      {"tls"},
      "When the first certificate of the section ends."},
     each_tls<[](const OfTls& of) { return of.earliest; }>},
    {{"gatehouse_tls_reloads_total",
      Kind::counter,
      {"tls", "result"},
      "Changed certificate files that were put to use, or are bad."},
     [](const Numbers& now, MetricText& to) {
         for (const OfTls& of : now.tls) {
             to.add({of.name, "applied"}, of.reloads[1]);
             to.add({of.name, "refused"}, of.reloads[0]);
         }
     }},

    {{"gatehouse_main_delay_seconds",
      Kind::histogram,
      {},
      "How late the main thread has come to what was due: deadlines, commands, supervision."},
     [](const Numbers& now, MetricText& to) { to.add({}, now.standing.record.main_delay.counts()); }},
    {{"gatehouse_log_records_total", Kind::counter, {"level"}, "Records of the log."}, log_records},
    {{"gatehouse_log_records_dropped_total",
      Kind::counter,
      {"cause"},
      "Records that were lost, at each output: the queue was full, or the disk or the reader did not take them."},
     [](const Numbers& now, MetricText& to) {
         to.add({"queue"}, now.standing.log.overrun());
         to.add({"disk"}, now.standing.log.unwritten());
     }},
    {{"gatehouse_control_requests_total",
      Kind::counter,
      {"command", "result"},
      "Questions that the control socket has answered."},
     control_requests},

    {{"process_cpu_seconds_total", Kind::counter, {}, "What the process has computed, user and system."},
     [](const Numbers&, MetricText& to) { to.add({}, seconds_of(cpu_time_of_process())); }},
    {{"process_resident_memory_bytes", Kind::gauge, {}, "Memory of the process that is not paged out."},
     [](const Numbers&, MetricText& to) { to.add({}, resident_memory()); }},
    {{"process_open_fds", Kind::gauge, {}, "Descriptors that are open."},
     [](const Numbers&, MetricText& to) {
         if (const auto count = open_descriptors()) to.add({}, *count);
     }},
    {{"process_max_fds", Kind::gauge, {}, "Descriptors that may be open."},
     [](const Numbers&, MetricText& to) { to.add({}, most_descriptors()); }},
    {{"process_threads", Kind::gauge, {}, "Threads of the process."},
     [](const Numbers&, MetricText& to) { to.add({}, threads_of_process()); }},
    {{"process_start_time_seconds", Kind::gauge, {}, "When the host was started."},
     [](const Numbers& now, MetricText& to) { to.add({}, seconds(now.standing.since)); }},
};

bool is_hosts(std::string_view name) {
    return std::any_of(std::begin(all_metrics), std::end(all_metrics),
                       [&](const Metric& metric) { return metric.name.name == name; });
}

std::string label_list(const MetricName& metric) {
    std::string text;
    for (const std::string_view label : metric.labels)
        if (!label.empty()) text += (text.empty() ? "" : ", ") + std::string(label);
    return text;
}

} // namespace

Numbers numbers_of(const Generation& generation) {
    Numbers numbers{generation.standing(),
                    generation.number(),
                    generation.since(),
                    generation.standing().record.by(),
                    generation.drain().started(),
                    {},
                    {},
                    {},
                    {}};
    generation.standing().record.file.ask(generation.standing().alarm);
    std::map<std::string_view, std::uint64_t> of_plugins;
    for (const auto& service : generation.services()) {
        numbers.listeners.push_back(numbers_of(*service));
        for (const auto& [plugin, count] : numbers.listeners.back().status.plugins) of_plugins[plugin] += count;
    }
    for (const PluginInstance* instance : generation.plugins().all()) {
        numbers.plugins.push_back(numbers_of(*instance));
        numbers.plugins.back().connections = of_plugins[instance->name()];
        for (const auto& metric : instance->metrics().all())
            numbers.plugin_metrics[Metrics::full_name(instance->library()->facts().name, *metric)].emplace_back(
                instance->name(), metric);
    }
    for (const auto& [name, server] : generation.tls().sections()) numbers.tls.push_back(numbers_of(name, *server));
    return numbers;
}

void write_metrics(const Numbers& numbers, MetricFormat format, const MetricText::Sink& sink) {
    MetricText text(format, sink);
    for (const Metric& metric : all_metrics) {
        text.begin(metric.name);
        metric.write(numbers, text);
    }
    for (const auto& [name, of_instances] : numbers.plugin_metrics) Metrics::write(text, name, of_instances);
    text.finish();
}

bool scrape(const std::shared_ptr<GenerationView>& own, const HostRecord& record, MetricFormat format,
            const MetricText::Sink& sink) {
    const std::optional<Numbers> numbers = look_at<Numbers>(own, record, numbers_of);
    if (numbers) write_metrics(*numbers, format, sink);
    return numbers.has_value();
}

std::string metric_problem(const Plugins& plugins) {
    std::map<std::string, std::pair<const PluginInstance*, const gatehouse_metric*>> known;
    for (const PluginInstance* instance : plugins.all())
        for (const auto& metric : instance->metrics().all()) {
            const std::string name = Metrics::full_name(instance->library()->facts().name, *metric);
            const std::string who = "plugin " + instance->name() + ": its metric " + metric->name + " would be " + name;
            if (is_hosts(name)) return who + ", which is the host's";
            const auto [same, fresh] = known.try_emplace(name, instance, metric.get());
            if (!fresh && !same->second.second->is_like(*metric))
                return who + ", which plugin " + same->second.first->name() + " has with another kind, unit, labels or bounds";
        }
    return "";
}

std::string metric_list(bool markdown) {
    std::vector<Row> rows{{"name", "type", "labels", "meaning"}};
    for (const Metric& metric : all_metrics)
        rows.push_back({std::string(metric.name.name), std::string(kind_name(metric.name.kind)), label_list(metric.name),
                        std::string(metric.name.help)});
    if (!markdown) return format_table(rows);
    std::string text = "| name | type | labels | meaning |\n|---|---|---|---|\n";
    for (std::size_t i = 1; i < rows.size(); ++i)
        text += "| `" + rows[i][0] + "` | " + rows[i][1] + " | " + rows[i][2] + " | " + rows[i][3] + " |\n";
    return text;
}

} // namespace gatehouse::host
