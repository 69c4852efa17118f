// The host: puts everything together from a configuration, runs until it is told to stop, and drains.
#pragma once

#include "access/denials.hpp"
#include "base/descriptor.hpp"
#include "base/log.hpp"
#include "change_watch.hpp"
#include "config/config.hpp"
#include "control/server.hpp"
#include "dns/lookups.hpp"
#include "dns/name_watch.hpp"
#include "dns/resolver.hpp"
#include "drain_command.hpp"
#include "generations.hpp"
#include "handover/keeper.hpp"
#include "handover/predecessor.hpp"
#include "host_record.hpp"
#include "host_upgrade.hpp"
#include "listen/fd_store.hpp"
#include "plugin/libraries.hpp"
#include "process/privileges.hpp"
#include "relay/engine.hpp"
#include "service_status.hpp"
#include "threads/alarm.hpp"
#include "threads/background.hpp"
#include "threads/standby.hpp"
#include "tls/ticket_keys.hpp"

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::host {

class StopSignals;

// How this process came to be.
struct HostOrigin {
    std::vector<std::string> arguments; // that another process would need to do the same; none: it is not to be replaced
    Predecessor* predecessor = nullptr; // whose sockets it gets; outlives the host. Null: there is none
};

// The signals that Host reads from descriptors: they have to be blocked before any thread is started.
sigset_t handled_signals() noexcept;

class Host {
  public:
    // `load` reads the configuration, now and for each reload. Loads the plugins, binds every listener and drops privileges;
    // throws PluginError, ListenError, TlsError, PrivilegeError, std::system_error or std::runtime_error, and then nothing has
    // been started. [main]
    explicit Host(const Generations::Load& load, const HostOrigin& origin = {});
    ~Host();

    // Starts the threads and listens; throws std::system_error or ListenError if that fails, and then no client was accepted.
    // Serves until SIGTERM or SIGINT, then drains; returns the exit status. SIGHUP applies the file, SIGUSR2 reopens the log,
    // SIGUSR1 logs the status.
    int run();

    const Generation& generation() const noexcept { return generations_.now(); }

  private:
    Host(const Generations::Load& load, Config&& config, const HostOrigin& origin);
    void remove_dead_folders();
    void drop_privileges();
    std::vector<HostCommand> commands();
    void begin_to_accept() noexcept;
    void hear_predecessor() noexcept;
    void adopt_sockets();
    void own_sockets() noexcept;
    void keep_in_store() noexcept;
    void follow_files() noexcept;
    void reload(const std::string& by) noexcept;
    void concluded(const Generations::Outcome& outcome) noexcept;
    void leave_by(Nanoseconds when) noexcept;
    void leave_after_delay() noexcept;
    Nanoseconds begin_drain() noexcept;
    int shut_down(const StopSignals& stops) noexcept;
    [[noreturn]] void leave(int status) noexcept;
    [[noreturn]] void abandon(int status) noexcept; // [any]
    void report() noexcept;

    Predecessor* const predecessor_;
    std::optional<Keeper> keeper_; // before anything is given up, or a thread is started; none: see HostOrigin
    Privileges privileges_;
    Log log_;
    PluginLibraries libraries_;
    Denials denials_;
    HostRecord record_;
    LiveOrders live_orders_;
    const unsigned cpus_;
    Alarm alarm_;
    Standby standby_;
    TicketKeyRing ticket_keys_;
    RelayEngine relays_;
    Resolver resolver_;
    Background background_;
    Lookups lookups_;
    NameWatches watches_;
    FdStore store_;
    Endpoints endpoints_;
    Generations generations_;
    std::optional<Control> control_;
    DrainPlan drain_;
    HostUpgrade upgrade_;
    ServiceStatus status_;
    Descriptor signals_;
    std::shared_ptr<ChangeWatch> change_watch_; // null: nobody has asked for it
    StopSignals* stops_ = nullptr;              // while it runs
    bool accepts_ = false;                      // or has done so
    bool reload_is_due_ = false;                // as soon as it accepts
    bool unwanted_ = false;                     // the predecessor goes on
    bool is_old_ = false;                       // another process accepts, for good
};

} // namespace gatehouse::host
