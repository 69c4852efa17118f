// A server of a pool, and a client on its way through the pool.
#pragma once

#include "callers.hpp"
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
    std::uint32_t weight = 1; // up to 2^20; 0: no clients
    std::uint32_t rank = 0;   // lower ones come first
    std::uint32_t limit = Slot::unlimited;
    std::string server_name{}; // for TLS; see server_name_of(). NOLINT(readability-redundant-member-init): see pool.hpp
    std::uint32_t per_source = Slot::unlimited; // connections of one client's address
};

// All that the operator has ordered for one server; see orders.hpp.
struct Directions {
    enum class State : std::uint8_t { enabled, disabled, draining };
    State state = State::enabled;
    bool removed = false;
    std::optional<std::uint32_t> weight, limit;
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
        std::string_view cause; // of it, as GATEHOUSE_FACT_CAUSE has it; empty: the last attempt says why
    };

    std::uint64_t connection = 0; // the client's
    std::uint64_t key = 0;        // for Method::source
    Place place = Place::nowhere;
    bool on_trial = false;
    bool connected = false;             // to `server`
    bool ended = false;                 // its connection to `server` has to end, once it is connected
    bool last_wait = false;             // for the thread that serves it: at its deadline the client gives up
    Callers::Entry* caller = nullptr;   // null: nothing counts the connections of its address
    Clock::time_point give_up_at;       // when its time in the queue is over
    std::shared_ptr<Server> server;     // the server on which it has a place
    Hook hook;                          // in the queue, or in the server's visits
    std::unique_ptr<Failures> failures; // null: there are none

    std::span<const std::uint64_t> tried() const {
        return failures ? std::span<const std::uint64_t>(failures->servers) : std::span<const std::uint64_t>();
    }
    std::string_view attempts() const { return failures ? std::string_view(failures->attempts) : ""; }
    std::string_view refusal() const { return failures ? std::string_view(failures->refusal) : ""; }
    std::string_view cause() const { return failures ? failures->cause : ""; }
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
    Directions directions{};                 // the operator's
    bool removed = false;                    // its source no longer names it
    std::optional<Clock::time_point> cut_at; // while it is removed: when the pool ends the connections that are left
    bool from_start = false;                 // among the first that its source has named
    bool available = false;                  // it took clients when the pool looked last; see Pool::settle()
    Health health;
    std::uint32_t weight = 1; // configured, as is the next one; the operator may have ordered others
    std::uint32_t limit = Slot::unlimited;
    std::size_t slot = 0;    // its place in the pool
    Visits visits;           // the clients that are connected or connecting, as many as the slot's connections
    std::uint64_t total = 0; // connections so far
    std::uint64_t failures = 0;
    std::string last_error; // of a connection; "" once it has recovered
    Clock::time_point last_error_at;
    std::string last_check; // "": no check has ended yet

    std::uint32_t weight_now() const noexcept { return directions.weight.value_or(weight); }
    std::uint32_t limit_now() const noexcept { return directions.limit.value_or(limit); }
    // Neither the operator nor its source keeps clients away. Its health is another matter.
    bool is_wanted() const noexcept { return !removed && directions.state == Directions::State::enabled && weight_now() > 0; }

    // Its name in messages.
    std::string text() const { return name == address ? "server " + name : "server " + name + " (" + address + ')'; }
};

} // namespace gateway
