// What a process sets for itself before it starts a thread.
#pragma once

#include <csignal>

namespace gatehouse::host {

// Blocks `signals`, which the host reads from a descriptor later, ignores SIGPIPE, and raises the soft limit on descriptors to
// the hard one. Threads inherit it, so this comes before any is started. What the kernel refuses stays as it was. [main]
void prepare_process(const sigset_t& signals) noexcept;

} // namespace gatehouse::host
