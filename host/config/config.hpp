// What the configuration file may say. config/load.hpp reads it; conf/reference.toml and docs/configuration.md describe the
// keys; the defaults stand here.
//
// Configurations are equal if they mean the same; where in the file each part stands does not count: see Place.
#pragma once

#include "base/keepalive.hpp"
#include "base/log.hpp"
#include "base/scheduling.hpp"
#include "base/units.hpp"
#include "config/place.hpp"
#include "net/address.hpp"
#include "net/network.hpp"
#include "wire/byte_pattern.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct gatehouse_config; // config/plugin_settings.hpp

namespace gatehouse::host {

enum class Seccomp { off, on, kill }; // a denied call fails with EPERM, or ends the process
enum class TlsVersion { v1_2, v1_3 };
enum class TlsClient { none, optional, required }; // whether clients show a certificate; one that is shown must be good
enum class Truncation { accept, reset }; // what a client's end without a close_notify is: an end, or a stream that was cut
enum class PoolKind { own, shared };     // shared: one for all listeners with the same plugin that say so
enum class WhenFull { wait, refuse };    // at max_connections: newcomers stay in the accept queue, or are closed at once

// "plugins" in the configuration file's folder and then, if the host is installed, the folder of the bundled plugins.
std::vector<std::filesystem::path> default_plugin_path();

// [host]
struct HostConfig {
    std::vector<std::filesystem::path> plugin_path = default_plugin_path();
    Milliseconds drain_timeout{30'000}; // how long connections may take to finish after SIGTERM
    // How long connections may stay with a configuration that a reload has replaced; 0: until they end by themselves.
    Milliseconds drain_delay{0};
    Milliseconds old_timeout{43'200'000};
    bool watch = false;         // the host reloads by itself when this file, or the library of a plugin, has been written
    unsigned relay_threads = 0; // 0: one per CPU
    Scheduling scheduling = Scheduling::batch;
    std::uint64_t stack_size = 256 * 1024; // bytes, of each pool thread
    std::vector<std::string> resolvers;    // name servers, "address:port"; empty: those of /etc/resolv.conf
    std::filesystem::path control;         // unix socket for `gatehouse control`; empty: none
    std::string control_readers;           // group, by name or number, that may run what changes nothing; empty: none
    std::string control_operators;         // the same, for what changes something too
    Place control_where;                   // of the value, or else of the section

    bool operator==(const HostConfig&) const = default;
};

// [process]
struct ProcessConfig {
    std::string user;               // name or number; empty: as started
    std::string group;              // empty: the user's
    std::uint64_t capabilities = 0; // those to keep, a bit each (1 << CAP_...)
    bool no_new_privs = true;
    Seccomp seccomp = Seccomp::off;

    Place user_where, group_where, capabilities_where, seccomp_where; // of the values, or else of the section

    bool operator==(const ProcessConfig&) const = default;
};

// [plugins.NAME]
struct PluginConfig {
    std::string name;
    std::string library;                              // file name without ".so", or a path
    std::shared_ptr<const gatehouse_config> settings; // the `config` table; one without keys if there is none, never null
    Place where;                                      // of the section or, without one, of the `plugin` key that names it
    std::uint32_t max_connections = 0;                // over all its listeners; 0: no limit but theirs
    Place max_connections_where;
    bool sees_host = false; // it may use gatehouse.host/1

    bool operator==(const PluginConfig& other) const; // the settings by what they say
};

// The name by which `gatehouse control` reaches the host itself: no plugin instance may have it.
inline constexpr std::string_view reserved_instance = "host";

// A file that a [tls.NAME] section names.
struct TlsFile {
    std::string path; // empty: none; there may be very many, and a std::filesystem::path takes ten times as much memory
    Place where;      // with the key

    bool operator==(const TlsFile&) const = default;
};

// A list as OpenSSL writes it.
struct TlsList {
    std::string text;
    Place where; // with the key; of the section, if the key is absent

    bool operator==(const TlsList&) const = default;
};

// A certificate with its key and, if there is one, what its issuer says about it.
struct TlsPairConfig {
    TlsFile certificate; // PEM: the certificate, then those that lead to its root
    TlsFile key;         // PEM; empty: it is in the certificate's file
    TlsFile ocsp;        // DER

    const TlsFile& key_file() const noexcept { return key.path.empty() ? certificate : key; }

