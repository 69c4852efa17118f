#include "base/own_program.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>

namespace gatehouse::host {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
    all.push_back(nullptr);
    return all;
}

std::vector<std::string> environment_with(std::vector<std::string> entries) {
    const std::size_t own = entries.size();
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string name(*entry, std::strcspn(*entry, "=") + 1);
        if (std::none_of(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(own),
                         [&](const std::string& other) { return other.starts_with(name); }))
            entries.emplace_back(*entry);
    }
    return entries;
}

} // namespace

OwnProgram::OwnProgram(const Options& options) {
    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    const int streams[] = {options.input, options.output, options.errors};
    for (int stream = 0; stream < 3; ++stream) {
        if (streams[stream] >= 0)
            ::posix_spawn_file_actions_adddup2(&files, streams[stream], stream);
        else
            ::posix_spawn_file_actions_addopen(&files, stream, "/dev/null", O_RDWR, 0);
    }
    ::posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1); // descriptors that this process has inherited
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    sigset_t none; // the host's threads block signals; the child must not
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);

    std::vector<std::string> arguments = options.arguments;
    arguments.insert(arguments.begin(), "gatehouse");
    const std::vector<std::string> environment = environment_with(options.environment);
    const std::string program = options.program.empty() ? "/proc/self/exe" : options.program;
    const int error =
        ::posix_spawn(&pid_, program.c_str(), &files, &attributes, pointers(arguments).data(), pointers(environment).data());
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&files);
    if (error != 0) throw std::system_error(error, std::generic_category(), "cannot start a process");
    process_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0))); // glibc 2.36 has no C++ declaration
    if (!process_) {
        const int problem = errno;
        kill();
        throw std::system_error(problem, std::generic_category(), "cannot wait for a process");
    }
}

OwnProgram::~OwnProgram() { kill(); }

std::optional<int> OwnProgram::wait(Nanoseconds deadline) noexcept {
    pollfd ended{process_.get(), POLLIN, 0};
    while (!status_) {
        const Nanoseconds left = std::clamp<Nanoseconds>(deadline - monotonic_now(), 0, 3'600'000'000'000);
        const int ready = ::poll(&ended, 1, static_cast<int>((left + 999'999) / 1'000'000));
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) return std::nullopt;
        int status = 0;
        if (::waitpid(pid_, &status, 0) == pid_) status_ = status;
    }
    return status_;
}

void OwnProgram::signal(int number) const noexcept {
    if (!status_) ::kill(pid_, number);
}

int OwnProgram::kill() noexcept {
    signal(SIGKILL);
    int status = 0;
    while (!status_) {
        if (::waitpid(pid_, &status, 0) == pid_)
            status_ = status;
        else if (errno != EINTR)
            status_ = 0; // it is not this process's child any more
    }
    return *status_;
}

std::string own_program_path() {
    constexpr std::string_view replaced = " (deleted)"; // the kernel's words
    std::string path = std::filesystem::read_symlink("/proc/self/exe").string();
    if (path.ends_with(replaced)) path.resize(path.size() - replaced.size());
    return path;
}

std::string how_ended(int status) {
    if (!WIFSIGNALED(status)) return "with status " + std::to_string(WEXITSTATUS(status));
    const char* const name = ::sigabbrev_np(WTERMSIG(status));
    return name != nullptr ? "by SIG" + std::string(name) : "by signal " + std::to_string(WTERMSIG(status));
}

} // namespace gatehouse::host
