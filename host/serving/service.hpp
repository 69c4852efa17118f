// A listener's service in one generation: the phases of a connection, from accept to its one reason (see Phase in
// connection.hpp).
//
//     welcome.cpp   accepted: who may come
//     staging.cpp   staging: the stages before serve()
//     service.cpp   silent, serving: the plugin's turns, rests between them, deadlines, the drain
//     watching.cpp  serving: what else a connection may rest for
//     upgrade.cpp   serving: TLS that a plugin begins with its client
//     ending.cpp    relaying is over, lingering, closed
//     limits.cpp    at a limit: who gives way, and what the log says
//     orders.cpp    the listener is drained alone
//     explain.cpp   what would become of a connection that nobody has made
//
// What outlives a generation is handed in: see Endpoint.
#pragma once

#include "access/access.hpp"
#include "access/denials.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "config/config.hpp"
#include "config/refusal.hpp"
#include "connection/connection.hpp"
#include "connection/half_open.hpp"
#include "listen/acceptor.hpp"
#include "plugin/instance.hpp"
#include "relay/engine.hpp"
#include "serving/endpoint.hpp"
#include "serving/limit_notice.hpp"
#include "serving/parking.hpp"
#include "serving/refusals.hpp"
#include "serving/status.hpp"
#include "stages/detection.hpp"
#include "stages/explanation.hpp"
#include "stages/proxy_stage.hpp"
#include "stages/stage.hpp"
#include "stages/tls_stage.hpp"
#include "threads/alarm.hpp"
#include "threads/pool.hpp"
#include "tls/sections.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

// What all services of a generation share; outlives them.
struct Shared {
    Log& log;
    Alarm& alarm;
    RelayEngine& relays;
    TlsServers& tls;
    const LiveMaps& maps;
    const Drain& drain;
    bool access_log;
    unsigned refused_per_second;                      // records, see Refusals
    std::map<const TlsServer*, HalfOpen>& handshakes; // those that go on, of each section; the map is constant
    const Denials& denials;
};

class Service;

// What can be told of a connection while somebody else owns it: what was so a moment ago.
struct ConnectionView {
    std::uint64_t id = 0;
    const Service* service = nullptr;       // of the generation that has accepted it
    const PluginInstance* plugin = nullptr; // null: it is not known yet
    SocketAddress peer;                     // as the PROXY header says, if there was one
    SocketAddress server;                   // that it is relayed to; of no family: none
    Phase phase = Phase::silent;
    bool rests = false; // no thread has it
    Nanoseconds accepted = 0;
    Nanoseconds moved = 0; // when bytes came or went last
    std::uint64_t in = 0;  // bytes from the client, plain
    std::uint64_t out = 0;
};

class Service : public ListenerShare {
  public:
    // `threads` call ready() for the tokens of this listener. Throws std::bad_alloc. [main]
    Service(const ListenerConfig& listener_config, Endpoint& endpoint, std::shared_ptr<Sockets> sockets, Pool& threads,
            const FindPlugin& find, const Shared& shared);

    // The service of a connection: each ListenerShare is one.
    static Service& of(const Connection& connection) noexcept {
        // Connections see their listener as constant.
        return static_cast<Service&>(const_cast<ListenerShare&>(*connection.listener.load(std::memory_order_relaxed)));
    }

    // A start in three steps, each for all services before the next: what may fail before there is a client, std::system_error;
    // the sockets listen, ListenError; connections are accepted from here on. [main]
    void prepare();
    void listen();
    void start() noexcept;

    // Accepts no more. With `take_waiting`, those in the accept queue are served first: the kernel has completed their
    // handshakes. The sockets stay open. [main]
    void stop_accepting(bool take_waiting) noexcept;

    // The drain has started: tells every connection. [main]
    void begin_drain() noexcept;

    // Whether an operator has ordered that this listener is drained: see LiveOrders. [any]
    bool is_drained() const noexcept { return endpoint_.limits.drained_by.load() != never; }
    bool takes_newcomers() const noexcept { return doors_ == Doors::open; } // [main]

    // Expires deadlines, and accepts again after a pause. Returns when it wants to be asked again. [main]
    Nanoseconds supervise(Nanoseconds now) noexcept;

