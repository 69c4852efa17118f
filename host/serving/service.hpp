// A listener at work: its socket, its pool of threads, its plugin instance and its connections. This is where a connection's
// life is decided, from accept to its one reason.
#pragma once

#include "access/access.hpp"
#include "base/histogram.hpp"
#include "base/log.hpp"
#include "base/reason.hpp"
#include "config/config.hpp"
#include "connection/connection.hpp"
#include "dns/resolver.hpp"
#include "listen/listener.hpp"
#include "plugin/instance.hpp"
#include "relay/engine.hpp"
#include "stages/detection.hpp"
#include "stages/proxy_stage.hpp"
#include "stages/stage.hpp"
#include "threads/alarm.hpp"
#include "threads/pool.hpp"
#include "tls/sections.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace gatehouse::host {

// What all services of a host share; outlives them.
struct Commons {
    bool access_log;
    Log& log;
    Alarm& alarm;
    Drain& drain;
    RelayEngine& relays;
    Resolver& resolver;
    TlsServers& tls;
};

class Service {
  public:
    // Opens the listening socket; throws ListenError or std::system_error. The pool's handler hands the tokens of this service,
    // by ConnectionTable::service_of(), to ready(). [main]
    Service(const ListenerConfig& config, std::uint32_t number, const FindPlugin& find, Pool& pool, Commons& commons);
    ~Service();

    // Connections are accepted from here on. [main]
    void start();

    // An event of a connection or of the listening socket, or what was posted. [the pool's threads]
    void ready(std::uint64_t token, std::uint32_t events) noexcept;

    // Takes what still waits in the accept queue, and closes the listening socket. [main]
    void stop_listening() noexcept;

    // The drain has started: tells every connection. [main]
    void begin_drain() noexcept;

    // Lets the threads go once no connection is left; false if some are still in the plugin's code by `deadline`. [main]
    bool stop(Nanoseconds deadline) noexcept;

    // Expires deadlines, listens again after a pause. Returns when to be asked again. [main]
    Nanoseconds supervise(Nanoseconds now) noexcept;

    // Makes a parked connection be served, if it is that plugin's; one that is in a stage is looked at again. [any]
    gatehouse_status wake(const PluginInstance& plugin, std::uint64_t id) noexcept;

    // Ends a connection's relay with the reason `drained` and a reset for both sides, as soon as it begins if it is not relayed
    // yet. GATEHOUSE_NOT_FOUND: it has ended. [any]
    gatehouse_status cut(const PluginInstance& plugin, std::uint64_t id) noexcept;

    // Takes a connection out of the epoll set while its thread waits for it by itself. [conn]
    void unwatch(Connection& connection) noexcept;

    // A relay has ended: for the relay engine, which owned the connection until now. [any]
    void relay_ended(Connection& connection, Reason reason, std::uint64_t in, std::uint64_t out) noexcept;

    // How many connections are open, lingering ones included. [any]
    std::uint32_t open() const noexcept { return open_.load(); }

    // One log line with all that can be known from outside. [main]
    void report() noexcept;

    const ListenerConfig& config() const noexcept { return config_; }
    const Listener& listener() const noexcept { return listener_; }
    const std::vector<PluginInstance*>& plugins() const noexcept { return plugins_; } // all it may use, its own first
    std::string plugin_names() const;                                                 // of these, as a text
    const Commons& commons() const noexcept { return commons_; }

  private:
    Connection* find(const PluginInstance& plugin, std::uint64_t id) noexcept;

    // accepting: service_accept.cpp
    void accept_ready() noexcept;
    bool accept_failed(int error) noexcept;
    void out_of_resources(int error) noexcept;
    bool full() noexcept;
    void receive(Connection& connection) noexcept;
    Connection* welcome(int fd, const SocketAddress& peer) noexcept;
    std::optional<Reason> admit(const SocketAddress& address, Nanoseconds now, std::uint32_t& source) noexcept;
    void refuse(int fd, const SocketAddress& peer, Reason reason) noexcept;
    void listen_later(Nanoseconds when) noexcept;
    void listen_again() noexcept;

    // the stages before serve(): service_stage.cpp
    void enter_stage(Connection& connection, std::size_t number, Nanoseconds now) noexcept;
    void advance(Connection& connection) noexcept;
    bool rest(Connection& connection, bool for_room) noexcept;

    // serving
    void serve(Connection& connection) noexcept;
    bool park(Connection& connection, bool keep_deadline = false) noexcept;
    bool rests_again(Connection& connection) noexcept;
    bool arm(Connection& connection) noexcept;
    bool settle(Connection& connection, Stream::Due until, std::uint64_t word) noexcept;
    void start_relay(Connection& connection) noexcept;
    void poke(Connection& connection, std::uint64_t id, Connection::Flags flag, gatehouse_event why) noexcept;
    Stream::Due due(const Connection& connection, Nanoseconds now) const noexcept;
    void expire(Connection& connection, Nanoseconds now) noexcept;
    void note_due(Nanoseconds when) noexcept;

    // ending: service_end.cpp
    Reason reason_for(const Connection& connection, gatehouse_next next) const noexcept;
    void end(Connection& connection, Reason reason) noexcept;
    void linger(Connection& connection) noexcept;
    void close(Connection& connection) noexcept;
    void log_access(const SocketAddress& peer, Reason reason, const Connection* connection) noexcept;

    const ListenerConfig& config_;     // constant after construction, as are the next eight
    const std::uint64_t listen_token_; // of the listening socket, in the pool
    PluginInstance* const plugin_;     // null: only what a route takes is served
    const std::vector<PluginInstance*> plugins_;
    const std::vector<const TlsServer*> tls_servers_;
    Commons& commons_;
    std::vector<std::unique_ptr<const Stage>> stages_; // in the order in which a connection passes them
    const ProxyStage* proxies_ = nullptr;              // one of them, or null
    bool detects_ = false;                             // the plugin is found out in one of them
    Listener listener_;
    ConnectionTable connections_;
    Pool& pool_; // may be shared
    Access access_;
    Ledger ledger_;
    Histogram waits_; // from accept to the first serve()

    std::atomic<bool> listening_{true};
    std::atomic<std::uint32_t> open_{0};
    std::atomic<std::uint64_t> accepted_{0};
    std::array<std::atomic<std::uint64_t>, 134> accept_errors_{}; // by errno
    std::atomic<bool> full_{false};                               // the listening socket is not watched until a connection ends
    std::atomic<Nanoseconds> listen_again_at_{never};             // it is not watched until then
    std::atomic<Nanoseconds> next_sweep_{never};

    std::mutex shortage_mutex_;
    Descriptor spare_; // guarded by shortage_mutex_: given up to accept one more when there are no descriptors left
    Nanoseconds shortage_since_ = 0; // guarded by shortage_mutex_; 0: none
    std::atomic<bool> shortage_{false};
};

// Bytes, an end or an error.
bool readable(int fd) noexcept;

} // namespace gatehouse::host
