#include "proc.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <time.h>
#include <unistd.h>

namespace gatehouse::support {
namespace {

namespace fs = std::filesystem;

std::string folder(pid_t pid) { return "/proc/" + std::to_string(pid); }

std::uint64_t status_number(const std::string& file, const std::string& key) {
    std::ifstream status(file);
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(key + ":")) return std::stoull(line.substr(key.size() + 1));
    throw std::runtime_error(file + " has no " + key);
}

// The state of each thread is the first field after the command's name, which is in brackets and may contain anything. "R":
// running, or waiting for a CPU. A thread that has ended meanwhile has no file.
bool any_ready(pid_t pid) {
    for (const auto& task : fs::directory_iterator(folder(pid) + "/task")) {
        std::ifstream file(task.path() / "stat");
        std::string line;
        if (!std::getline(file, line)) continue;
        const std::size_t bracket = line.rfind(") ");
        if (bracket != std::string::npos && line[bracket + 2] == 'R') return true;
    }
    return false;
}

// Exact, unlike what /proc says, which is counted in ticks.
std::chrono::nanoseconds exact_cpu_time(clockid_t clock) {
    timespec time{};
    if (::clock_gettime(clock, &time) != 0) throw std::runtime_error("a process has gone");
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

} // namespace

std::uint64_t resident_kib(pid_t pid) { return status_number(folder(pid) + "/status", "VmRSS"); }

std::uint64_t mapped_kib(pid_t pid) { return status_number(folder(pid) + "/status", "VmSize"); }

unsigned threads(pid_t pid) { return static_cast<unsigned>(status_number(folder(pid) + "/status", "Threads")); }

unsigned descriptors(pid_t pid) {
    return static_cast<unsigned>(std::distance(fs::directory_iterator(folder(pid) + "/fd"), fs::directory_iterator()));
}

std::uint64_t voluntary_switches(pid_t pid) {
    std::uint64_t sum = 0;
    for (const auto& task : fs::directory_iterator(folder(pid) + "/task"))
        sum += status_number(task.path() / "status", "voluntary_ctxt_switches");
    return sum;
}

std::chrono::milliseconds cpu_time(pid_t pid) {
    std::ifstream file(folder(pid) + "/stat");
    std::string line;
    std::getline(file, line);
    // The command's name, in brackets, may contain anything; utime and stime are the 12th and 13th fields after it.
    std::istringstream rest(line.substr(line.rfind(')') + 1));
    std::string skipped;
    for (int i = 0; i < 11; ++i) rest >> skipped;
    std::int64_t user = 0;
    std::int64_t system = 0;
    rest >> user >> system;
    return std::chrono::milliseconds((user + system) * 1000 / ::sysconf(_SC_CLK_TCK));
}

bool is_quiet(pid_t pid, std::chrono::milliseconds watched) {
    clockid_t clock{};
    if (::clock_getcpuclockid(pid, &clock) != 0) throw std::runtime_error("no process " + std::to_string(pid));
    if (any_ready(pid)) return false;
    const auto used = exact_cpu_time(clock);
    const auto begin = std::chrono::steady_clock::now();
    std::this_thread::sleep_for(watched);
    const bool idle = (exact_cpu_time(clock) - used) * 2 < std::chrono::steady_clock::now() - begin;
    return idle && !any_ready(pid);
}

} // namespace gatehouse::support
