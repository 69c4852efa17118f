// One instance of a plugin: the object that the library made for a [plugins.NAME] section. All that the host asks of a plugin,
// it asks through the functions below; the hooks are seen in this room only.
#pragma once

#include "base/error_text.hpp"
#include "base/match.hpp"
#include "base/reason.hpp"
#include "config/config.hpp"
#include "config/refusal.hpp"
#include "plugin/commands.hpp"
#include "plugin/facilities.hpp"
#include "plugin/library.hpp"
#include "plugin/metrics.hpp"
#include "plugin/named_counts.hpp"
#include "threads/background.hpp"

#include <atomic>
#include <cstdint>
#include <gatehouse/gatehouse.h>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What a plugin holds as its gatehouse_instance.
struct gatehouse_instance {
    const std::string name; // constant after construction, as are the next two
    const gatehouse::host::Facilities& facilities;
    const gatehouse::host::PluginInstance* const plugin; // whose handle this is
    std::atomic<bool> started{false}; // start() runs or has run: more than its configuration may be asked for
    const bool sees_host = false;     // gatehouse.host/1 is granted

    // NOLINTBEGIN(*-redundant-member-init): g++ warns
    gatehouse::host::SharedErrorText error{};               // explains why a hook has failed that serves no connection
    std::vector<std::shared_ptr<const void>> kept{};        // what abi/ has made for it during create(), as long as it lives
    std::vector<gatehouse::host::TlsServer*> tls_servers{}; // that it has asked for during create()
    gatehouse::host::Metrics metrics{};
    gatehouse::host::Background callbacks{facilities.background.scheduling(), name}; // of its timers and descriptors
    // NOLINTEND(*-redundant-member-init)
};

namespace gatehouse::host {

// A connection that a plugin is asked about before it is anybody's. What is not known is empty.
struct Probed {
    std::span<const std::byte> bytes;
    std::string_view listener;
    std::string_view peer;
    std::string_view server_name;
    std::string_view protocol;
};

class PluginInstance {
  public:
    // create(). Throws PluginError if the plugin refuses its configuration or fails. `facilities` outlive the instance. [main]
    PluginInstance(const PluginConfig& config, std::shared_ptr<const PluginLibrary> library, const Facilities& facilities);
    ~PluginInstance(); // stop(), if it is due, stop_callbacks() and destroy()

    PluginInstance(const PluginInstance&) = delete;
    PluginInstance& operator=(const PluginInstance&) = delete;

    // Its name and what its hooks declare. [any]
    const std::string& name() const noexcept { return handle_.name; }
    const Facilities& facilities() const noexcept { return handle_.facilities; }
    const std::shared_ptr<const PluginLibrary>& library() const noexcept { return library_; }
    bool server_first() const noexcept { return (hooks_.flags & GATEHOUSE_SERVER_FIRST) != 0; }
    // A command line to try a listener with, in which {host} and {port} stand for its address; empty: none is suggested.
    std::string_view try_it() const noexcept { return {hooks_.try_it.data, hooks_.try_it.size}; }

    const std::vector<TlsServer*>& tls_servers() const noexcept { return handle_.tls_servers; } // for STARTTLS

    // Whether the plugin can tell its connections by their first bytes, and its answer for these. `needed`: how many bytes it
    // needs in all; 0: it does not say. Call probe() only if has_probe(). [any]
    bool has_probe() const noexcept { return hooks_.probe != nullptr; }
    Match probe(const Probed& connection, std::size_t& needed) const noexcept;

    // The life of a connection. A failure of serve() is explained by the connection's error text.
    gatehouse_next serve(gatehouse_conn& conn) noexcept;                // [conn]
    void closed(std::uint64_t id, void* state, Reason reason) noexcept; // [any]

    // The instance is going to be used. Throws PluginError if the plugin fails. [main]
    void start();
    // The host drains. Does nothing if the instance has not started, or has been stopped. [main]
    void stop() noexcept;
    // Ends the thread of its timers and descriptors; false if it is still in a callback at `deadline`. [main]
    bool stop_callbacks(Nanoseconds deadline) noexcept { return handle_.callbacks.stop(deadline); }

    // It wakes connections, from now on. Known to each thread that serves one because of that. [any]
    void note_wake() const noexcept {
        if (!wakes()) wakes_.store(true, std::memory_order_relaxed);
    }
    bool wakes() const noexcept { return wakes_.load(std::memory_order_relaxed); } // [any]

    const Metrics& metrics() const noexcept { return handle_.metrics; } // [any]
    InstanceCounts& counts() const noexcept { return *counts_; }        // [any]

    // What its operator may ask of it. run_command() takes one of these, and its arguments, as words; null: too many of its
    // answers are still to come. [main]
    const std::vector<PluginCommand>& commands() const noexcept { return commands_; }
    std::shared_ptr<RunningCommand> run_command(std::span<const std::string> words);

    // A connection is about to be this instance's; false: it has max_connections, and this one does not count. [any]
    bool enter() noexcept {
        if (max_connections_ == 0 || open_.fetch_add(1, std::memory_order_relaxed) < max_connections_) return true;
        open_.fetch_sub(1, std::memory_order_relaxed);
        return false;
    }
    std::uint32_t max_connections() const noexcept { return max_connections_; } // 0: no limit
    // What refuses those above that. [any]
    Rule connections_rule() const noexcept { return {max_connections_where_, "max_connections", max_connections_}; }
    bool is_full() const noexcept { return max_connections_ != 0 && open_.load(std::memory_order_relaxed) >= max_connections_; }
    void leave() noexcept { // [any]
        if (max_connections_ != 0) open_.fetch_sub(1, std::memory_order_relaxed);
    }

  private:
    void destroy() noexcept;

    gatehouse_instance handle_; // constant after construction, as are all below
    const std::shared_ptr<const PluginLibrary> library_;
    const gatehouse_plugin& hooks_;
    const std::shared_ptr<InstanceCounts> counts_;
    const std::uint32_t max_connections_; // 0: no limit, and they are not counted
    const Place max_connections_where_;
    const std::string where_; // its place in the configuration
    const std::string who_;   // the same, its name and its file, for the last words
    bool stop_is_due_ = false;
    void* self_ = nullptr;
    const gatehouse_control_v2* control_ = nullptr; // or null
    std::vector<PluginCommand> commands_;
    std::vector<std::shared_ptr<RunningCommand>> running_; // whose answers the plugin has not ended

    std::atomic<std::uint32_t> open_{0};
    mutable std::atomic<bool> wakes_{false}; // written once: others know it as constant
};

} // namespace gatehouse::host
