// A server of a pool, and a client on its way through the pool.
#pragma once

#include "health.hpp"

#include <boost/intrusive/list.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gateway {

// What a source says about a server.
struct ServerSpec {
    std::string name;
    std::string address;      // numeric, or "unix:/path"
    std::uint32_t weight = 1; // 1 to 2^20
    std::uint32_t rank = 0;   // lower ones come first
    std::uint32_t limit = Slot::unlimited;
    std::string server_name{}; // for TLS; see server_name_of(). NOLINT(readability-redundant-member-init): see pool.hpp
};

struct Server;

// One client. The pool's mutex guards it. The thread that serves the client may also read `server` once admit() has returned
// `connect`, and `refusal()` once it has returned `refuse`. There is one for each relayed connection, so it is small.
struct Visit {
    using Hook = boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;
    enum class Place : std::uint8_t { nowhere, queue, server, refused };
    // What has gone wrong, if anything has.
    struct Failures {
        std::vector<std::uint64_t> servers; // identities of those that failed
        std::string attempts;               // the same in words
        std::string refusal;
    };

    std::uint64_t connection = 0; // the client's
    std::uint64_t key = 0;        // for Method::source
    Place place = Place::nowhere;
    bool on_trial = false;
    bool connected = false;             // to `server`
    bool last_wait = false;             // for the thread that serves it: at its deadline the client gives up
    Clock::time_point give_up_at;       // when its time in the queue is over
    std::shared_ptr<Server> server;     // the server on which it has a place
    Hook hook;                          // in the queue, or in the server's visits
    std::unique_ptr<Failures> failures; // null: there are none

    std::span<const std::uint64_t> tried() const {
        return failures ? std::span<const std::uint64_t>(failures->servers) : std::span<const std::uint64_t>();
    }
    std::string_view attempts() const { return failures ? std::string_view(failures->attempts) : ""; }
    std::string_view refusal() const { return failures ? std::string_view(failures->refusal) : ""; }
    Failures& failed() { return failures ? *failures : *(failures = std::make_unique<Failures>()); }
};
using Visits = boost::intrusive::list<Visit, boost::intrusive::member_hook<Visit, Visit::Hook, &Visit::hook>>;

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
    bool removed = false; // its source no longer names it
    Health health;
    std::uint32_t weight = 1;
    std::size_t slot = 0;    // its place in the pool
    Visits visits;           // the clients that are connected or connecting, as many as the slot's connections
    std::uint64_t total = 0; // connections so far
    std::uint64_t failures = 0;
    std::string last_error;
    std::string last_check;                  // "": no check has ended yet
    std::optional<Clock::time_point> cut_at; // while it drains: when the pool cuts the connections that are left
    bool drained = false;                    // that time is over: the pool also cuts clients that connected meanwhile

    // Its name in messages.
    std::string text() const { return name == address ? "server " + name : "server " + name + " (" + address + ')'; }
};

} // namespace gateway
