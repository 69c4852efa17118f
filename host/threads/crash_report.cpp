#include "threads/crash_report.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <memory>
#include <sys/prctl.h>
#include <unistd.h>

namespace gatehouse::host {
namespace {

thread_local const char* plugin_now = nullptr; // whose hook runs in this thread; null: none that is told
thread_local const char* hook_now = nullptr;

std::array<std::atomic<const char*>, 256> paths{}; // to be removed. They stay as long as the process
std::atomic<std::size_t> path_count{0};

void remove_paths() noexcept {
    for (std::size_t i = path_count.load(); i > 0; --i)
        if (const char* const path = paths[i - 1].load(); path != nullptr && ::unlink(path) != 0) ::rmdir(path);
}

// A text of pieces that fits into one write.
class Line {
  public:
    void add(const char* piece) noexcept {
        const std::size_t length = std::min(std::strlen(piece), text_.size() - size_);
        std::memcpy(text_.data() + size_, piece, length);
        size_ += length;
    }
    void write() const noexcept { [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text_.data(), size_); }

  private:
    std::array<char, 4096> text_; // not initialised: only what was added is written
    std::size_t size_ = 0;
};

// Runs in a signal handler: system calls only. Threads carry the name of their pool.
void report(int signal) {
    std::array<char, 16> thread{};
    ::prctl(PR_GET_NAME, thread.data());
    const char* name = signal == SIGABRT   ? "SIGABRT"
                       : signal == SIGSEGV ? "SIGSEGV"
                       : signal == SIGBUS  ? "SIGBUS"
                       : signal == SIGFPE  ? "SIGFPE"
                                           : "SIGILL";
    Line line;
    line.add("gatehouse: ");
    if (plugin_now != nullptr) {
        for (const char* piece : {plugin_now, " crashed in ", hook_now, " by ", name, "\n"}) line.add(piece);
    } else {
        for (const char* piece : {"crashed by ", name, " in thread \"", static_cast<const char*>(thread.data()),
                                  ("\" (a pool thread has the name of its listener, or of the plugin if the pool is shared: "
                                   "look at that plugin first)\n")})
            line.add(piece);
    }
    line.write();
    remove_paths();
    ::raise(signal); // SA_RESETHAND has put the default back
}

} // namespace

void install_crash_report() {
    prepare_thread_for_crash_report();
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
        struct sigaction old{};
        if (::sigaction(signal, nullptr, &old) != 0 || old.sa_handler != SIG_DFL) continue;
        struct sigaction action{};
        action.sa_handler = report;
        action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER | SA_ONSTACK);
        ::sigaction(signal, &action, nullptr);
    }
}

RunningHook::RunningHook(const char* plugin, const char* hook) noexcept {
    plugin_now = plugin;
    hook_now = hook;
}

RunningHook::~RunningHook() { plugin_now = hook_now = nullptr; }

void remove_at_crash(const std::string& path) {
    const std::size_t i = path_count.load();
    if (i == paths.size()) return;
    auto kept = std::make_unique<char[]>(path.size() + 1);
    std::memcpy(kept.get(), path.c_str(), path.size() + 1);
    paths[i].store(kept.release());
    path_count.store(i + 1);
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
