// A real gatehouse process under test.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <thread>
#include <vector>

namespace gatehouse::testing {

using namespace std::chrono_literals;

inline constexpr std::chrono::seconds patience{20}; // for whatever is bound to happen; long, since machines may be busy

// Asks until the answer is yes; false if it was not within `patience`.
bool eventually(const std::function<bool()>& condition);

// A folder of the test's own, removed with it.
class Folder {
  public:
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    const std::filesystem::path& path() const noexcept { return path_; }
    std::filesystem::path write(const std::string& name, std::string_view text) const;

  private:
    std::filesystem::path path_;
};

// A command that runs to its end.
struct Outcome {
    int status = -1; // the exit status, or 128 + signal
    std::string output;
    std::string errors;
};
// A child in a process group of its own, its output in pipes that the caller closes. `descriptors`: RLIMIT_NOFILE; 0: as it is.
struct Child {
    pid_t pid;
    int out;
    int err;
};
Child start(const std::vector<std::string>& arguments, std::uint64_t descriptors = 0);
std::string read_file(const std::filesystem::path& file);

Outcome run(const std::vector<std::string>& arguments);

// "[plugins.NAME]" and "[[listeners]]" for one listener on a free port of the loopback; `more` holds further listener keys.
std::string listener(std::string_view name, std::string_view library, std::string_view settings = "",
                     std::string_view more = "");

// `gatehouse run`, with the plugins and the fixtures on its path and its log taken in. Ended with the object.
class RunningHost {
  public:
    struct Options {
        std::string host_keys = "drain_timeout = \"2s\"\n";
        std::uint64_t descriptors = 0; // RLIMIT_NOFILE; 0: as it is
    };
    explicit RunningHost(std::string_view listeners) : RunningHost(listeners, Options()) {}
    RunningHost(std::string_view listeners, const Options& options);
    ~RunningHost();
    RunningHost(const RunningHost&) = delete;
    RunningHost& operator=(const RunningHost&) = delete;

    std::uint16_t port(const std::string& listener) const; // as the log says
    pid_t pid() const noexcept { return pid_; }

    void signal(int number) const;
    int wait(); // for its end; the exit status, or 128 + signal
    int stop(); // SIGTERM and wait()
    bool alive() const;

    // The records of the log so far.
    std::vector<std::string> log() const;
    bool logged(std::string_view part) const;   // some record contains it
    bool will_log(std::string_view part) const; // eventually
    std::size_t count_logged(std::string_view part) const;

    // What becomes of the pipe that the host logs to. The records up to now stay.
    void stop_reading_log(); // it fills up
    void close_log();        // its reader has gone

    // Asks for a status (SIGUSR1) and returns the record of this listener.
    std::string status(const std::string& listener) const;

    std::chrono::milliseconds cpu_time() const; // user and system, so far
    std::size_t threads() const;
    std::size_t descriptors() const;

  private:
    void read_log();
    void kill_all() noexcept;

    Folder folder_; // constant after construction, as are the next four
    int log_fd_ = -1;
    pid_t pid_ = -1;

    mutable std::mutex mutex_;
    std::vector<std::string> lines_; // guarded by mutex_
    int status_ = -1;                // [main]
    std::atomic<bool> read_on_{true};
    std::thread reader_;
};

} // namespace gatehouse::testing
