#include "threads/crash_report.hpp"

#include <array>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <sys/prctl.h>
#include <unistd.h>

namespace gatehouse::host {
namespace {

// Runs in a signal handler: system calls only. Threads carry the name of their pool.
void report(int signal) {
    std::array<char, 16> thread{};
    ::prctl(PR_GET_NAME, thread.data());
    std::array<char, 256> text{};
    std::size_t size = 0;
    const char* name = signal == SIGABRT   ? "SIGABRT"
                       : signal == SIGSEGV ? "SIGSEGV"
                       : signal == SIGBUS  ? "SIGBUS"
                       : signal == SIGFPE  ? "SIGFPE"
                                           : "SIGILL";
    for (const char* part : {"gatehouse: crashed by ", name, " in thread \"", static_cast<const char*>(thread.data()),
                             ("\" (a pool thread has the name of its listener, or of the plugin if the pool is shared: look at "
                              "that plugin first)\n")}) {
        const std::size_t length = std::strlen(part);
        std::memcpy(text.data() + size, part, length);
        size += length;
    }
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), size);
    ::raise(signal); // SA_RESETHAND has put the default back
}

} // namespace

void install_crash_report() {
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
        struct sigaction old{};
        if (::sigaction(signal, nullptr, &old) != 0 || old.sa_handler != SIG_DFL) continue;
        struct sigaction action{};
        action.sa_handler = report;
        action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER | SA_ONSTACK);
        ::sigaction(signal, &action, nullptr);
    }
}

void prepare_thread_for_crash_report() noexcept {
    // A sanitizer gives its threads stacks that it wants to find again when they end.
    stack_t old{};
    if (::sigaltstack(nullptr, &old) != 0 || (old.ss_flags & SS_DISABLE) == 0) return;
    // Part of the thread's own mapping, and only touched when it is needed.
    thread_local std::array<std::byte, 16384> space; // NOLINT(misc-use-internal-linkage): it has none
    const stack_t stack{space.data(), 0, space.size()};
    ::sigaltstack(&stack, nullptr);
}

} // namespace gatehouse::host
