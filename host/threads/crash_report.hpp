// The last words of a host that a plugin has crashed.
#pragma once

namespace gatehouse::host {

// On SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT: says on standard error in which listener's thread it happened, then dies of
// the signal as usual. Signals that already have a handler (of a sanitizer) are left alone. [main]
void install_crash_report();

// Gives the calling thread a stack of its own for the report: one that has overflowed is of no use any more.
void prepare_thread_for_crash_report() noexcept;

} // namespace gatehouse::host
