#include "process/privileges.hpp"

#include "base/account_number.hpp"
#include "base/log.hpp"
#include "config/capabilities.hpp"
#include "process/all_threads.hpp"
#include "process/seccomp_filter.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <grp.h>
#include <iterator>
#include <linux/capability.h>
#include <optional>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view as_root_or_not = "; start Gatehouse as root, or leave it out";

[[noreturn]] void fail(const Place& where, std::string_view key, const std::string& what) {
    throw PrivilegeError(where.text + ": process." + std::string(key) + ": " + what);
}

std::vector<gid_t> groups_of(const char* user, gid_t group) {
    std::vector<gid_t> groups(64);
    int count = static_cast<int>(groups.size());
    if (::getgrouplist(user, group, groups.data(), &count) < 0) { // now `count` says how many there are
        groups.resize(static_cast<std::size_t>(count));
        ::getgrouplist(user, group, groups.data(), &count);
    }
    groups.resize(static_cast<std::size_t>(std::max(count, 0)));
    return groups;
}

struct Capabilities {
    std::uint64_t permitted = 0;
    std::uint64_t inheritable = 0;
};

// As capget() and capset() want them: the low 32 of each set first.
using CapabilityWords = std::array<__user_cap_data_struct, 2>;

Capabilities own_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    CapabilityWords words{};
    ::syscall(SYS_capget, &header, words.data());
    return {words[0].permitted | std::uint64_t{words[1].permitted} << 32U,
            words[0].inheritable | std::uint64_t{words[1].inheritable} << 32U};
}

// With it the permitted capabilities survive the change from root to another user. [signal]
int keep_across_change(const void* /*unused*/) noexcept { return ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 ? 0 : errno; }

int set_capabilities(const void* words) noexcept {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    if (::syscall(SYS_capset, &header, words) != 0) return errno;
    return ::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) == 0 ? 0 : errno;
}

std::string hexadecimal(std::uint64_t value) {
    std::array<char, 17> text{};
    std::snprintf(text.data(), text.size(), "%016lx", static_cast<unsigned long>(value));
    return text.data();
}

