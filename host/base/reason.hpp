// Why a connection ended. Each has exactly one reason, from the accept queue on; the ledger, the access log, the status and the
// plugin's closed() hook all speak these words.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gatehouse::host {

enum class Reason : std::uint8_t {
    done,               // the plugin had finished
    peer_closed,        // the client closed its side, and then the plugin, or the other direction of a relay, ended
    peer_reset,         // the client reset the connection
    first_byte_timeout, // the client never said anything
    idle_timeout,       // nothing moved in either direction
    deadline,           // a deadline of the plugin's own had passed
    lifetime,           // the listener's limit for a whole connection
    bad_proxy_header,   // no PROXY header, or a bad one, from where one is required
    no_match,           // no route is for it, and the listener has no plugin of its own
    denied_acl,         // its address is not allowed, or is denied
    listener_full,      // max_connections of the listener: with when_full = "refuse", or it has said nothing for longest
    plugin_full,        // max_connections of the plugin
    source_full,        // max_per_source
    handshakes_full,    // max_handshakes: it has said nothing for longest
    over_rate,          // its source has made too many connections in too short a time
    too_slow,           // it sent, or took, less than min_rate; or took next to nothing when all threads were taken
    tls_failed,         // the TLS handshake or a later record was malformed or refused, or the handshake took too long
    plugin_error,       // serve() reported a failure
    plugin_exception,   // serve() threw
    upstream_failed,    // no connection to the upstream
    upstream_closed,    // the upstream closed its side of a relay, and then the client did
    upstream_reset,     // the upstream reset a relayed connection
    drained,            // the host was stopping, or its listener is drained
    ended,              // its plugin has ended it from outside of serve(), such as a relay whose server is to have none
    killed,             // the operator has ended it: gatehouse kill
    host_out_of_fds,    // no file descriptor left for it
    host_out_of_memory, // no memory, thread or epoll entry left for it
    host_out_of_ports,  // no local port left for a connection to its server
};

inline constexpr std::array<std::string_view, 28> reason_names{
    "done",
    "peer_closed",
    "peer_reset",
    "first_byte_timeout",
    "idle_timeout",
    "deadline",
    "lifetime",
    "bad_proxy_header",
    "no_match",
    "denied_acl",
    "listener_full",
    "plugin_full",
    "source_full",
    "handshakes_full",
    "over_rate",
    "too_slow",
    "tls_failed",
    "plugin_error",
    "plugin_exception",
    "upstream_failed",
    "upstream_closed",
    "upstream_reset",
    "drained",
    "ended",
    "killed",
    "host_out_of_fds",
    "host_out_of_memory",
    "host_out_of_ports",
};
static_assert(reason_names.size() == static_cast<std::size_t>(Reason::host_out_of_ports) + 1);

inline std::string_view to_string(Reason reason) noexcept { return reason_names[static_cast<std::size_t>(reason)]; }

// What is behind upstream_failed.
enum class Cause : std::uint8_t {
    none,
    refused,       // the server, or the network on the way to it, has said no
    timeout,       // it has not answered in time
    no_server,     // the plugin has none that may take the client
    pool_full,     // all servers have as many connections as they may have, and nobody may wait
    queue_timeout, // the same, and the client has waited for too long
    tls,           // TLS with the server failed
    dns,           // its name was not found
    local,         // this host cannot ask: it has no address or no way to the server, or the question is wrong
};

inline constexpr std::array<std::string_view, 9> cause_names{
    "", "refused", "timeout", "no_server", "pool_full", "queue_timeout", "tls", "dns", "local",
};
static_assert(cause_names.size() == static_cast<std::size_t>(Cause::local) + 1);

inline std::string_view to_string(Cause cause) noexcept { return cause_names[static_cast<std::size_t>(cause)]; }
// `none` if there is no such cause.
constexpr Cause cause_of(std::string_view name) noexcept {
    for (std::size_t i = 1; i < cause_names.size(); ++i)
        if (cause_names[i] == name) return static_cast<Cause>(i);
    return Cause::none;
}

// How often each reason was given. [any]
class Ledger {
  public:
    void count(Reason reason) noexcept { counts_[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed); }
    std::uint64_t operator[](Reason reason) const noexcept {
        return counts_[static_cast<std::size_t>(reason)].load(std::memory_order_relaxed);
    }

  private:
    std::array<std::atomic<std::uint64_t>, reason_names.size()> counts_{};
};

} // namespace gatehouse::host
