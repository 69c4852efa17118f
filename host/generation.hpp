// One configuration at work: its plugin instances, TLS sections, drain, pools and services, made, started, drained and
// forgotten as one. Two can live side by side: the old one serves its connections to their end while the new one accepts.
//
// What has a name outlives a generation and is handed in: the endpoints (listening sockets, slots, counters), the log, the
// relay engine, the resolvers.
#pragma once

#include "base/cell_table.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "base/shortages.hpp"
#include "config/config.hpp"
#include "plugin/facilities.hpp"
#include "plugin/plugins.hpp"
#include "relay/engine.hpp"
#include "serving/endpoint.hpp"
#include "serving/service.hpp"
#include "threads/alarm.hpp"
#include "threads/background.hpp"
#include "threads/drain.hpp"
#include "threads/pool.hpp"
#include "threads/standby.hpp"
#include "tls/sections.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

class NameWatches;
class Resolver;

// What outlives all generations, but for the endpoints.
struct Standing {
    Log& log;
    Alarm& alarm;
    RelayEngine& relays;
    Resolver& resolver;
    Lookups& lookups;
    Background& background;
    NameWatches& watches;
    Standby& standby;
    TicketKeyRing& ticket_keys;
    unsigned cpus; // that the process may use
};

// The endpoints of a host, by the listeners' names.
class Endpoints {
  public:
    explicit Endpoints(Log& log) noexcept : log_(log) {}

    // The one of that name, opened if there is none. Throws ListenError. [main]
    Endpoint& open(const ListenerConfig& config);
    // All of them; throws ListenError with all problems. [main]
    void open(const std::vector<ListenerConfig>& configs);

    // Closes the sockets. [main]
    void close() noexcept;

  private:
    template <class Add>
    void check_overlaps(const std::vector<ListenerConfig>& configs, Add add) const;

    Log& log_;
    SpareDescriptor spare_;
    std::map<std::string, std::unique_ptr<Endpoint>> endpoints_;
};

class Generation {
  public:
    // Loads the plugins and the certificates. Throws PluginError, TlsError or std::system_error, with everything that is wrong.
    // [main]
    Generation(Config config, const Standing& standing);
    ~Generation(); // after stop(), or before start()
    Generation(const Generation&) = delete;
    Generation& operator=(const Generation&) = delete;

    // Makes the services of the listeners. To be called once, before start(). Throws ListenError. [main]
    void take(Endpoints& endpoints);

    // Starts the plugins, and accepts from here on. Listening is the last step that may fail, so that no client is let in
    // before. Throws PluginError, std::system_error or ListenError. [main]
    void start();

    // Accepts no more. The sockets stay open: for the next generation or, with `take_waiting`, until those that wait in the
    // accept queues have been served. [main]
    void stop_accepting(bool take_waiting) noexcept;

    // Tells plugins and connections that they have until `deadline`. [main]
    void begin_drain(Nanoseconds deadline) noexcept;

    // Whether no connection is left. [main]
    bool is_quiet() const noexcept;

    // Lets the threads go; false if some are still in a plugin's code by `deadline`, of which the log then speaks. [main]
    bool stop(Nanoseconds deadline) noexcept;

    // Keeps deadlines, starts threads. Returns when it wants to be asked again. [main]
    Nanoseconds supervise(Nanoseconds now) noexcept;

    // A relay of one of its connections has ended. [any]
    static void relay_ended(Connection& connection, Reason reason) noexcept {
        Service::of(connection).relay_ended(connection, reason);
    }

    const Config& config() const noexcept { return config_; }
    const Drain& drain() const noexcept { return drain_; }
    const Standing& standing() const noexcept { return standing_; }
    std::int64_t since() const noexcept { return since_; } // when it was made, in milliseconds since 1970
    Plugins& plugins() noexcept { return plugins_; }
    const Plugins& plugins() const noexcept { return plugins_; }
    TlsServers& tls() noexcept { return tls_; }
    const TlsServers& tls() const noexcept { return tls_; }
    const std::vector<std::unique_ptr<Service>>& services() const noexcept { return services_; }

  private:
    Service* service_of(std::uint64_t id) const noexcept;
    std::optional<CellTable> show(std::string_view table) const;
    Pool& pool_for(const ListenerConfig& listener);

    const Config config_; // constant after construction, as are all but the drain, the shortages and what follows by_number_
    const Standing standing_;
    const std::int64_t since_;
    Drain drain_;
    TlsServers tls_;
    std::map<const TlsServer*, HalfOpen> handshakes_; // the map is constant
    const Shared shared_;
    Shortages shortages_;
    const Facilities facilities_;
    Plugins plugins_;
    struct NamedPool {
        std::string plugin; // that shares it; empty: a listener's own
        std::unique_ptr<Pool> pool;
    };
    std::vector<NamedPool> pools_;
    std::vector<std::unique_ptr<Service>> services_;
    std::vector<Service*> by_number_;   // by the endpoint's number; null: not in this generation
    std::atomic<bool> complete_{false}; // plugins' threads may look at services_
    mutable Mutex showing_;             // who shows a table looks at all of it
    bool shows_ GATEHOUSE_GUARDED_BY(showing_) = false;
};

} // namespace gatehouse::host