    bool operator==(const TlsPairConfig&) const = default;
};

// [tls.NAME]
struct TlsConfig {
    std::string name;
    std::vector<TlsPairConfig> pairs; // the first is for clients that ask for no name, or for one that no other pair has
    TlsVersion min_version = TlsVersion::v1_2;
    TlsList ciphers{"ECDHE+AESGCM:ECDHE+CHACHA20", {}};                                                     // of TLS 1.2
    TlsList ciphersuites{"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256", {}}; // of TLS 1.3
    TlsList groups{"X25519:P-256:P-384", {}}; // of the key exchange
    std::vector<std::string> alpn;            // in the order of preference; empty: what clients offer is not answered
    TlsClient client = TlsClient::none;
    TlsFile client_ca;
    TlsFile client_crl;
    Milliseconds ticket_lifetime{21'600'000}; // how long sessions can be resumed; 0: never
    Milliseconds handshake_timeout{10'000};   // from the client's first byte
    std::uint32_t max_handshakes = 1'000;     // going on at a time, over all listeners that use this
    Truncation truncation = Truncation::accept;
    Place where, max_handshakes_where; // of the section, and of the value or else of the section

    bool operator==(const TlsConfig&) const = default;
};

// [maps.NAME]: what a file says of servers' names
struct MapConfig {
    std::string name;
    std::filesystem::path file;
    std::string otherwise; // the value of names that are not in the file; empty: there is none
    Place where;           // of the section
    Place file_where, otherwise_where;

    bool operator==(const MapConfig&) const = default;
};

// TLS to servers, as a table of a plugin's `config` has it; see gatehouse/ext/upstream.h.
struct TlsClientConfig {
    std::filesystem::path ca; // PEM; empty: the system's authorities
    std::string server_name;  // empty: the plugin says it
    bool verify = true;
    std::filesystem::path certificate; // PEM, ours and its chain; empty: none is shown
    std::filesystem::path key;
    std::vector<std::string> alpn; // offered; empty: none
};

struct Threads {
    unsigned min = 0; // kept ready, and kept free to run while others block; 0: none is kept, one per CPU is free to run
    unsigned max = 256;
    Milliseconds keep{60'000}; // how long those beyond `min` have nothing to do before they leave

    bool operator==(const Threads&) const = default;
};

// listeners.proxy_protocol
struct ProxyProtocolConfig {
    std::vector<Network> from; // connections from these begin with a PROXY header, and no others
    bool from_unix = false;    // those of a unix socket's listener do
    Milliseconds timeout{5'000};
    bool log_local = true; // the access log has the connections that proxies make on their own behalf
    Place where;

    bool operator==(const ProxyProtocolConfig&) const = default;
};

// Who may connect, by the address. The narrowest network that has the address counts; an address in none may connect if `allow`
// is empty. What the files named by allow_file and deny_file say is in these lists.
struct AccessLists {
    // Where the networks of a list stand.
    struct Places {
        Place key;                        // of the array in the configuration file, or of the table that has none
        std::string file;                 // of those that do not stand there
        std::vector<std::uint32_t> lines; // of each, in their order
    };

    std::vector<Network> allow;
    std::vector<Network> deny;     // none of them is in `allow` as well
    std::size_t allow_written = 0; // how many of them, the first ones, stand in the configuration file itself
    std::size_t deny_written = 0;
    Places allow_places, deny_places;

    bool operator==(const AccessLists& other) const; // the same networks, wherever they stand
};

// [[listeners.routes]]: what there is of sni, sni_map, alpn, source, match and of one of the two kinds of probe must hold
struct RouteConfig {
    std::vector<std::string> sni; // in lower case
    std::string sni_map;          // the name of a MapConfig, which has a value for the server name
    std::vector<std::string> alpn;
    std::vector<Network> source;
    std::vector<BytePattern> match; // one of them
    bool probe = false;             // the plugin's own
    AccessLists access;             // of its connections, those it denies are closed; no further route is asked
    std::string pattern;            // the name of a ProtocolPattern
    std::string tls;                // the name of a TlsConfig: TLS ends here; empty: it does not
    std::string plugin; // the name of a PluginConfig; empty, with `tls` only: the routes are asked about the decrypted stream

    Place where, plugin_where, tls_where, sni_map_where; // of the section, and of the values or else of the section

    // Whether the routes are asked once more, about the decrypted stream of what this one takes.
    bool opens() const noexcept { return !tls.empty() && plugin.empty(); }

    bool is_named() const noexcept { return !sni.empty() || !sni_map.empty(); }
    bool is_tls() const noexcept { return is_named() || !alpn.empty(); }
    bool has_probe() const noexcept { return probe || !pattern.empty(); }
    bool looks_at_bytes() const noexcept { return has_probe() || !match.empty(); }
    bool has_condition() const noexcept { return is_tls() || looks_at_bytes() || !source.empty(); }

