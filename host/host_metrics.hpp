// What the host measures of itself, for Prometheus. One list has the name of each metric beside what fills it: scrapes,
// `gatehouse metrics --list` and docs/metrics.md are made of it.
#pragma once

#include "base/metric_text.hpp"
#include "generation.hpp"
#include "plugin/instance.hpp"
#include "serving/status.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::host {

// The numbers of a generation, and of all that outlives it, as they were at one moment.
struct Numbers {
    struct OfListener {
        ListenerStatus status;
        std::string address;
        std::string plugin; // those it may use
        std::string tls;    // those it may use
        std::uint64_t limit = 0;
        std::uint64_t threads_limit = 0;
        bool counts_sources = false;
        Nanoseconds cpu_time = 0;  // of its threads
        std::uint64_t allowed = 0; // networks
        std::uint64_t denied = 0;
        std::vector<std::uint64_t> routes; // connections that each has taken
    };
    struct OfPlugin {
        std::string name;
        PluginFacts library;
        std::uint64_t connections = 0;
        std::uint64_t limit = 0; // 0: none
        std::uint64_t errors = 0;
        std::uint64_t exceptions = 0;
        std::uint64_t metrics_refused = 0;
    };
    struct OfTls {
        std::string name;
        std::array<std::array<std::uint64_t, 2>, HandshakeCounts::versions.size()> done{}; // by version, and whether resumed
        std::array<std::uint64_t, HandshakeCounts::failure_names.size()> failed{};
        std::array<std::uint64_t, reason_names.size()> cut{}; // by the reason of the connection
        TimeHistogram::Counts times;
        std::uint64_t open = 0;
        std::uint64_t limit = 0;
        std::array<std::uint64_t, 2> reloads{};                   // bad ones and good ones
        std::array<std::uint64_t, 3> certificates{};              // good, expiring, expired
        std::vector<std::pair<std::string, std::int64_t>> expiry; // by the first name, in seconds since 1970; the first 100
        std::int64_t earliest = 0;                                // 0: there is none
    };

    Standing standing;
    unsigned generation = 0;
    std::int64_t since = 0; // of the generation, in milliseconds since 1970
    std::string by;         // who wanted it
    bool draining = false;
    std::vector<OfListener> listeners;
    std::vector<OfPlugin> plugins;
    std::vector<OfTls> tls;
    std::map<std::string, Metrics::OfInstances> plugin_metrics; // by the name in a scrape
};

// Throws std::bad_alloc. [any], while the generation serves
Numbers numbers_of(const Generation& generation);

// Writes a scrape, metric after metric. Throws std::bad_alloc, and what the sink throws. [any]
void write_metrics(const Numbers& numbers, MetricFormat format, const MetricText::Sink& sink);

// Both, of the generation that accepts; see look_at(). False: there is none. Somebody may wait in the sink: no lock is held
// there. [any]
bool scrape(const std::shared_ptr<GenerationView>& own, const HostRecord& record, MetricFormat format,
            const MetricText::Sink& sink);

// What is wrong with the names of the metrics that plugins have registered: one is the host's, or two are of different kinds.
// Empty: nothing. [who makes the generation]
std::string metric_problem(const Plugins& plugins);

// The metrics of the host, for people: a table, or one in Markdown.
std::string metric_list(bool markdown);

} // namespace gatehouse::host
