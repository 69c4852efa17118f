// Orders of an operator that hold beside the configuration until they end or are removed: other limits of a listener, its
// drain, and another level of the log. They belong to the host: a reload leaves them as they are. Those that deny networks are
// Denials.
#pragma once

#include "access/live_limits.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <string_view>

namespace gatehouse::host {

inline constexpr std::string_view level_key = "log.level";
inline constexpr std::string_view drain_key = "drain";

class LiveOrders {
  public:
    static constexpr std::size_t most = 1000;

    struct Order {
        std::uint64_t number = 0; // given by add(), if it is 0
        std::string key;          // one of LiveLimits::names, level_key or drain_key
        std::string value;        // a number, the name of a level, or the time for connections to end: "5m"
        std::string listener;     // of a limit or a drain; records about this one, if it is about the log; empty: all
        std::string source;       // a network: records about clients from there; empty: all
        std::string by;
        std::string reason;           // may be empty
        std::int64_t since = 0;       // milliseconds since 1970
        std::int64_t until = forever; // the same, for people
        Nanoseconds ends = never;
        static constexpr std::int64_t forever = 0;
    };
    enum class Added { added, replaced, too_many, wrong };

    explicit LiveOrders(Log& log) noexcept : log_(log) {}

    // Of a listener of that name. They stay where they are. Throws std::bad_alloc. [any]
    LiveLimits& limits_of(const std::string& listener);

    // Holds from here on, in the place of the one for the same limit or drain of the listener, or for the log. `wrong`: the
    // value or the network is none. Throws std::bad_alloc, and then nothing has changed. [main]
    Added add(Order order);
    // Nothing: there is none of that number. [main]
    std::optional<Order> remove(std::uint64_t number);

    // Ends those whose time is over. Returns when it wants to be asked again: at once if a drain has begun or ended, so that
    // the listeners follow before that. [main]
    Nanoseconds supervise(Nanoseconds now) noexcept;
    bool is_followed() const noexcept { return !drains_changed_; } // all drains, by the listeners. [main]

    const std::list<Order>& all() const noexcept { return orders_; }                     // [main]
    const Order* find(std::string_view key, const std::string& listener) const noexcept; // or null. [main]
    std::size_t count(std::string_view key) const noexcept;                              // of this key. [main]
    std::uint64_t changes() const noexcept { return changes_; } // how often one was given or removed. [main]

  private:
    bool apply(const Order& order);
    void take_back(const Order& order) noexcept;

    Log& log_;
    std::list<Order> orders_; // [main], as are the next three
    std::uint64_t last_ = 0;
    std::uint64_t changes_ = 0;
    bool drains_changed_ = false;
    Mutex mutex_;
    std::map<std::string, LiveLimits, std::less<>> limits_ GATEHOUSE_GUARDED_BY(mutex_); // entries are never removed
};

// The levels' names, in the order of LogLevel.
inline constexpr std::array<std::string_view, 4> level_names{"debug", "info", "warning", "error"};

// "web rate.connections = 5", "drain of web", "log.level = debug of web from 192.0.2.0/24". May throw std::bad_alloc. [any]
std::string to_string(const LiveOrders::Order& order);

} // namespace gatehouse::host