    bool operator==(const RouteConfig&) const = default;
};

// listeners.on_silence
struct OnSilence {
    Milliseconds after{0};
    std::string plugin;
    Place plugin_where;

    bool operator==(const OnSilence&) const = default;
};

inline constexpr std::size_t max_detect_limit = 64 * 1024;

// How much one source may have. A source is a network of the given length around the address.
struct SourceLimits {
    std::uint32_t most = 0;  // connections that are open at a time; 0: no limit
    std::uint32_t rate = 0;  // new connections in each `per`; 0: no limit
    Milliseconds per{1'000}; // never 0
    std::uint32_t burst = 0; // new connections at once, before the rate counts; 0: as `rate`
    std::uint8_t v4_bits = 32;
    std::uint8_t v6_bits = 64; // a customer's or a machine's own network, as a rule
    Place most_where, rate_where;

    bool operator==(const SourceLimits&) const = default;
};

// [[listeners]]
struct ListenerConfig {
    std::string name;
    Address address;
    std::string plugin; // the name of a PluginConfig; empty: only what a route takes is served
    std::string tls;    // the name of a TlsConfig; empty: connections are plain

    int backlog = 1024; // connections that may wait in the kernel's accept queue
    std::uint32_t max_connections = 10'000;
    WhenFull when_full = WhenFull::wait;
    AccessLists access;
    SourceLimits sources;
    Threads threads;
    PoolKind pool = PoolKind::own;

    Milliseconds first_byte_timeout{30'000};  // from accept to the client's first byte; 0: none (also below)
    Milliseconds idle_timeout{300'000};       // without a byte in either direction
    Milliseconds lifetime{0};                 // from accept to close
    Milliseconds linger_timeout{30'000};      // for the client to take the last bytes and close its side
    Milliseconds linger_idle_timeout{5'000};  // the same without a byte of the client's; never 0
    std::uint64_t linger_bytes = 64U << 20U;  // that the host takes and drops meanwhile
    Milliseconds half_close_timeout{300'000}; // of a relay: without a byte, once one side has ended
    std::uint64_t min_rate = 0;               // bytes per second while a request comes or an answer goes; 0: none
    Milliseconds min_rate_window{10'000};     // over which it is measured

    // What comes before serve().
    std::optional<ProxyProtocolConfig> proxy_protocol;
    std::vector<RouteConfig> routes;
    std::optional<OnSilence> on_silence;
    Milliseconds detect_timeout{5'000};  // for the routes, from the client's first byte on
    std::uint64_t detect_limit = 16'384; // bytes that they look at

    // Socket options. They apply to TCP unless noted, and are inherited by accepted connections.
    bool reuse_address = true;
    bool ipv6_only = false; // a listener on [::] also takes IPv4 unless this is set
    bool nodelay = true;
    Keepalive keepalive;              // towards servers as well, and there also if the listener is a unix socket
    std::uint64_t receive_buffer = 0; // bytes, 0: the kernel's choice; also unix sockets
    std::uint64_t send_buffer = 0;
    Milliseconds defer_accept{0}; // the kernel reports a connection only when bytes have come or this has passed; 0: off
    int fast_open = 0;            // length of the queue of TCP Fast Open requests; 0: off

    // unix sockets only
    unsigned mode = 0660;
    std::string owner; // user name or number; empty: unchanged
    std::string group;

    Place where, plugin_where, tls_where, max_connections_where; // of the section, and of the values or else of the section

    // The networks whose proxies are believed.
    std::span<const Network> proxies() const noexcept {
        return proxy_protocol ? std::span<const Network>(proxy_protocol->from) : std::span<const Network>();
    }

    bool operator==(const ListenerConfig&) const = default;
};

inline constexpr std::size_t max_listeners = 4096; // the ids of connections have 12 bits for the listener's number

struct ConfigDocument; // config/document.hpp

// What a configuration was read from. All are equal, as places are.
struct ReadFiles {
    std::vector<std::filesystem::path> list;
    std::shared_ptr<const ConfigDocument> document; // null: it is made of other ones
    std::vector<std::string> waiting;               // keys that have a value from before, and wait for a restart: see Plan

    bool operator==(const ReadFiles& /*other*/) const noexcept { return true; }
};

struct Config {
    std::filesystem::path file;
    ReadFiles files; // this one and those that it includes
    HostConfig host;
    ProcessConfig process;
    LogConfig log;
    std::vector<Place> log_files; // where the file of each of log.all_outputs() is said, or else the section
    std::vector<TlsConfig> tls;
    std::vector<MapConfig> maps;
    std::vector<PluginConfig> plugins;
    std::vector<ListenerConfig> listeners;

    bool operator==(const Config&) const = default;
};

} // namespace gatehouse::host
