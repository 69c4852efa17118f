// A client's connection, and the table that holds a listener's connections.
//
// A connection is owned by one thread at a time. Its word says whether that is the case, and collects what happens meanwhile:
//
//        FREE ──take()──▶ RUNNING ──park──▶ PARKED ──claim()──▶ RUNNING … ──release()──▶ FREE
//                           │ ▲
//          event, wake, stop│ │seen by the owner before it parks
//                           └─┘
//
// Slots are never freed and each use has a new generation, so a stale event or a stale id finds out that it is stale.
#pragma once

#include "connection/stream.hpp"
#include "net/address.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <netinet/in.h>
#include <string>
#include <vector>

namespace gatehouse::host {

class PluginInstance;
class Service;
class TlsServer;

// An outbound connection that a plugin has made.
struct UpstreamConnection : Stream {
    using Stream::Stream;
    ~UpstreamConnection();

    std::unique_ptr<std::string[]> facts; // peer and local, made when a plugin asks

    void remember(const SocketAddress& peer); // throws std::bad_alloc
    SocketAddress peer_address() const noexcept;

  private:
    std::unique_ptr<std::byte[]> peer_; // no longer than its family needs: there is one for each relayed connection
    socklen_t peer_size_ = 0;
};

// What a PROXY header has said, and who has said it.
struct Proxied {
    SocketAddress transport; // the proxy's
    SocketAddress source;
    SocketAddress destination;
    std::string unique_id;
    std::string authority; // SNI, if the proxy has terminated TLS
    std::string alpn;
};

struct Connection : Stream {
    // The word: the generation in the upper half, and these below.
    enum Flags : std::uint64_t {
        running = 1, // owned by a thread; without this and `parked` the slot is free
        parked = 2,
        event = 4, // epoll had something while it was running
        woken = 8,
        stop = 16,
        cut = 32, // its relay is to be ended, now or when it begins; stays
        all_flags = 0xffffffff,
    };
    enum class Phase : std::uint8_t {
        staging, // in one of the stages before serve(); see stage.hpp
        silent,  // the client has not said anything yet
        serving, // serve() has been called
        relaying,
        lingering, // waits for the client to take the last bytes and to close
    };

    Connection(Service& owner, std::uint64_t slot, const Drain& drain) noexcept : Stream(drain), service(owner), index(slot) {
        connection = this;
    }

    Service& service;          // constant after construction
    const std::uint64_t index; // service and slot: the lower half of ids

    std::atomic<std::uint64_t> word{std::uint64_t{1} << 32U};
    std::atomic<Nanoseconds> parked_until{never}; // read by the sweep
    std::atomic<PluginInstance*> plugin{nullptr}; // written by the owner until serve() is called

    // Everything below belongs to the owner.
    std::uint64_t id = 0; // generation and index
    union { // of the client, as the PROXY header says it if there was one; the path of a unix socket is in `proxied`
        sockaddr common;
        sockaddr_in v4;
        sockaddr_in6 v6;
    } peer{};
    Nanoseconds accepted = 0;
    void* state = nullptr; // the plugin's
    gatehouse_event why = GATEHOUSE_EVENT_OPEN;
    Phase phase = Phase::silent;
    std::uint8_t stage = 0;              // which one it is in
    TlsServer* tls_server = nullptr;     // that the route it has taken names; null: none
    bool heard = false;                  // something has arrived while it was in a stage
    bool for_room = false;               // the epoll set also waits for room to write
    bool stage_begun = false;            // for the stage's own use
    bool stage_expired = false;          // stage_due has passed, and the stage has not been asked yet
    Nanoseconds stage_due = never;       // when the time of the stage, or of the silence after the last one, is over
    Reason parked_reason = Reason::done; // what happens at parked_until
    bool watched = false;                // in the epoll set
    bool one_shot = false;               // busy senders are watched one event at a time
    bool deaf = false;                   // it rests until somebody wakes it; bytes do not
    bool watched_deaf = false;           // its entry in the epoll set reports a reset only
    bool hangup = false;    // the event said that the peer has closed, reset or sent urgent data: a short read does not end it
    bool stop_told = false; // serve() was called with GATEHOUSE_EVENT_STOPPING
    bool upstream_failed = false;
    std::uint32_t lingered = 0;             // bytes thrown away while lingering
    std::uint32_t source = 0;               // where it counts: see Access::admit()
    bool admitted = false;                  // it counts there
    bool entered = false;                   // it counts for its plugin
    UpstreamConnection* relay_to = nullptr; // owned; while relaying, the relay engine's
    Nanoseconds relay_idle = never;
    std::unique_ptr<const Proxied> proxied;   // null: no proxy, or its own connection
    std::unique_ptr<std::string[]> facts;     // peer, local and transport peer, made when a plugin asks
    std::unique_ptr<std::string[]> tls_facts; // of the client's certificate: its subject and alternative names

    SocketAddress peer_address() const noexcept;
    void set_peer(const SocketAddress& address) noexcept;

    // Becomes the owner if the connection is parked and still the one with this id. Otherwise leaves `flag` for the owner, if
    // it is running. [any]
    enum class Claim { owned, noted, gone };
    Claim claim(std::uint64_t wanted, Flags flag) noexcept;

    // Leaves the flag `cut`, whoever owns it; false if the connection with this id has ended. [any]
    bool note_cut(std::uint64_t wanted) noexcept;

    // The slot is free for the next connection; ids given out so far are stale. [owner]
    void release() noexcept;
};

// The slots of one listener, made in chunks as they are needed and reused last in, first out.
class ConnectionTable {
  public:
    // `index` of a slot is `service_number` << 20 | slot.
    ConnectionTable(Service& service, std::uint32_t service_number, const Drain& drain, std::uint32_t capacity);
    ~ConnectionTable();

    static constexpr std::uint32_t slot_bits = 20;
    static constexpr std::uint32_t service_bits = 12;
    // Stands for a service's listening socket where connections have their ids; no id, since those have a generation, and no
    // connection's slot.
    static std::uint64_t listen_token(std::uint32_t service_number) noexcept {
        return std::uint64_t{service_number} << slot_bits | ((1U << slot_bits) - 1);
    }
    static std::uint32_t service_of(std::uint64_t id) noexcept { return static_cast<std::uint32_t>(id) >> slot_bits; }

    // A free slot, running and with a new id; null if all are taken or there is no memory. [any]
    Connection* take() noexcept;

    // After release() of the connection. [any]
    void give_back(Connection& connection) noexcept;

    // The slot that the id speaks of, whatever is in it now; null if there was never one. [any]
    Connection* find(std::uint64_t id) noexcept;

    // Calls visit(Connection&) for every slot that was ever used. [any]
    template <class Visit>
    void for_each(Visit visit) {
        const std::uint32_t count = made_.load(std::memory_order_acquire);
        for (std::uint32_t slot = 0; slot < count; ++slot) visit(chunks_[slot / chunk_size][slot % chunk_size]);
    }

  private:
    static constexpr std::uint32_t chunk_size = 64;

    struct Chunk {
        Connection* first = nullptr;
        Connection& operator[](std::uint32_t i) const noexcept { return first[i]; }
    };

    bool grow() noexcept; // guarded by mutex_

    Service& service_; // constant after construction
    const std::uint32_t service_number_;
    const Drain& drain_;
    const std::uint32_t capacity_;
    std::vector<Chunk> chunks_; // sized at construction; a chunk is written before made_ covers it

    std::mutex mutex_;
    std::vector<std::uint32_t> free_;    // guarded by mutex_
    std::atomic<std::uint32_t> made_{0}; // written under mutex_
};

} // namespace gatehouse::host
