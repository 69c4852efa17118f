#include "control/caller.hpp"

#include "base/account_number.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <grp.h>
#include <memory>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gatehouse::host {
namespace {

bool is_member(int fd, gid_t primary, const std::optional<gid_t>& group) {
    if (!group) return false;
    if (primary == *group) return true;
    std::vector<gid_t> groups(64);
    for (int tries = 0; tries < 2; ++tries) {
        auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
        if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0)
            return std::find(groups.begin(), groups.begin() + size / sizeof(gid_t), *group) !=
                   groups.begin() + size / sizeof(gid_t);
        if (errno != ERANGE) return false;
        groups.resize(size / sizeof(gid_t)); // as many as there are
    }
    return false;
}

} // namespace

std::optional<gid_t> group_number(const std::string& name) {
    if (const std::optional<unsigned> number = account_number(name)) return *number;
    const struct group* const entry = ::getgrnam(name.c_str());
    if (entry == nullptr) return std::nullopt;
    return entry->gr_gid;
}

Caller caller_of(int fd, const ControlGroups& groups) {
    Caller caller;
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return caller;
    caller.uid = peer.uid;
    caller.gid = peer.gid;
    caller.pid = peer.pid;
    caller.may_change = peer.uid == 0 || peer.uid == ::geteuid() || is_member(fd, peer.gid, groups.operate);
    caller.may_view = caller.may_change || is_member(fd, peer.gid, groups.view);
    return caller;
}

std::string user_name(uid_t uid) {
    const auto close = [](std::FILE* file) { std::fclose(file); };
    const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen("/etc/passwd", "re"), close);
    std::array<char, 4096> line{};
    passwd entry{};
    passwd* found = nullptr;
    while (file && ::fgetpwent_r(file.get(), &entry, line.data(), line.size(), &found) == 0)
        if (entry.pw_uid == uid) return entry.pw_name;
    return std::to_string(uid);
}

} // namespace gatehouse::host
