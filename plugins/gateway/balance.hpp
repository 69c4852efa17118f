// Choosing a server: the methods of balancing, over plain numbers.
//
// Servers have a rank: those of the lowest rank that has a usable server take all connections, the others are their backups.
// One that is usable and full keeps its rank in use, so its clients wait instead of going to a backup.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace gateway {

enum class Method {
    round_robin,       // smooth weighted round robin: a b a c a, not a a a b c
    least_connections, // the fewest connections for its weight; in turn where that is equal
    source,            // by the client's address: rendezvous hashing, so that one of N servers going moves 1/N of the clients
    random,            // two at random by weight, and of those the one with fewer connections for its weight
};

// What balancing knows of a server. Kept side by side in one array, since every choice looks at all of them.
struct Slot {
    static constexpr std::uint32_t unlimited = std::numeric_limits<std::uint32_t>::max();
    static constexpr std::uint32_t one = 256; // a weight of 1: slow start needs fractions

    std::uint64_t identity = 0; // what makes it this server, hashed; two with the same are the same to a client
    std::int64_t current = 0;   // of smooth weighted round robin
    std::uint32_t weight = one; // at least 1
    std::uint32_t connections = 0;
    std::uint32_t limit = unlimited; // of connections
    std::uint32_t rank = 0;
    bool usable = true; // may have new connections
};

// For identities and clients' keys; the same in every run and on every machine, so that gateways side by side agree.
std::uint64_t hash_of(std::string_view text) noexcept;

// The caller's lock is this object's.
class Balancer {
  public:
    explicit Balancer(Method method, std::uint64_t seed = 1) noexcept : method_(method), random_(seed | 1U) {}

    struct Choice {
        enum Kind { chosen, full, none };
        Kind kind;
        std::size_t index; // in the array, if chosen
    };

    // Chooses for a client with this key, which has tried the servers with these identities in vain. `full`: some are usable,
    // and have no room. `none`: not one is usable.
    Choice choose(std::span<Slot> slots, std::uint64_t key, std::span<const std::uint64_t> tried) noexcept;

  private:
    template <class Candidate>
    std::size_t pick(std::span<Slot> slots, std::uint64_t key, Candidate candidate) noexcept;
    template <class Candidate>
    std::size_t two_at_random(std::span<const Slot> slots, Candidate candidate) noexcept;
    std::uint64_t random(std::uint64_t below) noexcept;

    const Method method_;
    std::uint64_t random_;
    std::size_t turn_ = 0; // where the search for the fewest connections starts
};

} // namespace gateway
