// The generations of a running host: the one that accepts, those before it, which serve their connections to the end, and one
// that is being made.
//
//            order()                 made                        no connection is left
//   Order ────────────▶ (maker) ───────────────▶ now ──next one──▶ old ─────────────────────▶ (undertaker) ──▶ gone
//                          │ refused: nothing has changed           │ old_timeout is over
//                          ▼                                        ▼
//                       Outcome                                  drains
//
// What takes long is done on two threads besides the main one: the maker reads the file, creates and starts the plugins and
// binds; the undertaker joins threads and destroys. The main thread exchanges a pointer for each listener.
#pragma once

#include "base/json.hpp"
#include "config/config.hpp"
#include "endpoints.hpp"
#include "generation.hpp"
#include "threads/jobs.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::host {

class Generations {
  public:
    // Reads the configuration. What it throws is why it is refused. [maker]
    using Load = std::function<Config()>;

    // A configuration that has run, with the libraries that it has run with.
    struct Version {
        unsigned generation = 0;
        std::int64_t since = 0;               // milliseconds since 1970
        std::string from;                     // "the file", "generation 3"
        std::string by;                       // who wanted it
        std::shared_ptr<const Config> config; // never null
        PluginLibraries::ByFile libraries;
    };

    // What is to be made.
    struct Order {
        Load load;                              // null: `version` again
        std::shared_ptr<const Version> version; // see version()
        std::string by;                         // who wants it, for the log
        bool only_plan = false;                 // it is to be compared with what runs, and no more
        bool even_if_same = false;              // a generation is made although it differs in nothing from what runs
        std::vector<std::string> notes;         // for its plan: see PlanNotes::lines
        std::string plan_id;                    // it is refused if this is not its plan; empty: any
        Milliseconds confirm_within{0};         // unless confirm() comes in time, what runs now comes back; 0: it stays
    };

    // What has become of an order.
    struct Outcome {
        enum class What { applied, same, planned, refused };
        What what = What::refused;
        unsigned generation = 0;          // that runs now
        std::string why;                  // it was refused: everything that is wrong, a line each
        std::vector<std::string> waiting; // keys that need a restart
        std::string plan_id;
        std::string plan_text;           // for people
        Json plan_json = Json::object(); // for programs
        Nanoseconds took = 0;
    };

    // `load` reads the file, for order_file(). `concluded` is called with the outcome of each order; what has been applied
    // accepts by then. [main]
    Generations(Endpoints& endpoints, const Standing& standing, Load load,
                std::function<void(const Outcome& outcome)> concluded)
        : endpoints_(endpoints), standing_(standing), load_(std::move(load)), concluded_(std::move(concluded)) {}

    // Makes the first one; the caller takes it through the steps of a start. Throws as Generation does. [main]
    void make_first(Config&& config);

    Generation& now() noexcept { return *now_; }
    const Generation& now() const noexcept { return *now_; }
    // Those that still serve: the one that accepts first, then the old ones, the newest first. Throws std::bad_alloc. [main]
    std::vector<Generation*> all() const;

    // Has the order carried out, after those before it. Returns its number; 0: too many are waiting, or the host drains. [main]
    std::uint64_t order(Order order);
    // The file, as it is now; one order that has not begun does for all that are given meanwhile. [main]
    std::uint64_t order_file(const std::string& by) noexcept;
    // Nothing: it is not over. Of the last few orders. Throws std::bad_alloc. [main]
    std::optional<Outcome> outcome(std::uint64_t order) const;

    const Load& load() const noexcept { return load_; } // reads the file
    // The last few that have run, the one that runs last; and the one of this generation, or null. [main]
    const std::list<std::shared_ptr<const Version>>& versions() const noexcept { return versions_; }
    std::shared_ptr<const Version> version(unsigned generation) const noexcept;

    // What runs stays. False: nobody waits for that. [main]
    bool confirm() noexcept { return std::exchange(confirm_by_, never) != never; }
    Nanoseconds confirm_by() const noexcept { return confirm_by_; } // `never`: nobody waits for that. [main]

    // Carries out no orders until release() or resume(). False: one is being carried out, or what runs waits to be confirmed.
    // [main]
    bool hold() noexcept;
    void release() noexcept { held_ = false; } // [main]
    // Accepts no more, for another process does. The sockets stay open. After hold(). [main]
    void stand_back() noexcept { now_->stop_accepting(false); }
    // Accepts again, with what has run before, as soon as a generation of it is made. Returns the order; 0: there is no memory.
    // [main]
    std::uint64_t resume() noexcept;

    // Puts a generation to use that has been made, drains and forgets old ones, keeps the deadlines of all. Returns when it
    // wants to be asked again. [main]
    Nanoseconds supervise(Nanoseconds now) noexcept;

    // The whole host drains: no generation follows. [main]
    void begin_drain(Nanoseconds deadline) noexcept;
    bool is_quiet() const noexcept; // no connection is left, in none of them. [main]
    // False if a thread is still in a plugin's code at `deadline`, of which the log then speaks. [main]
    bool stop(Nanoseconds deadline) noexcept;

  private:
    struct Old {
        std::unique_ptr<Generation> generation; // the undertaker's once `given`, until it is `gone`
        Nanoseconds drain_at = never;
        Nanoseconds deadline = never;     // of its drain
        std::atomic<bool> stopped{false}; // its plugins, for the drain
        bool connections_told = false;
        bool told = false;   // the log has the last status of its listeners that no longer are
        bool unused = false; // a step of its start has failed: it has never accepted
        bool given = false;
        std::atomic<bool> gone{false};
    };
    // An order, up to its outcome.
    struct Making {
        std::uint64_t number = 0;
        Order order;
        bool of_file = false;
        Nanoseconds begun = 0;
        std::atomic<bool> made{false}; // the maker has done its part, which is the rest
        std::unique_ptr<Generation> next;
        std::list<std::shared_ptr<const Version>> version; // of `next`; these two are made before it counts
        std::list<std::shared_ptr<Old>> place_of_old;      // for the generation before
        Outcome outcome;
    };

    void add(Order order, bool of_file);
    void make_next() noexcept;
    void make(Making& making, Generation& before) noexcept;
    void make_from(Config config, Making& making, Generation& before);
    void conclude(Making& making) noexcept;
    void log_outcome(const Making& making) const noexcept;
    void count(const Making& making) noexcept;
    void tell_record() noexcept;
    void retire(std::list<std::shared_ptr<Old>>& place, std::unique_ptr<Generation> generation) noexcept;
    void bury(const std::shared_ptr<Old>& old) noexcept;
    void drain(const std::shared_ptr<Old>& old, Nanoseconds now) noexcept;
    void report_closed(const Generation& old) const noexcept;
    Nanoseconds roll_back_if_due(Nanoseconds now) noexcept;

    Endpoints& endpoints_; // constant after construction, as are the next three
    const Standing standing_;
    const Load load_;
    const std::function<void(const Outcome& outcome)> concluded_;

    std::unique_ptr<Generation> now_; // [main], as are all below
    std::list<std::shared_ptr<Old>> old_;
    std::deque<std::shared_ptr<Making>> makings_; // the first is with the maker
    std::deque<std::shared_ptr<const Making>> done_;
    std::list<std::shared_ptr<const Version>> versions_;
    Nanoseconds confirm_by_ = never;
    std::shared_ptr<const Version> unless_confirmed_; // comes back then
    std::uint64_t last_order_ = 0;
    bool draining_ = false;
    bool held_ = false;
    Jobs undertaker_{"undertaker"};
    Jobs maker_{"maker"}; // last: it goes first
};

} // namespace gatehouse::host
