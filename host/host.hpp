// The host: puts everything together from a configuration, runs until it is told to stop, and drains.
#pragma once

#include "abi/discovery.hpp"
#include "config/config.hpp"
#include "control/server.hpp"
#include "plugin/instance.hpp"
#include "plugin/library.hpp"
#include "process/privileges.hpp"
#include "serving/service.hpp"
#include "threads/background.hpp"
#include "threads/pool.hpp"
#include "threads/standby.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::host {

// The plugin instances of a configuration, each made once, and the libraries they come from.
class Plugins {
  public:
    // Throws PluginError with everything that is wrong. [main]
    Plugins(const Config& config, Log& log, const Drain& drain, Discovery& discovery, const PluginInstance::Reach& reach);

    PluginInstance& find(const std::string& name) const { return *instances_.at(name); }
    FindPlugin finder() const {
        return [this](const std::string& name) -> PluginInstance& { return find(name); };
    }
    std::vector<PluginInstance*> all() const; // by name
    void stop() noexcept;

    // Destroys the instances; threads of their own may call the host until then.
    void destroy() noexcept { instances_.clear(); }

    // Makes the folder of the private copies this account's, so that it can remove them. Throws std::system_error. [main]
    void hand_over(uid_t user, gid_t group) { folder_.hand_over(user, group); }

    // Removes the private copies of the libraries, which stay loaded.
    void remove_files() noexcept { folder_.remove(); }

  private:
    RuntimeFolder folder_;
    std::map<std::filesystem::path, std::shared_ptr<const PluginLibrary>> libraries_;
    std::map<std::string, std::unique_ptr<PluginInstance>> instances_;
};

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
    Pool& pool_for(const ListenerConfig& listener);
    void drop_privileges();
    std::vector<HostCommand> own_commands();
    void handle_signal(int signal);
    void begin_drain(int signal);
    bool drained(Nanoseconds now) const noexcept;
    int shut_down();
    [[noreturn]] void leave(int status) noexcept;
    void report() noexcept;
    Service* service_of(std::uint64_t id) noexcept;

    const Config& config_;  // constant after construction, as are the next, pools_ and services_
    Privileges privileges_; // before anything that starts a thread
    Log log_;
    const unsigned cpus_;
    Alarm alarm_;
    Standby standby_;
    Drain drain_;
    RelayEngine relays_;
    Resolver resolver_;
    Background background_;
    Discovery discovery_;
    TlsServers tls_;
    Commons commons_;
    std::atomic<bool> complete_{false}; // services_ may be looked at by plugins' threads
    Plugins plugins_;
    std::map<std::string, Pool*> shared_pools_; // by the plugin; only used while the next two are made
    std::vector<std::unique_ptr<Pool>> pools_;
    std::vector<std::unique_ptr<Service>> services_;
    std::optional<Control> control_;
    Descriptor signals_;
};

// What `gatehouse run` prints when it is ready: a row for each listener, with a command to try it.
std::string listener_table(const Host& host);

} // namespace gatehouse::host