std::string contents(const fs::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

Privileges::Privileges(const ProcessConfig& config) : config_(config), user_(::geteuid()), group_(::getegid()) {
    const passwd* account = nullptr;
    if (!config.user.empty()) {
        account = ::getpwnam(config.user.c_str());
        if (const auto number = account_number(config.user); account == nullptr && number) {
            account = ::getpwuid(*number);
            user_ = *number;
            if (account == nullptr && config.group.empty())
                fail(config.user_where, "user",
                     "user " + config.user + " is not in the user database, which would say its group; set group too");
        } else if (account == nullptr) {
            fail(config.user_where, "user",
                 "there is no user \"" + config.user + "\" on this machine; create it (useradd --system " + config.user +
                     "), or leave it out");
        }
        if (account != nullptr) {
            user_ = account->pw_uid;
            group_ = account->pw_gid;
        }
    }
    const std::string name = account != nullptr ? account->pw_name : "";
    if (!config.group.empty()) {
        const struct group* entry = ::getgrnam(config.group.c_str());
        const std::optional<unsigned> number = account_number(config.group);
        if (entry == nullptr && !number)
            fail(config.group_where, "group",
                 "there is no group \"" + config.group + "\" on this machine; create it (groupadd --system " + config.group +
                     "), or leave it out");
        group_ = entry != nullptr ? entry->gr_gid : *number;
    }
    groups_ = name.empty() ? std::vector<gid_t>{group_} : groups_of(name.c_str(), group_);
    changes_account_ = (!config.user.empty() || !config.group.empty()) && (user_ != ::geteuid() || group_ != ::getegid());
    if (config.no_new_privs && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        throw std::system_error(errno, std::generic_category(), "prctl(PR_SET_NO_NEW_PRIVS)");
}

// Blames the key that the account comes from.
void Privileges::fail_account(const std::string& what) const {
    const bool user = !config_.user.empty() || config_.group.empty();
    fail(user ? config_.user_where : config_.group_where, user ? "user" : "group", what);
}

void Privileges::fail_change(int error) const {
    fail_account("cannot change to " + (config_.user.empty() ? config_.group : config_.user) + ": " + std::strerror(error) +
                 std::string(as_root_or_not));
}

bool Privileges::stays_root() const noexcept { return config_.user.empty() && config_.group.empty() && ::geteuid() == 0; }

void Privileges::expect_possible() const {
    const std::uint64_t lacking = config_.capabilities & ~own_capabilities().permitted;
    if (lacking != 0 && !stays_root())
        fail(config_.capabilities_where, "capabilities",
             "this process does not have " + capability_names(lacking) + std::string(as_root_or_not));
    constexpr std::uint64_t needed = 1U << CAP_SETUID | 1U << CAP_SETGID;
    if (changes_account_ && (own_capabilities().permitted & needed) != needed) fail_change(EPERM);
}

void Privileges::hand_over(const fs::path& file, bool group_too) const {
    // Not followed: in a folder that is the user's already it might point to a file that must stay root's.
    if (changes_account_ && ::lchown(file.c_str(), user_, group_too ? group_ : static_cast<gid_t>(-1)) != 0)
        fail_account("cannot give it the file " + file.string() + ": " + std::strerror(errno) + std::string(as_root_or_not));
}

bool Privileges::may_remove(const fs::path& file) const {
    const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
    struct stat of_folder{};
    struct stat of_file{};
    if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0) return false;
    if (::stat(folder.c_str(), &of_folder) != 0 || ::lstat(file.c_str(), &of_file) != 0) return false;
    return (of_folder.st_mode & S_ISVTX) == 0 || of_folder.st_uid == user_ || of_file.st_uid == user_ || user_ == 0;
}

void Privileges::drop(Log& log) const {
    if (stays_root()) {
        log.warning("running as root; name a user in [process], to whom the host changes once its sockets are open");
    } else {
        const Capabilities own = own_capabilities();
        const bool has_others = own.permitted != config_.capabilities || own.inheritable != 0;
        if (changes_account_) change_account();
        if (changes_account_ || has_others) {
            keep_capabilities();
            verify();
            log.info("privileges dropped", {{"user", user_},
                                            {"group", group_},
                                            {"capabilities", capability_names(config_.capabilities)},
                                            {"no_new_privs", config_.no_new_privs ? "true" : "false"}});
        }
    }
    if (config_.seccomp == Seccomp::off) return;
    if (const int error = install_seccomp_filter(config_.seccomp); error != 0)
        fail(config_.seccomp_where, "seccomp",
             std::string("the kernel refuses the filter: ") + std::strerror(error) + "; seccomp = \"off\" goes without");
    log.info("seccomp filter installed", {{"denied_calls", config_.seccomp == Seccomp::kill ? "kill" : "fail"}});
}

void Privileges::change_account() const {
    try {
        if (config_.capabilities != 0) in_every_thread(keep_across_change, nullptr);
    } catch (const std::runtime_error& error) {
        fail(config_.capabilities_where, "capabilities", error.what());
    }
    // libc carries these to all threads.
    if (::setgroups(groups_.size(), groups_.data()) != 0 || ::setresgid(group_, group_, group_) != 0 ||
        ::setresuid(user_, user_, user_) != 0)
        fail_change(errno);
}

void Privileges::keep_capabilities() const {
    const auto low = static_cast<std::uint32_t>(config_.capabilities);
    const auto high = static_cast<std::uint32_t>(config_.capabilities >> 32U);
    const CapabilityWords words{{{low, low, 0}, {high, high, 0}}};
    try {
        in_every_thread(set_capabilities, words.data());
    } catch (const std::runtime_error& error) {
        fail(config_.capabilities_where, "capabilities", std::string("cannot drop the others: ") + error.what());
    }
}

// The kernel's word for it, for each thread; and the attempt.
void Privileges::verify() const {
    const std::string user = std::to_string(user_);
    const std::string group = std::to_string(group_);
    const std::string kept = hexadecimal(config_.capabilities);
    std::vector<std::string> expected{"Uid:\t" + user + '\t' + user + '\t' + user + '\t' + user,
                                      "Gid:\t" + group + '\t' + group + '\t' + group + '\t' + group,
                                      "CapInh:\t" + hexadecimal(0),
                                      "CapPrm:\t" + kept,
                                      "CapEff:\t" + kept,
                                      "CapAmb:\t" + hexadecimal(0)};
    if (config_.no_new_privs) expected.emplace_back("NoNewPrivs:\t1");
    std::size_t threads = 0;
    for (const fs::directory_entry& entry : fs::directory_iterator("/proc/self/task")) {
        const std::string status = contents(entry.path() / "status");
        if (status.empty()) continue; // it has ended meanwhile
        ++threads;
        for (const std::string& line : expected)
            if (status.find('\n' + line + '\n') == std::string::npos)
                fail_account("thread " + entry.path().filename().string() + " kept privileges: its status lacks \"" + line +
                             '"');
    }
    if (threads == 0) fail_account("/proc/self/task does not show whether the privileges are gone");
    if (user_ != 0 && (::setresuid(0, 0, 0) == 0 || ::setresgid(0, 0, 0) == 0))
        fail_account("the process could become root again");
}

} // namespace gatehouse::host
