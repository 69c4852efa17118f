// What the operator has ordered while the gateway runs. A pool's orders are one value: who has it, and the servers that the
// configuration names, knows what each server is to do.
#pragma once

#include "server.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace gateway {

struct Order {
    enum class What : std::uint8_t { disable, drain, weight, limit, add, remove };

    What what = What::disable;
    std::string server;                      // its name, also if it does not exist at the moment
    std::uint32_t value = 0;                 // of weight and limit; a limit of 0 is none
    std::optional<ServerSpec> added;         // of add
    std::optional<Clock::time_point> cut_at; // of drain: when the pool cuts the connections that are left
    std::optional<Clock::time_point> until;  // none: it has no end
    std::string reason;                      // the operator's; may be empty
    Clock::time_point since;
    std::uint32_t number = 0; // tells it from all others of the pool, earlier ones too
};

// The pool's lock guards it.
class Orders {
  public:
    static constexpr std::size_t most = 256;

    // Replaces an order about the same thing of the same server. Returns it with its number.
    const Order& give(Order order);
    // Each of these returns the orders that hold no longer.
    std::vector<Order> take_back(std::uint32_t number);
    std::vector<Order> enable(std::string_view server); // those that keep clients from it
    std::vector<Order> forget(std::string_view server); // those that have added it, or removed it for a time
    std::vector<Order> expire(Clock::time_point now);

    // Whether give() would replace one.
    bool replaces(const Order& order) const;
    std::unordered_set<std::string_view> removed() const; // names of servers; valid until the next change
    Directions of(std::string_view server) const;
    const Order* find(Order::What what, std::string_view server) const;
    // When the next order expires or a drain's time is over.
    std::optional<Clock::time_point> next(Clock::time_point now) const;
    const std::vector<Order>& list() const noexcept { return list_; }

  private:
    template <class Ended>
    std::vector<Order> end(Ended ended);

    std::vector<Order> list_;
    std::uint32_t last_number_ = 0;
};

// As the operator writes it: "drain", "weight", ...
std::string_view name_of(Order::What what) noexcept;

} // namespace gateway
