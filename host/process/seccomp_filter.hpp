// The optional seccomp filter: system calls that no server needs, and an attacker does.
//
// It is a list of what is denied, not of what is allowed. Plugins run in this process, any author may write one, and what libc
// and a plugin's libraries call changes from version to version: a list of allowed calls would break them in production, at
// their first unusual path, and would be switched off. What is denied is what takes a break-in further: starting programs,
// looking into other processes, mounting, kernel modules, namespaces, BPF, keyrings, and interfaces of the kernel with a long
// record of holes. As a list of denied calls it costs nothing for the others: the kernel remembers which are always allowed.
#pragma once

#include "config/config.hpp"

namespace gatehouse::host {

// For every thread, present and future, for ever. `mode` is on (a denied call fails with EPERM) or kill (it ends the process by
// SIGSYS). clone3() says ENOSYS, so that libc uses clone(), whose flags a filter can see. Returns 0 or an errno. [main]
int install_seccomp_filter(Seccomp mode) noexcept;

} // namespace gatehouse::host