    // An event of the pool. A token is a connection's id or the listening socket's. `events` is 0 for one that was posted by
    // the thread that has claimed it. [any]
    void ready(std::uint64_t token, std::uint32_t events) noexcept;

    // Makes a parked connection be served, if it is that plugin's; one that is in a stage is looked at again. [any]
    gatehouse_status wake(const PluginInstance& plugin, std::uint64_t id) noexcept;

    // Something has come of what was begun for a connection by another thread: looks at it. [any]
    gatehouse_status look_again(const PluginInstance& plugin, std::uint64_t id) noexcept;

    // As a connection rests, but with the caller's thread; see gatehouse_host.wait. [owner, in serve()]
    gatehouse_status wait(Connection& connection, Nanoseconds until) noexcept;
    // Goes on with the TLS that a plugin has begun with its client; true: it is over. [owner]
    bool step_upgrade(Connection& connection) noexcept;

    // Gives an order for a connection, if it is that plugin's and there is no stronger one. GATEHOUSE_NOT_FOUND: it has ended.
    // [any]
    gatehouse_status end_by_order(const PluginInstance& plugin, std::uint64_t id, EndOrder order,
                                  Nanoseconds stop_until) noexcept;
    // The operator ends a connection of the endpoint, whichever generation it is of; false: it has ended, or has been told
    // already. [main]
    static bool kill(Endpoint& endpoint, std::uint64_t id) noexcept;
    // Shows all connections of the endpoint, of all generations. The pointers hold as long as no generation goes. May throw
    // what visit() throws. [main]
    static void look(Endpoint& endpoint, const std::function<void(const ConnectionView&)>& visit);
    // Adds the ids of the plugin's connections. Throws std::bad_alloc. [any]
    void list(const PluginInstance& plugin, std::vector<std::uint64_t>& ids);

    // What would become of a connection from this address. May throw std::bad_alloc. [main]
    Explanation explain(const SocketAddress& from, const Asked& asked) const;

    // A relay has ended: for the relay engine, which owned the connection until now. [any]
    void relay_ended(Connection& connection, Reason reason) noexcept;

    // May throw std::bad_alloc. [any]
    ListenerStatus status() const;
    Acceptor::State state() const noexcept; // of its sockets: one that does not accept is what there is to tell. [any]

    // The sockets, which another generation's service had until now, get this one's options and backlog. [main]
    void change_sockets(const ListenerConfig& before) noexcept;

    // After stop_accepting(): whether no connection of this generation is open or on its way. [any]
    bool is_quiet() const noexcept;

    // How many connections of this generation are open, lingering ones included. [any]
    std::uint32_t open() const noexcept { return open_.load(); }

    Endpoint& endpoint() const noexcept { return endpoint_; }
    const std::shared_ptr<Sockets>& sockets() const noexcept { return sockets_; }
    SourceTable* sources() const noexcept { return access_.sources(); } // null: sources have no limits
    SourceRule source_rule() const noexcept { return access_.rule(); }  // if they have
    // As the configuration or the operator says. [any]
    std::uint32_t max_connections() const noexcept {
        return endpoint_.limits.find(LiveLimits::Key::max_connections).value_or(config.max_connections);
    }
    const std::vector<PluginInstance*>& plugins() const noexcept { return plugins_; } // all it may use, its own first
    std::string addresses() const;                                                    // of its sockets, as a text
    std::string plugin_names() const;                                                 // of these, as a text

  private:
    Connection* find(const PluginInstance& plugin, std::uint64_t id) noexcept;
    void look_at_connections(ListenerStatus& status) const;

    void ring(Connection& connection, std::uint64_t id) noexcept;

    void room() noexcept;
    bool has_room() noexcept;
    void welcome(int fd, const SocketAddress& peer) noexcept;
    std::optional<Refusal> admit(const SocketAddress& address, Behalf behalf, Nanoseconds now, std::uint32_t& source) noexcept;
    void refuse(int fd, const SocketAddress& peer, const Refusal& refusal) noexcept;
    bool has_record(Reason reason, const SocketAddress& peer) noexcept;
    Nanoseconds tell_of_refusals(Nanoseconds now, bool all) noexcept;
    Rule connections_rule() const noexcept;
    static Rule handshakes_rule(const TlsServer& server) noexcept;
    static void note_rule(Connection& connection, const Rule& rule) noexcept;
    void place(Connection& connection) noexcept;

