// The host: puts everything together from a configuration, runs until it is told to stop, and drains.
#pragma once

#include "config/config.hpp"
#include "control/server.hpp"
#include "dns/name_watch.hpp"
#include "plugin/facilities.hpp"
#include "plugin/plugins.hpp"
#include "process/privileges.hpp"
#include "serving/service.hpp"
#include "threads/background.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::host {

// Blocks the signals that Host waits for, ignores SIGPIPE, and raises the soft limit on descriptors to the hard one. To be
// called before any thread is started. [main]
void prepare_process();

class Host {
  public:
    // Loads the plugins, opens every listener and drops privileges; throws PluginError, ListenError, TlsError, PrivilegeError,
    // std::system_error or std::runtime_error, and then nothing has been started. [main]
    explicit Host(const Config& config);
    ~Host();

    // Serves until SIGTERM or SIGINT, then drains; returns the exit status. SIGHUP reopens the log and loads the
    // certificates anew, SIGUSR1 logs the status.
    int run();

    const std::vector<std::unique_ptr<Service>>& services() const noexcept { return services_; }

  private:
    void drop_privileges();
    std::vector<HostCommand> own_commands();
    void handle_signal(int signal);
    void begin_drain(int signal);
    bool drained(Nanoseconds now) const noexcept;
    int shut_down();
    [[noreturn]] void leave(int status) noexcept;
    void report() noexcept;
    Service* service_of(std::uint64_t id) noexcept;

    const Config& config_;  // constant after construction, as are the next and services_
    Privileges privileges_; // before anything that starts a thread
    Log log_;
    Alarm alarm_;
    Drain drain_;
    RelayEngine relays_;
    Resolver resolver_;
    Background background_;
    NameWatches watches_;
    TlsServers tls_;
    Commons commons_;
    std::atomic<bool> complete_{false}; // services_ may be looked at by plugins' threads
    const Facilities facilities_;
    Plugins plugins_;
    std::vector<std::unique_ptr<Service>> services_;
    std::optional<Control> control_;
    Descriptor signals_;
};

// What `gatehouse run` prints when it is ready: a row for each listener, with a command to try it.
std::string listener_table(const Host& host);

} // namespace gatehouse::host
