// A child process with its output, a deadline for everything, and a certain end.
#pragma once

#include "deadline.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <sys/types.h>
#include <thread>
#include <vector>

namespace gatehouse::support {

struct ProcessOptions {
    // NOLINTBEGIN(readability-redundant-member-init): without {}, g++ warns of each member that a caller leaves out
    std::string input{};                    // standard input; the child's reading it to the end is optional
    std::vector<std::string> environment{}; // "NAME=value", added to the test's own, which has a TMPDIR for itself
    std::vector<int> inherit{};             // become the child's descriptors 3, 4, ..., as in socket activation
    // NOLINTEND(readability-redundant-member-init)
};

// How a process ended: its exit status, or 128 + the signal that ended it, as the shell says it.
struct Result {
    int status = -1;
    std::string out;
    std::string err;
};

class Process {
  public:
    // Starts argv[0], which is searched in PATH. Throws, with the program's name, if there is none. If the test program dies,
    // so does the child; the thread that starts it must therefore outlive it.
    explicit Process(const std::vector<std::string>& argv, const ProcessOptions& options = {});
    ~Process(); // kills what still runs
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    pid_t pid() const noexcept { return pid_; }
    void signal(int number) const;

    // Waits for the end; throws, with the output so far, after `within`. A process that this one has started may go on, and
    // what it says is collected, too.
    Result wait(std::chrono::milliseconds within = patience);

    // How it ended, if it has. Does not wait.
    std::optional<int> ended();

    std::string out() const;
    std::string err() const;

    // What becomes of its output from now on: nobody takes it, so that the pipes fill up; or its reader has gone.
    void stop_reading();
    void close_output();

    // Calls `seen` with both outputs whenever there is more, until it says yes. False: `within` has passed, or there will be no
    // more.
    using Seen = std::function<bool(const std::string& out, const std::string& err)>;
    bool wait_output(const Seen& seen, std::chrono::milliseconds within = patience);

  private:
    void collect();
    void reap();

    std::string name_; // constant after construction, as is pid_
    pid_t pid_ = -1;
    std::optional<int> status_;
    int out_pipe_ = -1; // the collector's while it runs
    int err_pipe_ = -1;

    mutable std::mutex mutex_;
    std::condition_variable more_;
    std::string out_, err_; // guarded by mutex_
    bool closed_ = false;   // guarded by mutex_: both have ended
    bool all_said_ = false; // guarded by mutex_: what the process has said until its end is here
    int stop_ = -1;         // eventfd: the collector is to leave
    int over_ = -1;         // eventfd: the process has ended
    std::thread collector_;
};

// Runs a program to its end.
Result run(const std::vector<std::string>& argv, const ProcessOptions& options = {},
           std::chrono::milliseconds within = patience);

} // namespace gatehouse::support
