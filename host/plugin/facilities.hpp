// What a plugin instance may ask of the host. The host makes one set, which is constant from then on, and hands it to each of
// its instances; all that it refers to outlives them.
#pragma once

#include "base/cell_table.hpp"
#include "base/clock.hpp"
#include "base/metric_text.hpp"

#include <cstdint>
#include <functional>
#include <gatehouse/gatehouse.h>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

class Background;
class Connection;
class Drain;
class Log;
class Lookups;
class NameWatches;
class NamedCounts;
class PluginInstance;
class Resolver;
class Shortages;
class TlsServer;

struct Facilities {
    const gatehouse_host& table; // the functions that plugins call; abi/ has them
    Log& log;
    const Drain& drain;
    Resolver& resolver; // blocks
    Lookups& lookups;   // does not
    Background& background;
    NameWatches& watches;
    Shortages& shortages;

    // For connections that the instance does not serve at the moment, by id. [any]
    // GATEHOUSE_NOT_FOUND: the connection has ended, or belongs to another instance.
    using ById = std::function<gatehouse_status(const PluginInstance& instance, std::uint64_t id)>;
    ById wake; // serve() is called again with GATEHOUSE_EVENT_WAKE
    // Ends it; see gatehouse_host.end.
    std::function<gatehouse_status(const PluginInstance& instance, std::uint64_t id, std::int32_t how,
                                   std::uint64_t milliseconds)>
        end;
    // The ids of the instance's connections. Throws std::bad_alloc.
    std::function<std::vector<std::uint64_t>(const PluginInstance& instance)> list;
    // The host looks again at what has been begun for it; serve() is not called unless something has come of that.
    ById look_again;
    // Lets a connection wait with the thread that serves it; see gatehouse_host.wait. `until`: of the monotonic clock.
    std::function<gatehouse_status(Connection& connection, Nanoseconds until)> wait;

    // The section [tls.NAME], which is in the configuration; null: its certificates cannot be loaded. [main]
    std::function<TlsServer*(const std::string& name)> tls_server;
    // Goes on with the TLS that a plugin has begun with its client; true: it is over. [conn]
    std::function<bool(Connection& connection)> step_upgrade;
    // The table of this name that the host tells of itself, see gatehouse/ext/host.h; nothing: there is none, or none any more.
    // Throws std::bad_alloc. [any]
    std::function<std::optional<CellTable>(std::string_view name)> show;
    // The answer to a command is over, which came later: the main thread looks. [any]
    std::function<void()> answered;
    // What instances of the same names have counted before; null: nothing is remembered.
    NamedCounts* named_counts = nullptr;
    // Writes the metrics of the host and of all plugins, piece by piece, to somebody who may wait; false: there is no host any
    // more. Throws std::bad_alloc. [any]
    std::function<bool(MetricFormat format, const MetricText::Sink& sink)> scrape{}; // NOLINT(*-redundant-member-init)
};

} // namespace gatehouse::host
