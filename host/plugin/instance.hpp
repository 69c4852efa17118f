// One instance of a plugin: the library's hooks, the object it made, and what it may ask of the host.
#pragma once

#include "abi/discovery.hpp"
#include "abi/upstream_tls.hpp"
#include "base/log.hpp"
#include "base/match.hpp"
#include "base/reason.hpp"
#include "config/config.hpp"
#include "plugin/library.hpp"
#include "threads/drain.hpp"

#include <atomic>
#include <functional>
#include <gatehouse/ext/control.h>
#include <gatehouse/gatehouse.h>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What a plugin gets as its gatehouse_instance.
struct gatehouse_instance {
    std::string name; // constant after construction
    gatehouse::host::Log& log;
    const gatehouse::host::Drain& drain;
    gatehouse::host::Discovery& discovery;
    std::function<gatehouse_status(std::uint64_t id)> wake; // the connection with this id is one of this instance's
    std::function<gatehouse_status(std::uint64_t id)> cut;
    // Made during create().
    std::vector<std::unique_ptr<const gatehouse_tls_client>> tls_clients{}; // NOLINT(*-redundant-member-init): g++ warns
};

namespace gatehouse::host {

class PluginInstance {
  public:
    // How an instance reaches those of its connections that it does not serve at the moment. [any]
    struct Reach {
        std::function<gatehouse_status(const PluginInstance&, std::uint64_t id)> wake;
        std::function<gatehouse_status(const PluginInstance&, std::uint64_t id)> cut;
    };

    // Throws PluginError if the plugin refuses its configuration or fails. [main]
    PluginInstance(const PluginConfig& config, std::shared_ptr<const PluginLibrary> library, Log& log, const Drain& drain,
                   Discovery& discovery, Reach reach);
    ~PluginInstance(); // destroy()

    PluginInstance(const PluginInstance&) = delete;
    PluginInstance& operator=(const PluginInstance&) = delete;

    // What the plugin says of a connection's first bytes; no if it has no such hook, or says something undefined. [any]
    Match probe(std::span<const std::byte> bytes) const noexcept;

    gatehouse_next serve(gatehouse_conn& conn) noexcept; // [conn]
    void closed(void* state, Reason reason) noexcept;    // [any]
    void stop() noexcept;                                // [main]

    // A connection is about to be this instance's; false: it has as many as it may, and this one does not count. [any]
    bool enter() noexcept {
        if (max_connections_ == 0 || open_.fetch_add(1, std::memory_order_relaxed) < max_connections_) return true;
        open_.fetch_sub(1, std::memory_order_relaxed);
        return false;
    }
    void leave() noexcept { // [any]
        if (max_connections_ != 0) open_.fetch_sub(1, std::memory_order_relaxed);
    }

    const std::string& name() const noexcept { return context_.name; }
    const gatehouse_plugin& hooks() const noexcept { return hooks_; }
    const PluginLibrary& library() const noexcept { return *library_; }
    // Its gatehouse.control/1, or null. [main]
    const gatehouse_control_v1* control() const noexcept { return control_; }
    gatehouse_status run_command(std::span<const gatehouse_str> words, const gatehouse_answer& answer) noexcept; // [main]
    bool server_first() const noexcept { return (hooks_.flags & GATEHOUSE_SERVER_FIRST) != 0; }

  private:
    gatehouse_instance context_; // constant after construction, as are all below
    const std::shared_ptr<const PluginLibrary> library_;
    const gatehouse_plugin& hooks_;
    const std::uint32_t max_connections_; // 0: no limit, and they are not counted
    void* self_ = nullptr;
    const gatehouse_control_v1* control_ = nullptr;

    std::atomic<std::uint32_t> open_{0};
};

// The explanation of a failure that the current hook is about to return; one for each thread.
void set_error_text(std::string_view text) noexcept;
// The same for what a plugin asks for on any thread: it is logged as well.
void refuse(const gatehouse_instance& instance, std::string_view text) noexcept;
std::string take_error_text();

// The one table that every plugin is given.
extern const gatehouse_host host_table;

} // namespace gatehouse::host
