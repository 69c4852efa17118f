#include "base/log_sink.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr int stall_milliseconds = 1000;

bool is_regular(const Descriptor& fd) noexcept {
    struct stat status{};
    return ::fstat(fd.get(), &status) == 0 && S_ISREG(status.st_mode);
}

// Of the lines that a pipe takes at once, not mixed with those of others who write to it (pipe(7)). A line is shorter than
// that.
std::size_t size_for_pipe(std::string_view lines) noexcept {
    if (lines.size() <= PIPE_BUF) return lines.size();
    const std::size_t end = lines.rfind('\n', PIPE_BUF - 1);
    return end != std::string_view::npos ? end + 1 : lines.size();
}

} // namespace

LogSink::LogSink(const std::filesystem::path& file) : file_(file), fd_(open()) {
    if (!fd_)
        throw std::runtime_error("cannot open the log file " + file_.string() + ": " +
                                 (errno == ENXIO ? "no process reads this FIFO" : std::strerror(errno)));
    regular_ = is_regular(fd_);
}

Descriptor LogSink::open() {
    if (file_.empty()) return Descriptor(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
    // O_NONBLOCK: a FIFO without a reader is an error (ENXIO), and not something to wait for.
    constexpr int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK;
    // O_EXCL follows no link, so what it makes is where it seems to be, and may be given away.
    Descriptor made(::open(file_.c_str(), flags | O_EXCL, 0640));
    created_ = static_cast<bool>(made);
    return made ? std::move(made) : Descriptor(::open(file_.c_str(), flags, 0640));
}

void LogSink::hand_over(unsigned user) {
    if (created_ && ::fchown(fd_.get(), user, static_cast<gid_t>(-1)) != 0)
        throw std::system_error(errno, std::generic_category(), "cannot give away the log file " + file_.string());
}

bool LogSink::can_reopen() const noexcept {
    return file_.empty() || Descriptor(::open(file_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK));
}

bool LogSink::reopen() {
    Descriptor fresh = open();
    if (!fresh) return false;
    const MutexLock lock(fresh_mutex_);
    fresh_ = std::move(fresh);
    return true;
}

// The one that reopen() has opened, before the next line.
void LogSink::take_fresh() {
    const MutexLock lock(fresh_mutex_);
    if (!fresh_) return;
    fd_ = std::exchange(fresh_, Descriptor());
    regular_ = is_regular(fd_);
    torn_ = false;
}

bool LogSink::is_terminal() const noexcept { return ::isatty(fd_.get()) == 1; }

void LogSink::sink_it_(const spdlog::details::log_msg& message) {
    take_fresh();
    std::string_view lines(message.payload.data(), message.payload.size());
    while (!lines.empty()) {
        const std::string_view part = regular_ ? lines : lines.substr(0, size_for_pipe(lines));
        const std::string_view lost = write(part);
        dropped_.fetch_add(static_cast<std::uint64_t>(std::count(lost.begin(), lost.end(), '\n')), std::memory_order_relaxed);
        lines.remove_prefix(part.size());
    }
}

// Returns what could not be written.
std::string_view LogSink::write(std::string_view lines) {
    while (!lines.empty() && is_writable()) {
        if (torn_ && ::write(fd_.get(), "\n", 1) == 1) torn_ = false;
        const ssize_t count = ::write(fd_.get(), lines.data(), lines.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        torn_ = lines[static_cast<std::size_t>(count) - 1] != '\n';
        lines.remove_prefix(static_cast<std::size_t>(count));
    }
    return lines;
}

// A pipe whose reader has stopped reading is given a moment once, and none from then on until it moves again.
bool LogSink::is_writable() {
    if (regular_) return true;
    pollfd waiting{fd_.get(), POLLOUT, 0};
    const int ready = ::poll(&waiting, 1, stalled_ ? 0 : stall_milliseconds);
    stalled_ = ready == 0;
    return ready != 0;
}

} // namespace gatehouse::host
