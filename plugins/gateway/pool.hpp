// The servers of one instance, and the clients that have a place on one or wait for one.
//
// Clients do not compete for a place: when a connection ends, or a server comes back, the pool gives the place to the first
// waiting client at once, and then wakes it. A client that comes meanwhile stands in line. So no wake-up is lost, and clients
// are served in the order of their arrival.
//
// The pool wakes, cuts and logs only after it has released its lock. The caller passes the time. All functions are [any].
#pragma once

#include "balance.hpp"
#include "health.hpp"
#include "mutex.hpp"
#include "server.hpp"
#include "settings.hpp"

#include <gatehouse/gatehouse.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gateway {

class Pool {
  public:
    struct Rules {
        Method balance = Method::round_robin;
        QueueRules queue{};   // NOLINT(readability-redundant-member-init): without {}, g++ warns of callers that leave it out
        HealthRules health{}; // NOLINT(readability-redundant-member-init)
        unsigned retries = 3;
    };
    // The pool calls these; none of them may block, throw or call the pool.
    struct Hooks {
        std::function<void(std::uint64_t connection)> wake;
        std::function<void(std::uint64_t connection)> cut;
        std::function<void(gatehouse_level level, std::string_view text)> log;
    };

    // `sources`: how many there are; set_servers() or source_failed() answers for each.
    Pool(const Rules& rules, std::size_t sources, Hooks hooks);

    // --- servers ---------------------------------------------------------------------------------------------------------

    struct Changes {
        std::vector<std::shared_ptr<Server>> added, removed;
    };
    // All servers of a source, as long as the pool has room: it takes `most_servers`, and the log says how many it leaves out.
    // A server that is not among them any more keeps its connections and gets no new ones. The pool
    // forgets it with the last of them, unless it comes back before that.
    Changes set_servers(std::size_t source, std::span<const ServerSpec> specs, Clock::time_point now);
    // A source cannot name its servers; the last known ones remain.
    void source_failed(std::size_t source, std::string_view why, Clock::time_point now);

    // A check of the server has ended; `why` if it was bad.
    void checked(Server& server, bool good, std::string_view why, Clock::time_point now);

    // --- clients ---------------------------------------------------------------------------------------------------------

    struct Verdict {
        enum Kind {
            connect, // to visit.server
            wait,    // until the wake-up or `until`; then call admit() again
            refuse,  // visit.refusal() says why
        };
        Kind kind;
        Clock::time_point until{}; // NOLINT(readability-redundant-member-init): as above. Not after visit.give_up_at
    };
    // Gives a client a place on a server or in the queue. For a client in the queue it returns the present verdict.
    Verdict admit(Visit& visit, Clock::time_point now);
    // The client's time in the queue is over: refuse, unless the pool has just given it a place.
    Verdict give_up(Visit& visit, Clock::time_point now);

    // What came of `connect`. After a failure the client has no place, and the caller may call admit() again. Without
    // `blame` it says nothing about the server: this host lacked a descriptor, say.
    void connected(Visit& visit, Clock::time_point now);
    void connect_failed(Visit& visit, std::string_view why, bool blame, Clock::time_point now);
    // The client has gone. Does nothing if it had no place.
    void leave(Visit& visit, Clock::time_point now);

    // --- the operator ----------------------------------------------------------------------------------------------------

    // An order for all servers with this name or address; returns how many there are.
    std::size_t order(std::string_view server, Server::Order order, std::optional<Clock::time_point> cut_at,
                      Clock::time_point now);
    // Cuts the connections of servers whose time to drain is over; returns when the next such time is.
    std::optional<Clock::time_point> cut_drained(Clock::time_point now);

    struct Report {
        std::string server, address, state, check, last_error;
        std::uint32_t weight;      // configured
        std::uint32_t share;       // how much of the weight it has at the moment, in percent
        std::uint32_t connections; // open, or about to be
        std::uint32_t limit;
        std::uint64_t total, failures;
    };
    std::vector<Report> report(Clock::time_point now);

    struct QueueReport {
        std::size_t waiting = 0;
        std::size_t size = 0;
        std::uint64_t waited = 0, timed_out = 0, refused = 0; // clients so far; refused: the queue was full
    };
    QueueReport queue_report();

  private:
    struct Source {
        bool answered = false;
        std::string problem;
        std::size_t left_out = 0; // servers for which the pool has no room
    };
    class Change; // pool_change.hpp: holds the lock, and collects what to wake, cut and log after its release

    // clients: pool.cpp
    Balancer::Choice choose(const Visit& visit);
    void give(Visit& visit, std::size_t index);
    void take(Visit& visit, Clock::time_point now);
    void dispatch(Change& change, const Visit* self, Clock::time_point now);
    void leave_queue(Change& change, Visit& visit);
    Verdict refuse(Visit& visit, const std::string& why);
    Verdict standing(const Visit& visit) const;

    // servers: pool_servers.cpp
    void refresh(Clock::time_point now);
    void update(const Server& server, Clock::time_point now);
    void forget_removed();
    void note_servers(Change& change, const std::vector<std::shared_ptr<Server>>& servers, std::string_view what);
    void note(Change& change, const Server& server, Health::State before, std::string_view why);
    void note_availability(Change& change);
    bool all_answered() const;
    std::string availability() const;
    std::string why_none() const;

    const Rules rules_; // constant after construction
    const Hooks hooks_;

    AdaptiveMutex mutex_; // guards everything below
    std::vector<Slot> slots_;
    std::vector<std::shared_ptr<Server>> servers_; // as many, in the same order
    std::vector<Source> sources_;
    Balancer balancer_;
    Visits queue_;
    QueueReport counts_;
    std::optional<Clock::time_point> changes_at_; // when refresh() has something to do
    bool available_ = false;                      // a server is up
};

} // namespace gateway
