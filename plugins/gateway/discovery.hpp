// Gives a pool the servers that its sources name: a configured address is one from the start, and the host watches the names.
// It also calls the pool when something is due there.
#pragma once

#include "checks.hpp"
#include "pool.hpp"
#include "settings.hpp"

#include <gatehouse/background.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace gateway {

// One server, at a numeric address or a unix socket.
ServerSpec spec_of(const Source& source);
// The servers behind a name. The endpoints' priorities become ranks, from 0 without gaps; the ranks of a backup come after all
// others.
std::vector<ServerSpec> specs_of(const Source& source, std::span<const gatehouse::Endpoint> endpoints);

class Discovery {
  public:
    // Throws std::runtime_error if the host cannot watch a name. The pool has as many sources. All but `init` outlive it. [any]
    Discovery(const gatehouse::Init& init, const Settings& settings, const std::vector<Source>& sources, Pool& pool);

    // Makes a change of the pool's servers or orders, and starts and stops their checks. What the function throws leaves this
    // one. [any]
    void change(const std::function<Pool::Changes()>& make);

  private:
    void found(std::size_t source, std::span<const gatehouse::Endpoint> endpoints, gatehouse::Status status,
               std::string_view why);
    bool is_allowed(std::string_view address) const;
    void refuse(std::size_t source, std::string_view address);
    void apply(std::size_t source, const std::vector<ServerSpec>& specs);
    void follow(const Pool::Changes& changes);
    void tend();

    const gatehouse::Init init_; // constant after construction
    const Settings& settings_;
    const std::vector<Source>& sources_;
    Pool& pool_;
    // Held over a change and what follows from it, so that a server that goes and comes has its check afterwards, and the timer
    // is set for what the pool has to do next.
    std::mutex changing_;
    Checks checks_;
    std::optional<gatehouse::Timer> timer_;                  // guarded by changing_; none: nothing has been due yet
    std::vector<std::unique_ptr<gatehouse::Watch>> watches_; // last: their callbacks use the others
};

} // namespace gateway
