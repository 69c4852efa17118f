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

// Of the lines that a pipe takes at once, not mixed with those of others who write to it (pipe(7)). A line is shorter than
// that.
std::size_t size_for_pipe(std::string_view lines) noexcept {
    if (lines.size() <= PIPE_BUF) return lines.size();
    const std::size_t end = lines.rfind('\n', PIPE_BUF - 1);
    return end != std::string_view::npos ? end + 1 : lines.size();
}

} // namespace

LogSink::LogSink(const std::filesystem::path& file, std::uint64_t rotate_size, unsigned rotate_keep)
    : file_(file), rotate_size_(rotate_size), rotate_keep_(rotate_keep) {
    Descriptor fd = open(created_);
    if (!fd)
        throw std::runtime_error("cannot open the log file " + file_.string() + ": " +
                                 (errno == ENXIO ? "no process reads this FIFO" : std::strerror(errno)));
    use(std::move(fd));
}

Descriptor LogSink::open(bool& created) const noexcept {
    if (file_.empty()) return Descriptor(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
    // O_NONBLOCK: a FIFO without a reader is an error (ENXIO), and not something to wait for.
    constexpr int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK;
    // O_EXCL follows no link, so what it makes is where it seems to be, and may be given away.
    Descriptor made(::open(file_.c_str(), flags | O_EXCL, 0640));
    created = static_cast<bool>(made);
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
    Descriptor fresh = open(created_);
    if (!fresh) return false;
    const MutexLock lock(fresh_mutex_);
    fresh_ = std::move(fresh);
    return true;
}

// The one that reopen() has opened, before the next line.
void LogSink::take_fresh() {
    const MutexLock lock(fresh_mutex_);
    if (!fresh_) return;
    use(std::exchange(fresh_, Descriptor()));
}

void LogSink::use(Descriptor fd) {
    fd_ = std::move(fd);
    struct stat status{};
    regular_ = ::fstat(fd_.get(), &status) == 0 && S_ISREG(status.st_mode);
    size_ = static_cast<std::uint64_t>(std::max<off_t>(status.st_size, 0));
    rotate_at_ = rotate_size_;
    torn_ = false;
}

// Puts the file aside, unless somebody else has done so. Where that fails it goes on with the same file, and tries again when
// that has grown as much once more.
void LogSink::rotate() {
    struct stat own{};
    struct stat named{};
    const bool ours = ::fstat(fd_.get(), &own) == 0 && ::stat(file_.c_str(), &named) == 0 && own.st_dev == named.st_dev &&
                      own.st_ino == named.st_ino;
    rotate_at_ = size_ + rotate_size_;
    const auto aside = [this](unsigned number) { return file_.native() + '.' + std::to_string(number); };
    if (ours) {
        for (unsigned i = rotate_keep_; i > 1; --i) ::rename(aside(i - 1).c_str(), aside(i).c_str());
        if (::rename(file_.c_str(), aside(1).c_str()) != 0) return;
    }
    bool created = false;
    if (Descriptor fresh = open(created)) use(std::move(fresh));
}

bool LogSink::is_terminal() const noexcept { return ::isatty(fd_.get()) == 1; }

void LogSink::sink_it_(const spdlog::details::log_msg& message) {
    take_fresh();
    std::string_view lines(message.payload.data(), message.payload.size());
    if (regular_ && rotate_size_ != 0 && size_ != 0 && size_ + lines.size() > rotate_at_) rotate();
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
        size_ += static_cast<std::size_t>(count);
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
