// Names to addresses for a thread that waits: with a deadline and a small cache.
#pragma once

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "dns/lookup.hpp"
#include "net/address.hpp"
#include "threads/drain.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace gatehouse::host {

class Resolver {
  public:
    // `resolvers`: name servers as in HostConfig; empty: those of /etc/resolv.conf. Throws std::runtime_error.
    explicit Resolver(const std::vector<std::string>& resolvers = {});
    ~Resolver();

    // The addresses of `address`, which is numeric, a unix path or a name (IPv6 and IPv4, in the order of RFC 6724). Answers
    // are kept as long as their TTL says, between 1 and 60 seconds. Blocks, up to the deadline and the drain's. [any]
    // If there are none, `why` says why; if a fresh answer has more than most_addresses, it says that the rest is left out.
    // Throws std::bad_alloc.
    Lookup resolve(const Address& address, Nanoseconds deadline, const Drain& drain, std::vector<SocketAddress>& result,
                   std::string& why);

    // The addresses that are known without asking; empty: none are. Throws std::bad_alloc. [any]
    std::vector<SocketAddress> known(const Address& address);
    // Keeps an answer for `ttl` seconds, as resolve() does. Throws std::bad_alloc. [any]
    void keep(const Address& address, std::vector<SocketAddress> addresses, std::uint32_t ttl);

    static constexpr std::size_t most_addresses = 64; // of a name: each may be tried for one client
    static constexpr std::size_t most_answers = 1024; // that are kept

  private:
    struct Answer {
        std::vector<SocketAddress> addresses;
        Nanoseconds expires = 0;
    };

    const std::string resolvers_; // constant after construction
    Mutex mutex_;
    std::unordered_map<std::string, Answer> answers_ GATEHOUSE_GUARDED_BY(mutex_); // by "host:port"
};

// Name servers in one line, as c-ares takes them.
std::string resolver_list(const std::vector<std::string>& resolvers);

} // namespace gatehouse::host
