// IP addresses, networks of them, and tables that find the narrowest network that an address is in.
//
// IPv4 and IPv6 are kept apart: "0.0.0.0/0" has every IPv4 address and no IPv6 one, "::/0" the other way round. An IPv4-mapped
// IPv6 address (RFC 4291, section 2.5.5.2), which is how a socket for both families names its IPv4 peers, is an IPv4 address.
#pragma once

#include "net/address.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

// An address without a port; the zone of a link-local one is ignored.
struct IpAddress {
    bool v6 = false;
    std::uint64_t high = 0; // the first 64 bits, in host order; of IPv4, the 32 upper ones
    std::uint64_t low = 0;  // the last 64 bits; 0 for IPv4

    auto operator<=>(const IpAddress&) const = default;
};

// Nothing for other families, such as unix sockets.
std::optional<IpAddress> ip_address(const SocketAddress& address) noexcept;

// "192.0.2.1" or "2001:db8::1", without brackets; nothing if it is neither.
std::optional<IpAddress> parse_ip_address(std::string_view text) noexcept;

std::string to_string(const IpAddress& address);

// The address with all but its first `length` bits cleared.
IpAddress masked(const IpAddress& address, unsigned length) noexcept;

struct Network {
    IpAddress address;       // without bits beyond the length
    std::uint8_t length = 0; // 0 to 32, or to 128 for IPv6

    auto operator<=>(const Network&) const = default;

    bool contains(const IpAddress& other) const noexcept { return other.v6 == address.v6 && masked(other, length) == address; }
    bool contains(const Network& other) const noexcept { return other.length >= length && contains(other.address); }
};

// "10.0.0.0/8", "2001:db8::/32", "::ffff:10.0.0.0/104" (which is 10.0.0.0/8), or a bare address, which is a network of one. On
// failure nothing, and `error` says what is wrong and what was expected; for set bits beyond the length it names the network
// that was meant.
std::optional<Network> parse_network(std::string_view text, std::string& error);

// The form that parse_network() takes; a network of one as the bare address.
std::string to_string(const Network& network);

// Networks, each with a small number of the owner's. Cheap to look up in (a binary search over the borders of the networks:
// well below a microsecond with 10,000 of them), never changed after it was made, and so shared without a lock. [any]
class NetworkTable {
  public:
    struct Entry {
        Network network;
        std::uint32_t value = 0;
    };

    NetworkTable() = default;
    // Values are below 2^32 - 1. Of several entries for one network the first counts.
    explicit NetworkTable(std::vector<Entry> entries);

    // The value of the narrowest network with this address; nothing if there is none.
    std::optional<std::uint32_t> find(const IpAddress& address) const noexcept;

    // The values that some address has, each once, in order: without those whose networks are covered by narrower ones.
    std::vector<std::uint32_t> values() const;

    bool empty() const noexcept { return v4_.starts.empty() && v6_.starts.empty(); }

  private:
    struct Wide {
        std::uint64_t high;
        std::uint64_t low;
        auto operator<=>(const Wide&) const = default;
    };

    // The address space, cut where a network begins or ends: piece i goes from starts[i] to just before starts[i + 1], and its
    // value is that of the narrowest network around it. What is before starts[0] is in no network.
    template <class Key>
    struct Pieces {
        std::vector<Key> starts;
        std::vector<std::uint32_t> values;

        std::optional<std::uint32_t> find(const Key& key) const noexcept;
    };

    template <class Key, class KeyOf>
    static void cut(const std::vector<Entry>& entries, bool v6, KeyOf key_of, Pieces<Key>& pieces);

    Pieces<std::uint32_t> v4_; // constant after construction
    Pieces<Wide> v6_;
};

} // namespace gatehouse::host
