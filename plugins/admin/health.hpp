// Whether the host is well, for those who decide by it: Kubernetes, a balancer in front, a person.
#pragma once

#include <gatehouse/host_view.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace admin {

struct Health {
    bool good = false;
    std::string text; // "ok", or what is not; `verbose`: each part in a line of its own
};

// `check`: "live", "startup", "ready", or "listener" with the listener's name. `table`: the host's "health". Nothing: there is
// no such check, or no such listener.
std::optional<Health> health(const gatehouse::HostTable& table, std::string_view check, std::string_view part, bool verbose);

// Whether one of the servers of a gateway is up, as its metrics say: `pool` is the instance. `metrics`: the host's table.
// Nothing: there is no such instance, or it has no servers of its own.
std::optional<Health> pool_health(const gatehouse::HostTable& metrics, std::string_view pool, bool verbose);

} // namespace admin
