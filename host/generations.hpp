// The generations of a running host: the one that accepts, those before it, which serve their connections to the end, and one
// that is being made.
//
//            reload()                made                        no connection is left
//   Load ─────────────▶ (maker) ───────────────▶ now ──next one──▶ old ─────────────────────▶ (undertaker) ──▶ gone
//                          │ refused: nothing has changed           │ old_timeout is over
//                          ▼                                        ▼
//                       Outcome                                  drains
//
// What takes long is done on two threads besides the main one: the maker reads the file, creates and starts the plugins and
// binds; the undertaker joins threads and destroys. The main thread exchanges a pointer for each listener.
#pragma once

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

    // What has become of a reload.
    struct Outcome {
        enum class What { applied, same, refused };
        What what = What::refused;
        unsigned generation = 0; // that runs now
        std::string text;        // refused: everything that is wrong, a line each; else what waits for a restart, a line each
        Nanoseconds took = 0;
    };

    // `concluded` is called with the outcome of each reload; what has been applied accepts by then. [main]
    Generations(Endpoints& endpoints, const Standing& standing, std::function<void(const Outcome& outcome)> concluded)
        : endpoints_(endpoints), standing_(standing), concluded_(std::move(concluded)) {}

    // Makes the first one; the caller takes it through the steps of a start. Throws as Generation does. [main]
    void make_first(Config&& config) { now_ = std::make_unique<Generation>(std::move(config), standing_); }

    Generation& now() noexcept { return *now_; }
    const Generation& now() const noexcept { return *now_; }
    // Those that still serve, the newest first: the one that accepts, and the old ones. Throws std::bad_alloc. [main]
    std::vector<const Generation*> all() const;

    // Has another generation made, after those that were asked for before, and put to use. `by`: who wants it, for the log.
    // `of_file`: load() reads the file, so that one reload that has not begun does for all that are asked for meanwhile.
    // Returns the number of the reload; 0: too many are waiting, or the host drains. [main]
    std::uint64_t reload(const Load& load, const std::string& by, bool of_file) noexcept;
    // Nothing: it is not over. Of the last few reloads. [main]
    std::optional<Outcome> outcome(std::uint64_t reload) const;

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
        Nanoseconds deadline = never; // of its drain
        bool told = false;            // the log has the last status of its listeners that no longer are
        bool given = false;
        std::atomic<bool> gone{false};
    };
    // A reload, from the order to its outcome.
    struct Making {
        std::uint64_t number = 0;
        Load load;
        std::string by;
        bool of_file = false;
        Nanoseconds begun = 0;
        std::atomic<bool> made{false}; // the maker has done its part, which is the rest
        std::unique_ptr<Generation> next;
        std::list<std::shared_ptr<Old>> place_of_old; // for the generation before, of which no memory may be wanting then
        Outcome outcome;
    };

    void make_next() noexcept;
    void make(Making& making, Generation& before) noexcept;
    void conclude(Making& making) noexcept;
    void retire(std::list<std::shared_ptr<Old>>& place, std::unique_ptr<Generation> generation) noexcept;
    void bury(const std::shared_ptr<Old>& old) noexcept;
    void report_closed(const Generation& old) const noexcept;

    Endpoints& endpoints_; // constant after construction, as are the next two
    const Standing standing_;
    const std::function<void(const Outcome& outcome)> concluded_;

    std::unique_ptr<Generation> now_; // [main], as are all below
    std::list<std::shared_ptr<Old>> old_;
    std::deque<std::shared_ptr<Making>> makings_; // the first is with the maker
    std::deque<std::shared_ptr<const Making>> done_;
    std::uint64_t last_reload_ = 0;
    bool draining_ = false;
    Jobs undertaker_{"undertaker"};
    Jobs maker_{"reload"}; // last: it goes first
};

} // namespace gatehouse::host
