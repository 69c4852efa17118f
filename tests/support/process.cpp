#include "process.hpp"

#include "fail.hpp"
#include "temp_dir.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace gatehouse::support {
namespace {

int status_of(int raw) { return WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw); }

// Standard input as a file in memory: there is no pipe to fill, and nobody to write to it.
int input_file(const std::string& text) {
    const int fd = ::memfd_create("input", MFD_CLOEXEC);
    if (fd < 0) fail("memfd_create");
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t size = ::write(fd, text.data() + done, text.size() - done);
        if (size < 0) fail("write");
        done += static_cast<std::size_t>(size);
    }
    ::lseek(fd, 0, SEEK_SET);
    return fd;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (const std::string& text : strings) result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

// The test's own, and what the options add or replace. Temporary files go to a folder of the test program's: what hosts leave
// that were killed is the affair of this test alone, since the next host on the same folder removes it, and says so.
std::vector<std::string> environment_of(const ProcessOptions& options) {
    static const TempDir temporary;
    if (::chmod(temporary.path().c_str(), 01777) != 0) fail("chmod"); // as /tmp: hosts run as other users, too
    std::vector<std::string> result = options.environment;
    const auto add = [&result](const std::string& entry) {
        const std::string name = entry.substr(0, entry.find('=') + 1);
        if (std::ranges::none_of(result, [&](const std::string& other) { return other.starts_with(name); }))
            result.push_back(entry);
    };
    add("TMPDIR=" + temporary.path().string());
    for (char** entry = environ; *entry != nullptr; ++entry) add(*entry);
    return result;
}

} // namespace

Process::Process(const std::vector<std::string>& argv, const ProcessOptions& options) : name_(argv.front()) {
    const std::vector<std::string> environment = environment_of(options);
    const std::vector<char*> args = pointers(argv);
    const std::vector<char*> env = pointers(environment);

    std::array<int, 2> out{};
    std::array<int, 2> err{};
    std::array<int, 2> failure{};
    if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(err.data(), O_CLOEXEC) != 0 || ::pipe2(failure.data(), O_CLOEXEC) != 0)
        fail("pipe2");
    const int input = input_file(options.input);
    stop_ = ::eventfd(0, EFD_CLOEXEC);
    over_ = ::eventfd(0, EFD_CLOEXEC);

    std::vector<int> inherited; // copies above the numbers that the child has them under
    for (const int fd : options.inherit) inherited.push_back(::fcntl(fd, F_DUPFD_CLOEXEC, 100));

    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) fail("fork");
    if (pid_ == 0) { // only async-signal-safe calls from here to execvpe()
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(127);
        const rlimit no_core{0, 0}; // crashes are part of the tests
        ::setrlimit(RLIMIT_CORE, &no_core);
        ::dup2(input, 0);
        ::dup2(out[1], 1);
        ::dup2(err[1], 2);
        for (std::size_t i = 0; i < inherited.size(); ++i) ::dup2(inherited[i], static_cast<int>(3 + i));
        ::execvpe(args[0], args.data(), env.data());
        const int error = errno;
        [[maybe_unused]] const ssize_t written = ::write(failure[1], &error, sizeof error);
        ::_exit(127);
    }
    for (const int fd : inherited) ::close(fd);
    ::close(input);
    ::close(out[1]);
    ::close(err[1]);
    ::close(failure[1]);
    int error = 0;
    const bool failed = ::read(failure[0], &error, sizeof error) == sizeof error;
    ::close(failure[0]);
    if (failed) {
        ::waitpid(pid_, nullptr, 0);
        ::close(out[0]);
        ::close(err[0]);
        ::close(stop_);
        ::close(over_);
        throw std::runtime_error("cannot start " + name_ + ": " + std::strerror(error) +
                                 "; scripts/deps test installs what the tests need");
    }
    out_pipe_ = out[0];
    err_pipe_ = err[0];
    collector_ = std::thread([this] { collect(); });
}

