// How many connections each client's address has to each server, where a server has a limit for that.
//
// An address is remembered as long as a client of it is in the pool, so there are never more of them than clients. IPv6
// addresses count by their /64, which one machine may have as a whole. The pool's lock guards it.
#pragma once

#include "balance.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gateway {

class Callers {
  public:
    struct Caller {
        std::uint32_t clients = 0;
        std::vector<Held> held; // without servers to which it has no connection
    };
    using Entry = std::map<std::string, Caller>::value_type;

    // A client has come; the entry is valid until it leaves. `caller`: as caller_of() says it.
    Entry* enter(std::string caller);
    void leave(Entry* entry) noexcept;

    static void take(Entry& entry, std::uint64_t server);
    static void give_back(Entry& entry, std::uint64_t server) noexcept;

    std::size_t size() const noexcept { return callers_.size(); }

  private:
    std::map<std::string, Caller> callers_; // no hash table: the clients choose their addresses
};

// What counts as one: "192.0.2.1", or "2001:db8:0:1::/64". `address`: without a port.
std::string caller_of(std::string_view address);

} // namespace gateway
