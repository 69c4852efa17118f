#include "injection.hpp"

#include <csignal>
#include <cstring>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gatehouse::testing {
namespace {

namespace fs = std::filesystem;

bool traced(pid_t process) {
    for (const auto& task : fs::directory_iterator("/proc/" + std::to_string(process) + "/task"))
        if (read_file(task.path() / "status").find("TracerPid:\t0\n") != std::string::npos) return false;
    return true;
}

} // namespace

std::string Injection::impossible() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return "not under the sanitizers, whose own system calls would fail as well";
#else
    const Outcome outcome = run({"strace", "-qq", "-o", "/dev/null", "-e", "inject=getppid:error=EPERM", "true"});
    if (outcome.status == 127) return "strace is not installed";
    return outcome.status == 0 ? "" : "strace cannot be used here: " + outcome.errors;
#endif
}

Injection::Injection(const RunningHost& host, const std::string& what)
    : strace_(start({"strace", "-f", "-qq", "-o", (folder_.path() / "trace").string(), "-e",
                     "trace=" + what.substr(0, what.find(':')), "-e", "inject=" + what, "-p", std::to_string(host.pid())})) {
    EXPECT_TRUE(eventually([&] { return traced(host.pid()); })) << "strace did not attach";
}

void Injection::detach() {
    if (strace_.pid <= 0) return;
    ::kill(strace_.pid, SIGINT);
    ::waitpid(strace_.pid, nullptr, 0);
    ::close(strace_.out);
    ::close(strace_.err);
    strace_.pid = 0;
}

std::size_t Injection::count() const {
    const std::string trace = read_file(folder_.path() / "trace");
    std::size_t count = 0;
    for (std::size_t at = trace.find("(INJECTED)"); at != std::string::npos; at = trace.find("(INJECTED)", at + 1)) ++count;
    return count;
}

} // namespace gatehouse::testing
