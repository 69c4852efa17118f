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
    over_limit,         // max_connections of the listener (with when_full = "refuse") or plugin, max_per_source, or it has said
                        // nothing for longest when max_connections or max_handshakes was reached
    over_rate,          // its source has made too many connections in too short a time
    too_slow,           // it sent, or took, less than min_rate; or took next to nothing when all threads were taken
    tls_failed,         // the TLS handshake or a later record was malformed or refused, or the handshake took too long
    plugin_error,       // serve() reported a failure
    plugin_exception,   // serve() threw
    upstream_failed,    // no connection to the upstream
    upstream_closed,    // the upstream closed its side of a relay, and then the client did
    upstream_reset,     // the upstream reset a relayed connection
    drained,            // the host was stopping
    ended,              // its plugin has ended it from outside of serve(), such as a relay whose server is to have none
    killed,             // the operator has ended it: gatehouse kill
    host_out_of_fds,    // no file descriptor left for it
    host_out_of_memory, // no memory, thread or epoll entry left for it
    host_out_of_ports,  // no local port left for a connection to its server
};

inline constexpr std::array<std::string_view, 25> reason_names{
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
    "over_limit",
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
