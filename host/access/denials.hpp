// Orders of an operator that deny networks while the host runs: `gatehouse deny`. They belong to the host, not to a
// configuration: a reload leaves them as they are, and they hold whatever the file allows.
//
// The main thread keeps the list, and an index by network that others look into. While there is no order, that is one load of
// an atomic; otherwise a look into a hash table for each length of a prefix that occurs, with a mutex held. The main thread
// holds it for as long as it takes to add an order to the index, or to take one away: however many there are.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "net/network.hpp"
#include "net/source_hash.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace gatehouse::host {

class Denials {
  public:
    static constexpr std::size_t most = 10'000; // orders

    struct Order {
        Network network;
        std::string listener;         // empty: at all of them
        std::string by;               // the user who has given it
        std::string reason;           // may be empty
        std::int64_t since = 0;       // milliseconds since 1970
        std::int64_t until = forever; // the same, for people
        Nanoseconds ends = never;     // when it ends by itself, by the monotonic clock
        static constexpr std::int64_t forever = 0;
    };
    enum class Added { added, replaced, too_many };

    explicit Denials(Log& log) noexcept : log_(log) {}

    // Whether there is any order. [any]
    bool any() const noexcept { return any_.load(std::memory_order_acquire); }

    // Whether an order denies the address at the listener: its network, and it counts as refused once more. Of several it is
    // the narrowest one, and of two for the same network the listener's own. Nothing as an address: in no network. [any]
    std::optional<Network> deny(std::string_view listener, const std::optional<IpAddress>& address) const noexcept;
    // The same, and it does not count. [any]
    std::optional<Network> denies(std::string_view listener, const std::optional<IpAddress>& address) const noexcept;

    // Holds from here on, in the place of the one for the same network and listener, if there is one: its count stays.
    // `refused`: how many it has refused already, in another process. Throws std::bad_alloc, and then nothing has changed.
    // [main]
    Added add(Order order, std::uint64_t refused = 0);

    // False: there is no such order. Throws std::bad_alloc, and then nothing has changed. [main]
    bool remove(const Network& network, const std::string& listener);

    // Ends those whose time is over. Returns when it wants to be asked again. [main]
    Nanoseconds supervise(Nanoseconds now) noexcept;

    // In the order of their networks; the visitor says whether to go on. May throw what it throws. [main]
    void look(const std::function<bool(const Order& order, std::uint64_t refused)>& visit) const;
    std::size_t size() const noexcept { return orders_.size(); } // [main]
    std::uint64_t changes() const noexcept { return changes_; }  // how often an order was given or removed. [main]

  private:
    struct Held {
        explicit Held(Order given) : order(std::move(given)) {}
        const Order order;
        std::atomic<std::uint64_t> refused{0};
    };
    using Orders = std::map<std::pair<Network, std::string>, std::unique_ptr<Held>>;

    struct NetworkHash {
        SourceHash of_address;
        std::size_t operator()(const Network& network) const noexcept { return of_address(network.address) + network.length; }
    };
    using AtListeners = std::map<std::string_view, Held*>; // views of the orders' own texts
    using Lengths = std::map<std::uint8_t, std::size_t, std::greater<>>;

    Held* find(std::string_view listener, const std::optional<IpAddress>& address) const noexcept GATEHOUSE_REQUIRES(mutex_);
    void index(Held& held);
    void forget(const Order& order) noexcept;
    void tell_ended(const Orders& ended) const;

    Log& log_;
    Orders orders_;                // [main]
    Nanoseconds next_end_ = never; // no order ends before. [main]
    std::uint64_t changes_ = 0;    // [main]
    std::atomic<bool> any_{false};
    mutable Mutex mutex_;
    std::unordered_map<Network, AtListeners, NetworkHash> index_ GATEHOUSE_GUARDED_BY(mutex_); // of `orders_`
    std::array<Lengths, 2> lengths_ GATEHOUSE_GUARDED_BY(mutex_); // how many networks of each are in it: of IPv4, of IPv6
};

// "192.0.2.0/24", or "192.0.2.0/24 at web". May throw std::bad_alloc. [any]
std::string to_string(const Denials::Order& order);

} // namespace gatehouse::host
