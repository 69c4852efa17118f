// How the kernel schedules the host's threads.
#pragma once

#include <cstdint>

namespace gatehouse::host {

enum class Scheduling : std::uint8_t {
    batch, // SCHED_BATCH: a thread that is woken does not preempt the one that woke it, so there are fewer context switches
    other, // SCHED_OTHER, as the process was started
};

// Sets it for the calling thread. Nothing happens if the kernel refuses: the thread then runs as it was. [any]
void set_scheduling(Scheduling scheduling) noexcept;

} // namespace gatehouse::host
