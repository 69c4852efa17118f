// The last words of a host that a plugin has crashed.
#pragma once

#include <string>

namespace gatehouse::host {

// On SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT: says on standard error in which hook or in which listener's thread it
// happened, removes what is to be removed, then dies of the signal as usual. Signals that already have a handler (of a
// sanitizer) are left alone. The calling thread is prepared as below. [main]
void install_crash_report();

// Says of the calling thread, as long as this object lives, which plugin's hook runs in it: "create()". Both texts outlive it.
class RunningHook {
  public:
    RunningHook(const char* plugin, const char* hook) noexcept;
    ~RunningHook();
    RunningHook(const RunningHook&) = delete;
    RunningHook& operator=(const RunningHook&) = delete;
};

// A file or an empty folder that a crash removes, the last one that was named first. Only the first 256 are; the next start
// finds the others. [main]
void remove_at_crash(const std::string& path);

// Gives the calling thread a stack of its own for the report: one that has overflowed is of no use any more.
void prepare_thread_for_crash_report() noexcept;

} // namespace gatehouse::host
