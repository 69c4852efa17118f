// One configuration at work: its plugin instances, TLS sections, drain, pools and services, made, started, drained and
// forgotten as one. Two can live side by side: the old one serves its connections to their end while the new one accepts.
//
// What has a name outlives a generation and is handed in: the endpoints (listening sockets, slots, counters), the log, the
// relay engine, the resolvers.
#pragma once

#include "access/denials.hpp"
#include "base/cell_table.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "base/shortages.hpp"
#include "config/config.hpp"
#include "endpoints.hpp"
#include "maps/live_maps.hpp"
#include "plugin/facilities.hpp"
#include "plugin/plugins.hpp"
#include "relay/engine.hpp"
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

class HostRecord;
class NameWatches;
class Resolver;
struct GenerationView;
struct LateLook;

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
    PluginLibraries& libraries;
    Denials& denials;
    HostRecord& record;
    LiveOrders& live_orders;
    unsigned cpus;      // that the process may use
    std::int64_t since; // when the host was started, in milliseconds since 1970
};

class Generation {
  public:
    // Loads the plugins and the certificates. `before`: the generation that accepts now, and whose certificates are taken over
    // if their files say the same; null: there is none. Throws PluginError, TlsError or std::system_error, with everything that
    // is wrong. `libraries`: see Plugins. [one thread at a time makes generations]
    Generation(Config config, const Standing& standing, Generation* before = nullptr,
               const PluginLibraries::ByFile& libraries = {});
    ~Generation(); // after stop(), or if a step of its start has failed; not on the main thread: after retire()
    Generation(const Generation&) = delete;
    Generation& operator=(const Generation&) = delete;

    // The steps of a start. Each but the last may throw PluginError, std::system_error or ListenError, and then the generation
    // can only be destroyed. [who makes it]
    void take(Endpoints& endpoints); // makes the services of the listeners
    void prepare();                  // starts the plugins, and whatever else may fail
    void listen();                   // clients may connect to sockets that are new, and wait

    // Accepts from here on; the generation before does not any more, and the sockets that only it has are closed. [main]
    void accept() noexcept;
    // Instead: it is not wanted, or a step has failed. Closes the sockets that only it has. [main]
    void give_up() noexcept;
    void start() { // the first generation. [main]
        prepare();
        listen();
        accept();
    }

    // Accepts no more; `take_waiting`: those that wait in the accept queues are served. The sockets stay open. [main]
    void stop_accepting(bool take_waiting) noexcept;

    // The steps of a drain: connections have until `deadline`, and whoever waits in a plugin hears of it; the plugins are
    // stopped (see plugins()); connections are told. [main]
    void begin_drain(Nanoseconds deadline) noexcept;
    void tell_connections() noexcept;

    // After it has stopped accepting: whether no connection is left. [main]
    bool is_quiet() const noexcept;

    // No connection is left, or it has never accepted: the main thread does not come back to its pools, so that another thread
    // may stop and destroy it. [main]
    void retire() noexcept;

    // Lets the threads go; false if some are still in a plugin's code by `deadline`, of which the log then speaks. [main]
    bool stop(Nanoseconds deadline) noexcept;

    // Keeps deadlines, starts threads. Returns when it wants to be asked again. [main]
    Nanoseconds supervise(Nanoseconds now) noexcept;

    // A relay of one of its connections has ended. [any]
    static void relay_ended(Connection& connection, Reason reason) noexcept {
        Service::of(connection).relay_ended(connection, reason);
    }

    const Config& config() const noexcept { return config_; }
    const std::shared_ptr<const Config>& shared_config() const noexcept { return shared_config_; } // for the history
    const Drain& drain() const noexcept { return drain_; }
    const Standing& standing() const noexcept { return standing_; }
    bool has(std::string_view listener) const noexcept;
    unsigned number() const noexcept { return number_; }   // the first one's is 1
    std::int64_t since() const noexcept { return since_; } // when it was made, in milliseconds since 1970
    std::uint32_t open() const noexcept;                   // connections. [any]
    Plugins& plugins() noexcept { return plugins_; }
    const Plugins& plugins() const noexcept { return plugins_; }
    TlsServers& tls() noexcept { return tls_; }
    const TlsServers& tls() const noexcept { return tls_; }
    LiveMaps& maps() noexcept { return maps_; }
    const LiveMaps& maps() const noexcept { return maps_; }
    // No change of a certificate or a map concerns it any more. May wait. [any]
    void unwatch() noexcept;
    const std::vector<std::unique_ptr<Service>>& services() const noexcept { return services_; }
    const std::shared_ptr<GenerationView>& view() const noexcept { return view_; } // empty before take() and after its end

  private:
    Service* service_of(std::uint64_t id) const noexcept;
    Pool& pool_for(const ListenerConfig& listener);
    void plan_succession();

    const std::shared_ptr<const Config> shared_config_;
    const Config& config_; // constant after construction, as are all but the drain, the shortages and what follows by_number_
    const Standing standing_;
    const unsigned number_;
    const std::int64_t since_;
    const std::shared_ptr<LateLook> late_look_;
    const std::shared_ptr<GenerationView> view_; // for those who look at all of it
    Drain drain_;
    TlsServers tls_;
    LiveMaps maps_;
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
    struct Succession {
        Service* before = nullptr; // null: the socket is new
        Service* after = nullptr;  // null: the socket is closed
    };
    Generation* before_; // until it accepts
    std::vector<Succession> succession_;
    std::vector<Service*> by_number_;   // by the endpoint's number; null: not in this generation
    std::atomic<bool> complete_{false}; // plugins' threads may look at services_
};

} // namespace gatehouse::host
