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
#include "orders.hpp"
#include "server.hpp"
#include "server_metrics.hpp"
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
        ChangeRules changes{}; // NOLINT(readability-redundant-member-init)
    };
    // The pool calls these; none of them may block, throw or call the pool.
    struct Hooks {
        std::function<void(std::uint64_t connection)> wake;
        std::function<void(std::uint64_t connection)> cut;
        std::function<void(gatehouse_level level, std::string_view text)> log;
    };

    // `sources`: how many there are; set_servers() or source_failed() answers for each. One more has the servers that the
    // operator adds. `rows`: one for each of all of these; or none.
    Pool(const Rules& rules, std::size_t sources, Hooks hooks, std::vector<ServerRow> rows = {});

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
    // The server will not be checked.
    void without_checks(Server& server, Clock::time_point now);

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
    // Counts the client's connections among those of its address, which is without a port; before the first admit().
    void comes_from(Visit& visit, std::string_view address);
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

    // Each of these throws std::invalid_argument, with what is wrong for the operator, and has changed nothing then. The caller
    // starts and stops the checks of `Changes`.

    // `server`: a name or an address. The order is for all servers with it; the pool fills in their names, `since` and
    // `number`.
    Changes order(std::string_view server, const Order& order, Clock::time_point now);
    Changes add(Order order, Clock::time_point now);
    // Ends the orders that keep clients away from the server.
    void enable(std::string_view server, Clock::time_point now);
    Changes take_back(std::uint32_t number, Clock::time_point now);
    Orders orders();

    // Ends the orders whose time is over, and cuts what is left on servers that drain or are removed, and whose time is over.
    Changes tend(Clock::time_point now);
    std::optional<Clock::time_point> next_tending(Clock::time_point now);

    struct Report {
        std::string server, address, state, check, last_error;
        Clock::time_point last_error_at; // if there is a last error
        bool in_panic;                   // it takes clients, whatever its health
        std::uint32_t weight;            // configured, or ordered
        std::uint32_t share;             // how much of the weight it has at the moment, in percent
        std::uint32_t connections;       // open, or about to be
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
        std::size_t left_out = 0;      // servers for which the pool has no room
        std::vector<ServerSpec> specs; // all that it names, whether or not the operator has removed some
    };
    class Change; // pool_change.hpp: holds the lock, and collects what to wake, cut and log after its release

    // clients: pool.cpp
    Balancer::Choice choose(const Visit& visit);
    void give(Visit& visit, std::size_t index);
    void take(Visit& visit, Clock::time_point now);
    void dispatch(Change& change, const Visit* self, Clock::time_point now);
    void leave_queue(Change& change, Visit& visit);
    Verdict refuse(Visit& visit, const std::string& why, std::string_view cause);
    Verdict refuse_all_tried(Visit& visit);
    Verdict standing(const Visit& visit) const;

    // servers: pool_servers.cpp
    void supply(Change& change, std::size_t source, std::string_view why, Changes& changes, Clock::time_point now);
    void renew(Server& server, Clock::time_point now);
    void refresh(Clock::time_point now);
    void update(const Server& server, Clock::time_point now);
    void forget_removed();
    const ServerRow& row(const Server& server) const noexcept { return rows_[server.source]; }
    void note_available(Server& server, bool available) const noexcept;
    void note_servers(Change& change, const std::vector<std::shared_ptr<Server>>& servers, std::string_view what);
    void note(Change& change, const Server& server, Health::State before, std::string_view why, Clock::time_point now);
    void settle(Change& change, Clock::time_point now);
    void judge_panic(Change& change, Clock::time_point now);
    void cut(Change& change, Server& server, std::string_view why);
    bool all_answered() const;
    bool awaits_checks() const;
    std::string availability() const;
    std::string why_none() const;
    static std::string why_source_full(const Visit& visit);

    // orders: pool_orders.cpp
    std::vector<std::string> named(std::string_view server) const;
    void expect_room_for(std::span<const Order> orders) const;
    Changes obey(Change& change, std::span<const Order> changed, std::string_view why, Clock::time_point now);
    void direct(Change& change, Server& server, std::string_view why, Clock::time_point now);

    const Rules rules_; // constant after construction
    const Hooks hooks_;
    const std::vector<ServerRow> rows_; // by source

    AdaptiveMutex mutex_; // guards everything below
    std::vector<Slot> slots_;
    std::vector<std::shared_ptr<Server>> servers_; // as many, in the same order
    std::vector<Source> sources_;                  // the last one has what the operator adds
    Orders orders_;
    Balancer balancer_;
    Callers callers_;
    Visits queue_;
    QueueReport counts_;
    std::optional<std::uint32_t> panic_rank_;     // the servers of this rank take clients, whatever their health
    std::optional<Clock::time_point> changes_at_; // when refresh() has something to do
    bool available_ = false;                      // a server is up
};

} // namespace gateway
