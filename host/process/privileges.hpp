// What the host gives up once it has all that it needs of the system.
//
//      as started ──▶ no_new_privs ──▶ (log, plugins, sockets) ──▶ hand over ──▶ drop ──▶ [seccomp] ──▶ serve
//
// A host that is started as root and names no user stays as it is, and says so. In every other case drop() leaves exactly the
// configured user, group and capabilities to every thread, those that plugins have started included, and then looks whether
// that is so. What has to be possible later, as this user, is handed over before: removing the private copies of the plugins
// and the socket files, opening the log file again.
#pragma once

#include "config/config.hpp"

#include <filesystem>
#include <stdexcept>
#include <string>
#include <sys/types.h>
#include <vector>

namespace gatehouse::host {

class Log;

// "FILE:LINE:COLUMN: process.KEY: what failed, and what to do".
class PrivilegeError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

class Privileges {
  public:
    // Looks up the user and the group, and sets no_new_privs, which threads inherit: before any is started. Throws
    // PrivilegeError. [main]
    explicit Privileges(const ProcessConfig& config);

    // Whether drop() will make the process another user's or group's, and whose.
    bool changes_account() const noexcept { return changes_account_; }
    uid_t user() const noexcept { return user_; }
    gid_t group() const noexcept { return group_; }

    // Throws PrivilegeError if drop() could not do what it has to, before anything is given away. [main]
    void expect_possible() const;

    // Gives a socket file to that account, if it is about to change; its group stays unless `group_too`. Throws PrivilegeError.
    // [main]
    void hand_over(const std::filesystem::path& file, bool group_too = true) const;

    // Whether the account may remove this file, as far as its folder's permissions tell. After drop(). [main]
    bool may_remove(const std::filesystem::path& file) const;

    // Throws PrivilegeError; the host must not serve then. Only once. [main]
    void drop(Log& log) const;

  private:
    void change_account() const;
    void keep_capabilities() const;
    void verify() const;
    bool stays_root() const noexcept;
    [[noreturn]] void fail_account(const std::string& what) const;
    [[noreturn]] void fail_change(int error) const;

    ProcessConfig config_; // constant after construction, as is all below
    uid_t user_;
    gid_t group_;
    std::vector<gid_t> groups_; // supplementary
    bool changes_account_ = false;
};

} // namespace gatehouse::host
