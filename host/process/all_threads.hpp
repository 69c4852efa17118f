// A function run in every thread of the process.
//
// Credentials belong to a thread, and of the calls that change them libc carries only set*id() and setgroups() to all threads.
// For the others (capset, prctl) the host interrupts each thread in turn by a signal, whose handler runs the function.
// Libraries like to block all signals in their threads, so it is the signal that libc never lets them block, since libc uses it
// for the same purpose. A thread that starts in between inherits the state of its creator; the host asks for new threads until
// there are none, which closes the gap.
#pragma once

namespace gatehouse::host {

// Async-signal-safe: system calls only. Returns 0 or an errno.
using ThreadAction = int (*)(const void* argument) noexcept;

// Throws std::system_error if the function has failed in a thread, and std::runtime_error if a thread could not be reached
// because it blocks even that signal. The caller's own thread comes first. [main]
void in_every_thread(ThreadAction action, const void* argument);

} // namespace gatehouse::host
