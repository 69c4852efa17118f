// This program again, as a child process: for what may crash or hang without harm to this one, and for what comes after it.
#pragma once

#include "base/clock.hpp"
#include "base/descriptor.hpp"

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace gatehouse::host {

class OwnProgram {
  public:
    struct Options {
        std::vector<std::string> arguments;
        int input = -1; // these become its standard input, output and error; -1: /dev/null
        int output = -1;
        int errors = -1;
        std::vector<std::string> environment; // "NAME=value", added to this process's
        std::string program{};                // a file; empty: the one that runs, even if it has been replaced on disk
    };

    // Starts it with no other descriptors and no blocked signals. Throws std::system_error. [any]
    explicit OwnProgram(const Options& options);
    ~OwnProgram(); // kills what still runs
    OwnProgram(const OwnProgram&) = delete;
    OwnProgram& operator=(const OwnProgram&) = delete;

    pid_t pid() const noexcept { return pid_; }

    // How it has ended, as waitpid() gives it; nothing: it has not, by `deadline`.
    std::optional<int> wait(Nanoseconds deadline) noexcept;

    void signal(int number) const noexcept; // nothing if it has ended

    // Ends it at once.
    int kill() noexcept;

  private:
    pid_t pid_ = 0;      // constant after construction, as is the next
    Descriptor process_; // readable when it has ended
    std::optional<int> status_;
};

// The file that this program was started from: by this name a newer one may lie there by now. Throws
// std::filesystem::filesystem_error without /proc.
std::string own_program_path();

// "by SIGSEGV", "with status 3".
std::string how_ended(int status);

} // namespace gatehouse::host
