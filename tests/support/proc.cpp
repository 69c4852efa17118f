#include "proc.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
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

} // namespace

std::uint64_t resident_kib(pid_t pid) { return status_number(folder(pid) + "/status", "VmRSS"); }

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

} // namespace gatehouse::support
