// Who is at the other end of the control socket, and what that allows.
#pragma once

#include "control/command.hpp"

#include <optional>
#include <string>

namespace gatehouse::host {

// The groups of host.control whose members may ask; nothing: no group. Root and the user of the process may run everything.
struct ControlGroups {
    std::optional<gid_t> view;
    std::optional<gid_t> operate;
};

// The number of a group by its name or number; nothing: there is none on this machine. [main]
std::optional<gid_t> group_number(const std::string& name);

// Of a connected unix socket, without its user's name; as the kernel tells, from when it was connected. May throw
// std::bad_alloc. [any]
Caller caller_of(int fd, const ControlGroups& groups);

// By /etc/passwd, which is read without asking a name service: the main thread does not wait. Its number if it has no name
// there. May throw std::bad_alloc. [any]
std::string user_name(uid_t uid);

} // namespace gatehouse::host
