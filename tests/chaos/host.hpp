// The host that all of it happens to. Unlike support::Gatehouse it writes its log to a file, which can be rotated; and as it
// lives long, its log is read and forgotten.
#pragma once

#include "process.hpp"
#include "record.hpp"
#include "temp_dir.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::chaos {

class Host {
  public:
    // Starts it, with a log file and a control socket in a folder of its own, and waits for "ready". `host_section`: further
    // keys.
    Host(const std::string& host_section, const std::string& config);

    pid_t pid() const noexcept { return process_->pid(); }
    bool alive();
    std::string said() const { return process_->err(); } // on its standard error, as it does when it crashes

    // The status of each listener, and that of the host, which is called "". Only while SIGUSR1 comes from nobody else.
    using Statuses = std::map<std::string, support::Record, std::less<>>;
    Statuses status();

    // As logrotate does it. The file's content so far is read and forgotten.
    void rotate_log();

    // After SIGTERM: waits until it has said that it has stopped. A sanitizer may then have something to look for.
    void wait_stopped();
    // Waits for its end; returns the exit status, or 128 + the signal.
    int wait_exit(std::chrono::milliseconds within);

    // Why the host cannot be said to have done well: what is on its standard error, a thread that it has left in a plugin, a
    // ledger that does not add up, a connection without a line in the log. "" if all is well. `statuses` are fresh, or the last
    // ones of a host that has ended.
    std::string complaints(const Statuses& statuses);
    // Those that it wrote last.
    Statuses last_statuses();

    std::string tail(); // of its log, for messages

    // Runs a command in it; false if that fails.
    bool control(const std::string& instance, const std::vector<std::string>& words) const;

  private:
    void read_log();             // what is new in it; with mutex_
    void take(std::string line); // with mutex_

    support::TempDir dir_;
    const std::string log_ = dir_ / "host.log";
    std::unique_ptr<support::Process> process_;

    std::mutex end_mutex_; // guards what process_ knows of its end

    // The log is read by the thread that asks for the status, and by the one that rotates it.
    std::mutex mutex_;
    std::ifstream file_;            // guarded by mutex_, as is all below
    std::string unfinished_;        // a line whose end has not been written yet
    Statuses statuses_;             // the last ones
    std::uint64_t complete_ = 0;    // how many times all of them have been written
    std::uint64_t closed_ = 0;      // records of connections that have ended
    std::string errors_;            // records of what should not be
    std::deque<std::string> lines_; // the last ones
    bool ready_ = false, stopped_ = false;
};

} // namespace gatehouse::chaos
