// What /proc says of a process.
#pragma once

#include <chrono>
#include <cstdint>
#include <sys/types.h>

namespace gatehouse::support {

std::uint64_t resident_kib(pid_t pid);         // VmRSS
unsigned threads(pid_t pid);                   // how many it has
unsigned descriptors(pid_t pid);               // how many are open
std::uint64_t voluntary_switches(pid_t pid);   // of all its threads: how often one of them has gone to sleep
std::chrono::milliseconds cpu_time(pid_t pid); // user and system time of the whole process

} // namespace gatehouse::support
