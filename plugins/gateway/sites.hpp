// Pools that are made with the first client for an address, and go when they have been without one for long.
#pragma once

#include "discovery.hpp"
#include "pool.hpp"
#include "settings.hpp"

#include <gatehouse/background.hpp>

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gateway {

// A pool at work, with what finds and checks its servers.
struct Site {
    // `settings` outlive it. `rows`: as Pool has them. Throws std::runtime_error if the host cannot watch a name. [any]
    Site(const gatehouse::Init& init, const Settings& settings, std::vector<Source> from, std::vector<ServerRow> rows = {});

    const std::vector<Source> sources;
    Pool pool;
    Discovery discovery;

    // These are guarded by the lock of Sites.
    std::size_t clients = 0;
    Clock::time_point idle_since;
    std::list<Site*>::iterator idle; // its place, while there is no client
    std::string_view name;           // the key under which Sites has it
};

class Sites {
  public:
    // Both outlive it. [main]
    Sites(const gatehouse::Init& init, const Settings& settings);

    // The pool for a client: `asked` is the value of its route, or the name that it asks for. Null: `why` says why there is
    // none. The client counts until leave(). [any]
    Site* enter(std::string_view asked, Clock::time_point now, std::string& why);
    void leave(Site& site, Clock::time_point now);

    // Calls visit(name, pool) for all, by their names. [any]
    void each(const std::function<void(std::string_view name, Pool& pool)>& visit);

  private:
    using ByName = std::map<std::string, std::unique_ptr<Site>, std::less<>>;

    std::string normal(std::string_view what) const;
    std::vector<Source> sources_of(std::string_view what, std::string& why) const;
    ByName::node_type make_room(std::string& why);
    void sweep();

    const gatehouse::Init init_; // constant after construction
    const Settings& settings_;
    std::mutex mutex_; // guards the next two
    ByName sites_;
    std::list<Site*> idle_;  // those without a client, the longest first
    gatehouse::Timer timer_; // last: its callback uses the others
};

} // namespace gateway