    bool give_way(HalfOpen& among, Nanoseconds silent_since, const ListenerShare* listener, const Refusal& why) noexcept;
    bool make_room() noexcept;
    bool make_room_for_handshake(const TlsServer& server) noexcept;
    bool newcomer_waits() const noexcept;
    void tell_limit(std::string_view limit, std::uint64_t value, const std::string& why) const;
    Nanoseconds supervise_limits(Nanoseconds now) noexcept;
    Nanoseconds follow_orders(Nanoseconds now) noexcept;
    bool open_doors() noexcept;
    void close_doors() noexcept;

    static Visitor visitor_of(Connection& connection, bool expired) noexcept;
    const TlsServer* tls_of(const Connection& connection) const noexcept;
    void cut_handshake(Connection& connection, Reason reason) const noexcept;
    void note_half_open(Connection& connection, Nanoseconds now) noexcept;
    void enter_stage(Connection& connection, std::size_t number, Nanoseconds now) noexcept;
    void advance(Connection& connection) noexcept;

    void serve(Connection& connection) noexcept;
    bool goes_on(Connection& connection, gatehouse_next next) noexcept;
    bool rests(Connection& connection, std::optional<Stream::Due> until = std::nullopt) noexcept;
    bool rests_for_more(Connection& connection, bool look, std::optional<Stream::Due> until) noexcept;
    void ready_for_more(Connection& connection, std::uint32_t events) noexcept;
    std::optional<gatehouse_event> next_event(Connection& connection, bool look, bool sent) noexcept;
    std::optional<gatehouse_event> hear_notes(Connection& connection) noexcept;
    enum class Passed : std::uint8_t { goes_on, told, ends };
    static Passed pass_deadline(Connection& connection, Reason reason, Nanoseconds now) noexcept;
    void start_relay(Connection& connection) noexcept;
    bool end_upgrade(Connection& connection, gatehouse_status status, std::optional<Reason> reason) noexcept;
    void drop_upgrade(Connection& connection, Reason reason) noexcept;
    void expire(Connection& connection, Nanoseconds now) noexcept;

    void order(Connection& connection, std::uint64_t id, EndOrder how, Nanoseconds stop_until) noexcept;
    void end(Connection& connection, Reason reason) noexcept;
    void end(Connection& connection, const Refusal& refusal) noexcept;
    bool obey(Connection& connection) noexcept;
    static void hear_stop(Connection& connection) noexcept;
    void linger(Connection& connection) noexcept;
    bool is_logged(const Life& life, Reason reason) const noexcept;
    void close(Connection& connection) noexcept;

    PluginInstance* const plugin_; // constant after construction; null: only what a route takes is served
    const std::vector<PluginInstance*> plugins_;
    const std::vector<const TlsServer*> tls_servers_;
    const Shared& shared_;
    Drain drain_{shared_.drain};
    Endpoint& endpoint_;
    const std::shared_ptr<Sockets> sockets_;
    std::vector<std::unique_ptr<const Stage>> stages_; // in the order in which a connection passes them
    const ProxyStage* proxies_ = nullptr;              // one of them, or null
    const TlsStage upgrades_;                          // for the plugins that begin TLS by themselves
    bool detects_ = false;                             // the plugin is found out in one of them
    Access access_;
    Parking parking_;
    std::atomic<std::uint32_t> open_{0};
    HalfOpen half_open_; // without those whose handshake has begun
    LimitNotice connections_met_;
    LimitNotice threads_met_;
    LimitNotice handshakes_met_;
    LimitNotice plugin_met_;
    Refusals refusals_{shared_.refused_per_second, config.sources.v4_bits, config.sources.v6_bits};
    std::list<Acceptor> acceptors_; // one for each of the sockets, in their order
    bool is_current_ = false;       // newcomers are this one's, and no other generation's. [main], as are the next three
    enum class Doors : std::uint8_t { untouched, open, closed };
    Doors doors_ = Doors::untouched; // whether they are taken
    Nanoseconds drained_by_ = never;
    Nanoseconds open_again_ = 0; // not before, since it has failed
};

} // namespace gatehouse::host
