// An answer that a thread makes, since it may take a while, and the main thread must not.
#pragma once

#include "control/command.hpp"
#include "threads/alarm.hpp"
#include "threads/jobs.hpp"

#include <functional>
#include <memory>

namespace gatehouse::host {

// `make` uses nothing that only the main thread may; what it throws for want of memory makes the answer say so. `alarm`
// outlives it. [main]
HostCommand::Answer late_answer(Jobs& jobs, Alarm& alarm, std::function<HostAnswer()> make);

} // namespace gatehouse::host
