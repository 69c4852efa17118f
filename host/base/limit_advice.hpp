// What to do when the machine, or a limit of this process, has no more of something.
#pragma once

#include <cerrno>
#include <string_view>

namespace gatehouse::host {

// For the errno of a system call that has asked for it; "" if it tells of no shortage.
constexpr std::string_view limit_advice(int error) noexcept {
    switch (error) {
    case EMFILE:
        return "raise the limit on open files (ulimit -n, LimitNOFILE=)";
    case ENFILE:
        return "raise the machine's limit on open files (sysctl fs.file-max)";
    case EAGAIN: // threads and processes
        return "raise the limit on threads and processes (ulimit -u, TasksMax=)";
    case ENOSPC: // entries of epoll sets
        return "raise the limit on watched descriptors (sysctl fs.epoll.max_user_watches)";
    case ENOMEM:
    case ENOBUFS:
        return "the machine or this process is short of memory (free, MemoryMax=)";
    default:
        return "";
    }
}

} // namespace gatehouse::host
