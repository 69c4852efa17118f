// Watched names: what stands behind the extension gatehouse.discovery/1.
//
// Each watch asks for its name when the shortest time to live of the last answer is over, between 1 and 60 seconds. An answer
// out of /etc/hosts, which has no such time, counts as 60 seconds. A name that cannot be resolved is asked for again after 1,
// 2, 4, ... and then each 30 seconds.
//
// A part that cannot be resolved for the moment keeps its last answer: the addresses of one target of an SRV record, or the
// IPv6 addresses of a host whose IPv4 ones are known. What the name server says does not exist is gone at once.
#pragma once

#include "base/mutex.hpp"
#include "dns/async_resolver.hpp"
#include "threads/background.hpp"

#include <gatehouse/ext/discovery.h>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::host {

class Discovery {
  public:
    // `resolvers`: as in HostConfig. `second`: how long a second of the times to live and of the pauses lasts; tests have no
    // time for whole ones. Throws std::runtime_error. [main]
    Discovery(Background& background, const std::vector<std::string>& resolvers, Nanoseconds second = 1'000'000'000);
    ~Discovery(); // no watch is left but those that a plugin has forgotten; they rest

    Background& background() noexcept { return background_; }
    Nanoseconds second() const noexcept { return second_; }

    // What all watches ask; null: the background thread could not be started. [any]
    std::shared_ptr<Names> names() noexcept;

  private:
    Background& background_; // constant after construction, as are the next two
    const Nanoseconds second_;
    const std::shared_ptr<Names> names_;
    Mutex mutex_;
    bool started_ GATEHOUSE_GUARDED_BY(mutex_) = false;
};

extern const gatehouse_discovery_v1 discovery_table;

} // namespace gatehouse::host
