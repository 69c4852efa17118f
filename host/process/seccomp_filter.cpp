#include "process/seccomp_filter.hpp"

#include <cerrno>
#include <memory>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>

namespace gatehouse::host {
namespace {

constexpr const char* denied[] = {
    // other programs
    "execve", "execveat", "uselib",
    // other processes, and this one from outside
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp", "perf_event_open",
    "lookup_dcookie",
    // the file system's shape
    "mount", "umount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick",
    "mount_setattr", "swapon", "swapoff", "quotactl", "quotactl_fd", "open_by_handle_at", "fanotify_init",
    // namespaces; clone() is below
    "unshare", "setns",
    // the kernel itself
    "init_module", "finit_module", "delete_module", "create_module", "kexec_load", "kexec_file_load", "reboot", "bpf",
    "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "syslog", "acct", "iopl", "ioperm", "modify_ldt",
    "vm86", "vm86old", "nfsservctl", "_sysctl", "personality",
    // keyrings
    "keyctl", "add_key", "request_key",
    // the machine's clock and names
    "settimeofday", "stime", "clock_settime", "clock_settime64", "clock_adjtime", "clock_adjtime64", "adjtimex", "sethostname",
    "setdomainname", "vhangup"};

constexpr unsigned new_namespaces[] = {CLONE_NEWNS,  CLONE_NEWUTS, CLONE_NEWIPC,   CLONE_NEWUSER,
                                       CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP};

#if defined(__s390__)
constexpr unsigned clone_flags = 1; // the argument's number
#else
constexpr unsigned clone_flags = 0;
#endif

// Every step returns 0 or a negative errno.
int build(scmp_filter_ctx filter, std::uint32_t action) {
    int status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    // The calls of another instruction set have other numbers; by default only the thread would be killed, with its locks.
    if (status == 0) status = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    const auto deny = [&](std::uint32_t answer, int call, auto... conditions) {
        if (status != 0 || call == __NR_SCMP_ERROR) return; // a call that this libseccomp does not know
        status = seccomp_rule_add(filter, answer, call, sizeof...(conditions), conditions...);
    };
    // SCMP_CMP() is C, not C++.
    const auto masked = [](unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
        return scmp_arg_cmp{argument, SCMP_CMP_MASKED_EQ, mask, value};
    };
    for (const char* name : denied) deny(action, seccomp_syscall_resolve_name(name));
    for (const unsigned flag : new_namespaces) deny(action, SCMP_SYS(clone), masked(clone_flags, flag, flag));
    deny(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));
    // They type into the terminal that the host was started from.
    deny(action, SCMP_SYS(ioctl), masked(1, 0xffffffff, TIOCSTI));
    deny(action, SCMP_SYS(ioctl), masked(1, 0xffffffff, TIOCLINUX));
    return status != 0 ? status : seccomp_load(filter);
}

} // namespace

int install_seccomp_filter(Seccomp mode) noexcept {
    const std::unique_ptr<void, decltype(&::seccomp_release)> filter(seccomp_init(SCMP_ACT_ALLOW), ::seccomp_release);
    if (!filter) return ENOMEM;
    return -build(filter.get(), mode == Seccomp::kill ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM));
}

} // namespace gatehouse::host
