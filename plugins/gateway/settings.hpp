// The plugin's configuration as its parts use it. keys.hpp describes the keys.
#pragma once

#include "address.hpp"
#include "balance.hpp"
#include "health.hpp"
#include "network.hpp"
#include "proxy_header.hpp"

#include <gatehouse/config.hpp>
#include <gatehouse/init.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gateway {

// An entry of `servers`: one server, or the name of some.
struct Source {
    std::string address;
    AddressKind kind = AddressKind::invalid;
    std::string name;         // of the server; empty: its address
    std::uint32_t weight = 1; // multiplies the weights of the records of a "srv:" name
    bool backup = false;
    std::uint32_t max_connections = 0; // to each server; 0: no limit
    std::uint32_t max_per_source = 0;  // the same of one client's address

    bool is_name() const noexcept { return kind == AddressKind::name || kind == AddressKind::service; }
};

// How a pool's clients wait for a server with room.
struct QueueRules {
    std::size_t size = 1024; // 0: no client waits
    milliseconds timeout{5000};
};

// One question of a check, which may be empty, and the answer to it.
struct CheckStep {
    std::string send;
    std::string expect;
    bool binary = false;    // `expect` is bytes and no text
    std::string contains{}; // after `expect`. NOLINT(readability-redundant-member-init): as in pool.hpp

    bool asks_nothing() const noexcept { return expect.empty() && contains.empty(); }
};

struct CheckTimes {
    milliseconds interval{2000};
    milliseconds jitter{0};
    milliseconds timeout{2000};
};

// What a check sends, and which answer is good.
struct CheckRules : CheckTimes {
    std::string address;    // numeric without a port, or of a unix socket; empty: the server's
    std::uint16_t port = 0; // 0: the server's
    bool tls = false;
    bool orderly = false; // ends the connection in order, and not with a reset
    std::vector<CheckStep> steps;
    bool dialogue = false; // of several steps; otherwise the answer has to begin with the only step's `expect`
    std::string http;      // the target of a GET request
    std::string http_host; // empty: the server's name, or its address
    std::vector<std::pair<unsigned, unsigned>> http_status{{200, 399}};

    // Whether it is known whom to ask about a server at a unix socket, which has no port.
    bool can_ask_unix_sockets() const noexcept {
        return kind_of(address) == AddressKind::unix_socket || (port != 0) == !address.empty();
    }
};

// What else follows from a change of a server's state.
struct ChangeRules {
    unsigned panic = 0;       // percent; 0: never
    bool cut_down = false;    // the connections of a server that is down end
    bool cut_backups = false; // those of its backups end when a server is up again
    // Those of a removed server end after that time; none: they go on.
    std::optional<milliseconds> cut_removed{}; // NOLINT(readability-redundant-member-init): see pool.hpp
};

constexpr std::uint32_t most_weight = 256;
constexpr std::uint32_t most_connections = 1'000'000; // of a limit
constexpr std::size_t most_servers = 4096;            // of a pool: every choice of a server looks at all of them

// How a client's servers are known.
enum class UpstreamFrom : std::uint8_t {
    servers, // by the configuration
    route,   // by what the map of its route says
    sni,     // by the name that it asks for
};

struct Settings {
    UpstreamFrom from = UpstreamFrom::servers;
    std::vector<Source> sources; // if it is `servers`
    // The others make a pool for each address.
    std::uint16_t port = 0;                      // of servers that `sni` names
    std::optional<std::vector<Network>> allowed; // in which the servers have to be; nothing: anywhere
    std::size_t max_pools = 0;
    milliseconds idle_pool{0};                                     // then one without clients goes
    std::map<std::string, std::vector<Source>, std::less<>> pools; // that a map names: "pool=NAME"
    Method balance = Method::round_robin;
    QueueRules queue;
    unsigned retries = 0; // how many other servers the gateway tries if the first one fails
    milliseconds connect_timeout{0};
    milliseconds idle_timeout{0}; // 0: the listener's
    std::optional<CheckRules> checks;
    HealthRules health;
    ChangeRules changes;
    bool counts_sources = false; // a server has `max_per_source`
    ProxyProtocol proxy;
    const gatehouse_tls_client* tls = nullptr; // null: the gateway passes on the client's bytes as they are
    bool has_unix_sockets = false;             // among `sources`: `tls` has a name for them, or verifies nobody
    bool valid = true;                         // read_settings() has rejected nothing
};

// At most 64 characters without blanks; it may be empty.
bool is_server_name(std::string_view text) noexcept;

// [main] Rejects each wrong value at its key; `valid` is false then.
Settings read_settings(const gatehouse::Init& init);

} // namespace gateway
