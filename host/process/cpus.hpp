// How many CPUs this process may use.
#pragma once

#include <filesystem>

namespace gatehouse::host {

// The CPUs of the process' affinity mask, or fewer if the CPU quota of its cgroup, or of one above it, is less: cpu.max of
// cgroup v2, cpu.cfs_quota_us of v1. A quota of 1.5 CPUs counts as 2. At least 1. `root` is the root of the file system, for
// tests: proc/self/cgroup and sys/fs/cgroup are read below it, and what cannot be read there sets no limit.
unsigned usable_cpus(const std::filesystem::path& root = "/");

} // namespace gatehouse::host
