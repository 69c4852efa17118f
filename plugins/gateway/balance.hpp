// Choosing a server: the methods of balancing, over plain numbers.
//
// Each server has a rank. The servers of the lowest rank with a usable server take all connections; the others are their
// backups. A server that is usable but full keeps its rank in use, so its clients wait and do not go to a backup.
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
    source,            // by the client's address: rendezvous hashing, so if one of N servers goes, 1/N of the clients move
    random,            // two at random by weight, and of these the one with fewer connections for its weight
};

// What balancing knows about a server. The pool keeps all slots in one array, since every choice looks at all of them.
struct Slot {
    static constexpr std::uint32_t unlimited = std::numeric_limits<std::uint32_t>::max();
    static constexpr std::uint32_t one = 256; // a weight of 1: slow start needs fractions

    std::uint64_t identity = 0; // a hash of its address; to a client, servers with the same identity are the same
    std::int64_t current = 0;   // for smooth weighted round robin
    std::uint32_t weight = one; // at least 1
    std::uint32_t connections = 0;
    std::uint32_t limit = unlimited; // of connections
    std::uint32_t rank = 0;
    std::uint32_t per_source = unlimited; // of connections of one client's address
    bool usable = true;                   // takes new connections
};

// How many connections a client's address has to the servers with this identity.
struct Held {
    std::uint64_t identity;
    std::uint32_t connections;
};

// For identities and clients' keys. The same in every run and on every machine, so that several gateways agree.
std::uint64_t hash_of(std::string_view text) noexcept;

// The caller's lock guards it.
class Balancer {
  public:
    explicit Balancer(Method method, std::uint64_t seed = 1) noexcept : method_(method), random_(seed | 1U) {}

    struct Choice {
        enum Kind { chosen, full, source_full, none };
        Kind kind;
        std::size_t index; // in the array, if chosen
    };

    // Chooses for a client with this key, which has tried the servers with these identities in vain, and whose address holds
    // these connections. `full`: some servers are usable, but have no room for anybody. `source_full`: those with room have
    // none for this address, and a client that waited for them would hold up the others. `none`: no server is usable.
    Choice choose(std::span<Slot> slots, std::uint64_t key, std::span<const std::uint64_t> tried,
                  std::span<const Held> held = {}) noexcept;

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
