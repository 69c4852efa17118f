// A client's connection: a Stream that is found by its id, has one owner at a time (owner.hpp), and a Life.
#pragma once

#include "base/error_text.hpp"
#include "base/observed.hpp"
#include "base/reason.hpp"
#include "config/refusal.hpp"
#include "connection/carry.hpp"
#include "connection/facts.hpp"
#include "connection/half_open.hpp"
#include "connection/owner.hpp"
#include "connection/peer.hpp"
#include "connection/routed.hpp"
#include "connection/stream.hpp"
#include "connection/upgrade.hpp"
#include "connection/upstream.hpp"
#include "threads/own_drain.hpp"
#include "threads/posted.hpp"

#include <atomic>
#include <cstdint>
#include <gatehouse/gatehouse.h>
#include <memory>
#include <optional>
#include <string>

namespace gatehouse::host {

class PluginInstance;
class Pool;
class TlsServer;
struct ListenerConfig;

// What a connection knows of the listener that it came through, in the generation that accepted it. Lives as long as the
// generation.
struct ListenerShare {
    const ListenerConfig& config;
    Pool& pool;
    const Drain& drain;
};

// What a plugin may order for a connection from outside of serve(), the stronger ones last; and `kill`, the operator.
enum class EndOrder : std::uint8_t { none, stop, close, reset, kill };

// Where a connection is in its life:
//
//     accepted ──▶ staging ──▶ silent ──▶ serving ──▶ relaying ──▶ lingering ──▶ closed
//                     │                      │                         ▲
//                     └──────────────────────┴─────────────────────────┘
enum class Phase : std::uint8_t {
    staging,   // in one of the stages before serve(); see stages/stage.hpp
    silent,    // the client has not said anything yet
    serving,   // serve() has been called
    relaying,  // the relay engine owns it
    lingering, // waits for the client to take the last bytes and to close
};

struct StagingLife {
    std::uint8_t number = 0;  // of the stage
    bool has_begun = false;   // the stage has set its own deadline
    bool expired = false;     // `due` has passed, and the stage has not been asked yet
    bool heard = false;       // something has arrived meanwhile
    TlsServer* tls = nullptr; // that the route it has taken names, or its plugin; null: none
    Nanoseconds due = never;  // when the time of the stage, or of the silence after the last one, is over
};

// What serve() has returned, while it waits for output to be sent.
enum class Then : std::uint8_t { nothing, close, relay };
inline gatehouse_next next_of(Then then) noexcept { return then == Then::close ? GATEHOUSE_NEXT_CLOSE : GATEHOUSE_NEXT_RELAY; }

struct ServingLife {
    void* state = nullptr; // the plugin's
    gatehouse_event why = GATEHOUSE_EVENT_OPEN;
    bool deaf : 1 = false;                 // it rests until a plugin wakes it; bytes do not
    bool sends_early : 1 = false;          // the client sends while it is being served: its entry reports one event at a time
    Then then = Then::nothing;             // takes effect behind the output that is left
    bool woken_later = false;              // serve() is to hear of a wake-up when `carry` is over
    bool stops_later = false;              // and of the drain, or of an order to stop
    std::optional<Reason> no_upstream;     // why the last connect() to a server failed; nothing: it did not
    Cause cause = Cause::none;             // of upstream_failed, for it or as the plugin says
    ErrorText error;                       // explains why the last call of serve() fails, if it does
    std::unique_ptr<Upgrade> upgrade;      // null: the plugin has begun none, or knows that it went well
    Upstream* upstreams = nullptr;         // the first of those that the plugin has made
    std::unique_ptr<Upstream> upstream;    // that it is to be relayed to
    std::unique_ptr<RelayedServer> server; // that it is relayed to
    std::unique_ptr<Carry> carry;          // what the host carries, or has carried, between two of its streams
    std::unique_ptr<Facts> facts;          // made when a plugin asks
};

// All that begins anew with each client.
struct Life {
    Observed<Phase> phase{Phase::silent};
    bool admitted = false;  // it counts for its source
    bool is_proxys = false; // a trusted proxy's own: its header names no client
    bool entered = false;   // it counts for its plugin
    bool stop_told = false; // the phase has heard of the drain
    EndOrder obeyed = EndOrder::none;
    // The next two are left by the main thread, for a thread of the pool: ending a connection runs the plugin's code.
    bool rests_again = false; // its time was not over after all
    std::optional<Reason> over;
    Reason parked_reason = Reason::done; // what happens at parked_until
    std::uint32_t source = 0;            // where it counts: see Access::admit()
    std::uint32_t lingered = 0;          // bytes thrown away while lingering
    Peer peer;                      // as the PROXY header says it if there was one; the path of a unix socket is in `proxied`
    Peer server;                    // that it is, or was last, relayed to; of no family: none
    Observed<Nanoseconds> accepted; // 0: nobody is here; written when all that others may look at is there
    std::unique_ptr<const Proxied> proxied; // null: no proxy, or the proxy's own connection
    std::unique_ptr<const Routed> routed;   // null: no route has looked at its server name
    std::unique_ptr<const Rule> rule;       // that ends it; null: none does, or it was refused when it came
    StagingLife staging;
    ServingLife serving;
};

inline constexpr std::size_t most_watched = 32; // upstreams of one client

class Connection : public Stream {
  public:
    explicit Connection(std::uint64_t slot) noexcept : index(slot) {}

