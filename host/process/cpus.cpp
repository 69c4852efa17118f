#include "process/cpus.hpp"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <sched.h>
#include <sstream>
#include <string>
#include <string_view>

namespace gatehouse::host {
namespace {

constexpr unsigned no_limit = std::numeric_limits<unsigned>::max();

unsigned affinity() {
    cpu_set_t set;
    CPU_ZERO(&set);
    const int count = ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return static_cast<unsigned>(std::max(count, 1));
}

// Microseconds of CPU time in each period. Of "max" and -1 no number above zero is read: no limit.
unsigned cpus_of(std::istream& quota_text, std::istream& period_text) {
    std::int64_t quota = 0;
    std::int64_t period = 0;
    if (!(quota_text >> quota) || !(period_text >> period) || quota <= 0 || period <= 0) return no_limit;
    const std::int64_t cpus = quota / period + (quota % period != 0 ? 1 : 0);
    return static_cast<unsigned>(std::min<std::int64_t>(cpus, no_limit));
}

unsigned quota_v2(const std::filesystem::path& folder) {
    std::ifstream file(folder / "cpu.max"); // "max 100000" or "150000 100000"
    return cpus_of(file, file);
}

unsigned quota_v1(const std::filesystem::path& folder) {
    std::ifstream quota(folder / "cpu.cfs_quota_us");
    std::ifstream period(folder / "cpu.cfs_period_us");
    return cpus_of(quota, period);
}

// The smallest quota of the cgroup at `path` and of those above it. In a container the path may be the host's, and the mount
// may be the container's own cgroup: folders that are not there set no limit, and the mount itself is always looked at.
template <class Quota>
unsigned least_quota(const std::filesystem::path& mount, std::string_view path, Quota quota) {
    std::filesystem::path folder = mount;
    unsigned least = quota(folder);
    for (const std::filesystem::path& part : std::filesystem::path(path).relative_path()) {
        if (part == "..") return least; // it lies outside of the namespace's root, where nothing can be seen
        folder /= part;
        least = std::min(least, quota(folder));
    }
    return least;
}

} // namespace

unsigned usable_cpus(const std::filesystem::path& root) {
    unsigned least = affinity();
    const std::filesystem::path mounts = root / "sys/fs/cgroup";
    std::ifstream groups(root / "proc/self/cgroup"); // "0::/PATH" of v2, "4:cpu,cpuacct:/PATH" of v1
    for (std::string line; std::getline(groups, line);) {
        const std::size_t first = line.find(':');
        const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        const std::string_view path = std::string_view(line).substr(second + 1);
        if (controllers.empty()) {
            least = std::min(least, least_quota(mounts, path, quota_v2));
            continue;
        }
        std::istringstream list(controllers);
        for (std::string controller; std::getline(list, controller, ',');)
            if (controller == "cpu")
                for (const std::string& mount : {controller, controllers})
                    least = std::min(least, least_quota(mounts / mount, path, quota_v1));
    }
    return least;
}

} // namespace gatehouse::host