Process::~Process() {
    if (!ended()) {
        ::kill(pid_, SIGKILL);
        reap();
    }
    close_output(); // a grandchild may still hold the other ends
    ::close(stop_);
    ::close(over_);
}

void Process::stop_reading() {
    if (!collector_.joinable()) return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(stop_, &one, sizeof one);
    collector_.join();
}

void Process::close_output() {
    stop_reading();
    for (int* pipe : {&out_pipe_, &err_pipe_})
        if (*pipe >= 0) ::close(std::exchange(*pipe, -1));
}

void Process::collect() {
    std::array<pollfd, 4> waiting{{{out_pipe_, POLLIN, 0}, {err_pipe_, POLLIN, 0}, {stop_, POLLIN, 0}, {over_, POLLIN, 0}}};
    std::array<char, 65536> buffer{};
    while ((waiting[0].fd >= 0 || waiting[1].fd >= 0) && waiting[2].revents == 0) {
        if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
        if (waiting[3].revents != 0 && waiting[0].revents == 0 && waiting[1].revents == 0) { // both pipes are empty
            waiting[3].fd = -1;
            const std::lock_guard lock(mutex_);
            all_said_ = true;
            more_.notify_all();
        }
        for (std::size_t i = 0; i < 2; ++i) {
            if (waiting[i].revents == 0) continue;
            const ssize_t size = ::read(waiting[i].fd, buffer.data(), buffer.size());
            const std::lock_guard lock(mutex_);
            if (size > 0)
                (i == 0 ? out_ : err_).append(buffer.data(), static_cast<std::size_t>(size));
            else
                waiting[i].fd = -1;
            more_.notify_all();
        }
    }
    const std::lock_guard lock(mutex_);
    closed_ = true;
    more_.notify_all();
}

void Process::signal(int number) const {
    if (status_ || ::kill(pid_, number) != 0)
        throw std::runtime_error(name_ + " has ended before signal " + std::to_string(number));
}

std::optional<int> Process::ended() {
    int raw = 0;
    if (!status_ && ::waitpid(pid_, &raw, WNOHANG) == pid_) status_ = status_of(raw);
    return status_;
}

void Process::reap() {
    int raw = 0;
    if (!status_ && ::waitpid(pid_, &raw, 0) == pid_) status_ = status_of(raw);
}

Result Process::wait(std::chrono::milliseconds within) {
    const Deadline deadline(within);
    if (!ended()) {
        const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)); // glibc 2.36 declares its own for C only;
        if (fd < 0) fail("pidfd_open");
        pollfd waiting{fd, POLLIN, 0};
        int ready = 0;
        do {
            ready = ::poll(&waiting, 1, deadline.left());
        } while (ready < 0 && errno == EINTR);
        ::close(fd);
        if (ready == 0)
            throw std::runtime_error(name_ + " did not end within " + std::to_string(within.count()) + " ms; it said:\n" +
                                     out() + err());
        reap();
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(over_, &one, sizeof one);
    std::unique_lock lock(mutex_);
    more_.wait_until(lock, deadline.when(), [&] { return closed_ || all_said_; });
    return {*status_, out_, err_};
}

std::string Process::out() const {
    const std::lock_guard lock(mutex_);
    return out_;
}

std::string Process::err() const {
    const std::lock_guard lock(mutex_);
    return err_;
}

bool Process::wait_output(const Seen& seen, std::chrono::milliseconds within) {
    const Deadline deadline(within);
    std::unique_lock lock(mutex_);
    for (;;) {
        if (seen(out_, err_)) return true;
        if (closed_ || more_.wait_until(lock, deadline.when()) == std::cv_status::timeout) return seen(out_, err_);
    }
}

Result run(const std::vector<std::string>& argv, const ProcessOptions& options, std::chrono::milliseconds within) {
    return Process(argv, options).wait(within);
}

} // namespace gatehouse::support
