// Names to addresses for connections that do not wait. Those that ask for a name while it is being looked up share the answer.
#pragma once

#include "dns/lookup.hpp"
#include "dns/resolver.hpp"
#include "net/address.hpp"
#include "threads/background.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::host {

class Lookups {
  public:
    // `known` keeps the answers. `resolvers`: as in HostConfig. Throws std::runtime_error. [main]
    Lookups(Background& background, Resolver& known, const std::vector<std::string>& resolvers);
    ~Lookups(); // questions that are left are forgotten: Background::end() has been called

    // Calls `answered` once, with the addresses in the order in which to try them, or none and why; not at all if memory has
    // run out in between. It must not throw. False: no memory or thread for the question. [any]
    using Answered = std::function<void(Lookup status, const std::string& why, const std::vector<SocketAddress>& addresses)>;
    bool find(const Address& address, Answered answered) noexcept;

  private:
    class Desk;

    Background& background_; // constant after construction, as is the next
    const std::shared_ptr<Desk> desk_;
};

} // namespace gatehouse::host