    // Begins a life on this socket: a new Stream, a new Life, no entry in the epoll set. [owner]
    void open(int socket, const ListenerShare& share) noexcept;

    // The earliest deadline of the phase that it is in, if nothing moves from now on. [owner]
    Due due(Nanoseconds now) const noexcept;

    SocketAddress peer_address() const noexcept;

    // Whether it rests for more than the client's bytes or a wake-up: it has output left, or a plugin has asked for something
    // else with watch(). [owner]
    bool rests_for_more() const noexcept;
    // Whether TLS with the client goes on that the plugin has begun, or has not heard of its end. [owner]
    bool upgrades() const noexcept { return life.serving.upgrade && !life.serving.upgrade->told; }
    // It has failed, and the plugin has heard of that. [owner]
    bool upgrade_failed() const noexcept {
        const Upgrade* const upgrade = life.serving.upgrade.get();
        return upgrade != nullptr && upgrade->told && upgrade->status != GATEHOUSE_OK;
    }
    // Whether such TLS goes on, or an attempt to reach a server. [owner]
    bool attempts() const noexcept;
    // Whether bytes are carried between two of its streams: the plugin is not called until that is over. [owner]
    bool carries() const noexcept { return life.serving.carry && !life.serving.carry->over(); }
    // Whether both of those streams are still its own. [owner]
    bool may_carry() const noexcept;
    // Whether this is the client's own stream, or one of its upstreams that the plugin has. [owner]
    bool has(const Stream* stream) const noexcept;
    // Whether there is an order that has not been obeyed yet. [owner]
    bool is_ordered() const noexcept { return owner.noted(Owner::ordered) && order.load() > life.obeyed; }
    // Whether an upstream is watched for its bytes. [owner]
    bool reads_upstreams() const noexcept;

    const std::uint64_t index; // the lower half of ids
    Owner owner;
    std::atomic<Nanoseconds> parked_until{never};        // read by the sweep
    std::atomic<const ListenerShare*> listener{nullptr}; // written by open()
    std::atomic<PluginInstance*> plugin{nullptr};        // set by the owner once it is open, until serve() is called
    std::atomic<EndOrder> order{EndOrder::none};         // written by who holds `owner`, and by open(), as is the next
    std::atomic<bool> relayed{false};                    // a relay thread owns it, or is about to
    OwnDrain own_drain;                                  // begun by an order; ended by open()

    // Everything below belongs to the owner.
    std::uint64_t id = 0;                       // generation and index
    Posted posted;                              // in its pool's queue
    std::unique_ptr<HalfOpen::Place> half_open; // null: it is in none; it goes when the connection is served
    Life life;
};

} // namespace gatehouse::host
