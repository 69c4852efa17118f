// What /proc says of a process.
#pragma once

#include <chrono>
#include <cstdint>
#include <sys/types.h>

namespace gatehouse::support {

std::uint64_t resident_kib(pid_t pid);         // VmRSS
std::uint64_t mapped_kib(pid_t pid);           // VmSize: what a limit of RLIMIT_AS counts
unsigned threads(pid_t pid);                   // how many it has
unsigned descriptors(pid_t pid);               // how many are open
std::uint64_t voluntary_switches(pid_t pid);   // of all its threads: how often one of them has gone to sleep
std::chrono::milliseconds cpu_time(pid_t pid); // user and system time of the whole process

// Watches the process for this long. True: no thread of it was running or waiting for a CPU at the beginning and at the end,
// and all of them together have used less than half a CPU in between. A thread that spins is seen on a busy machine too: while
// it waits for a CPU, it is ready to run. Throws if there is no such process.
bool is_quiet(pid_t pid, std::chrono::milliseconds watched = std::chrono::milliseconds(5));

} // namespace gatehouse::support
