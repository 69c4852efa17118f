// One instance of a plugin: the library's hooks, the object it made, and what it may ask of the host.
#pragma once

#include "base/reason.hpp"
#include "config/config.hpp"
#include "plugin/facilities.hpp"
#include "plugin/library.hpp"

#include <atomic>
#include <gatehouse/ext/control.h>
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

    // What abi/ has made for the instance during create(), kept as long as the instance lives.
    std::vector<std::shared_ptr<const void>> kept{}; // NOLINT(*-redundant-member-init): g++ warns
};

namespace gatehouse::host {

class PluginInstance {
  public:
    // Throws PluginError if the plugin refuses its configuration or fails. [main]
    PluginInstance(const PluginConfig& config, std::shared_ptr<const PluginLibrary> library, const Facilities& facilities);
    ~PluginInstance(); // destroy()

    PluginInstance(const PluginInstance&) = delete;
    PluginInstance& operator=(const PluginInstance&) = delete;

    // What the plugin says of a connection's first bytes; no if it has no such hook. [any]
    gatehouse_match probe(std::span<const std::byte> bytes) const noexcept;

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

    const std::string& name() const noexcept { return handle_.name; }
    const Facilities& facilities() const noexcept { return handle_.facilities; }
    const gatehouse_plugin& hooks() const noexcept { return hooks_; }
    // Its gatehouse.control/1, or null. [main]
    const gatehouse_control_v1* control() const noexcept { return control_; }
    gatehouse_status run_command(std::span<const gatehouse_str> words, const gatehouse_answer& answer) noexcept; // [main]
    bool server_first() const noexcept { return (hooks_.flags & GATEHOUSE_SERVER_FIRST) != 0; }

  private:
    gatehouse_instance handle_; // constant after construction, as are all below
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

} // namespace gatehouse::host
