// A server of a pool, and a client on its way through the pool.
#pragma once

#include "health.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gateway {

// What a source says of a server.
struct ServerSpec {
    std::string name;
    std::string address;      // numeric, or "unix:/path"
    std::uint32_t weight = 1; // 1 to 2^20
    std::uint32_t rank = 0;   // lower ones come first
    std::uint32_t limit = Slot::unlimited;
    std::string server_name{}; // for TLS; see server_name_of(). NOLINT(readability-redundant-member-init): see pool.hpp
};

struct Visit;

// Shared by the pool, the visits to it and its check.
struct Server {
    Server(ServerSpec what, std::size_t from, const HealthRules& rules)
        : name(std::move(what.name)), address(std::move(what.address)), server_name(std::move(what.server_name)), source(from),
          health(rules) {}

    const std::string name; // constant after construction, as are the next three
    const std::string address;
    const std::string server_name;
    const std::size_t source;

    // Everything below is guarded by the pool's mutex.
    enum class Order { enabled, disabled, draining }; // the operator's
    Order order = Order::enabled;
    bool removed = false; // its source does not name it any more
    Health health;
    std::uint32_t weight = 1;
    std::size_t slot = 0;     // its place in the pool
    std::list<Visit*> visits; // those that are connected or connecting, as many as the slot's connections
    std::uint64_t total = 0;  // connections made
    std::uint64_t failures = 0;
    std::string last_error;
    std::string last_check;                  // "": not checked yet
    std::optional<Clock::time_point> cut_at; // while it drains: when what is left is cut
    bool drained = false;                    // that time is over: who has been connecting meanwhile is cut too

    // How it is called in messages.
    std::string text() const { return name == address ? "server " + name : "server " + name + " (" + address + ')'; }
};

// One client. The pool's mutex guards it; the thread that serves the client may also read `server` once admit() has said
// `connect`, and `refusal` once it has said `refuse`.
struct Visit {
    enum class Place { nowhere, queue, server, refused };

    std::uint64_t connection = 0; // the client's
    std::uint64_t key = 0;        // for Method::source
    Place place = Place::nowhere;
    bool on_trial = false;
    bool connected = false;           // to `server`
    Clock::time_point give_up_at;     // in the queue
    std::shared_ptr<Server> server;   // that has a place for it
    std::list<Visit*>::iterator here; // in the queue or in the server's visits
    std::vector<std::uint64_t> tried; // identities of servers that it could not be connected to
    std::string attempts;             // the same for people
    std::string refusal;
};

} // namespace gateway
