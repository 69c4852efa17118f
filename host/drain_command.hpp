// `drain`: the host is to leave, at once or after a while, as with SIGTERM; or one listener of it takes no newcomers, as long
// as an order says so.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "control/command.hpp"

namespace gatehouse::host {

class Generations;

// When the host begins to drain, and how long that may take.
struct DrainPlan {
    Nanoseconds at = never; // it goes on accepting until then
    Nanoseconds timeout = 0;
    bool has_begun = false;
    bool signalled = false; // SIGTERM or SIGINT has ordered it, or would have
};

// `drain` and `drain.state`. They change the plan, which outlives them. `generations`: as now() has it, the drain_timeout
// counts.
HostCommand drain_state_command(const DrainPlan& plan, const Generations& generations);
HostCommand drain_command(DrainPlan& plan, const Generations& generations, Log& log);

} // namespace gatehouse::host
