#include "injection.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string_view>

namespace gatehouse::support {
namespace {

namespace fs = std::filesystem;

bool traced(pid_t process) {
    for (const auto& task : fs::directory_iterator("/proc/" + std::to_string(process) + "/task"))
        if (read_file(task.path() / "status").find("TracerPid:\t0\n") != std::string::npos) return false;
    return true;
}

} // namespace

std::string Injection::impossible() {
    if (!sanitizer().empty()) return "not under the sanitizers, whose own system calls would fail as well";
    try {
        const Result result = run({"strace", "-qq", "-o", "/dev/null", "-e", "inject=getppid:error=EPERM", "true"});
        return result.status == 0 ? "" : "strace cannot be used here: " + result.err;
    } catch (const std::runtime_error& error) { // it is not there
        return error.what();
    }
}

Injection::Injection(const Gatehouse& host, const std::string& what)
    : strace_({"strace", "-f", "-qq", "-o", folder_ / "trace", "-e", "trace=" + what.substr(0, what.find(':')), "-e",
               "inject=" + what, "-p", std::to_string(host.pid())}) {
    eventually("strace to attach", [&] { return traced(host.pid()); });
}

void Injection::detach() {
    if (strace_.ended()) return;
    strace_.signal(SIGINT);
    strace_.wait();
}

std::size_t Injection::count() const {
    const std::string trace = read_file(folder_ / "trace");
    std::size_t count = 0;
    for (std::size_t at = trace.find("(INJECTED)"); at != std::string::npos; at = trace.find("(INJECTED)", at + 1)) ++count;
    return count;
}

int next_fault(int n) {
    const char* const which = std::getenv("GATEHOUSE_FAULTS");
    return which != nullptr && std::string_view(which) == "all" ? n + 1 : 2 * n;
}

} // namespace gatehouse::support
