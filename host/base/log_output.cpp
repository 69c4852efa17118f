#include "base/log_output.hpp"

#include "base/clock.hpp"
#include "base/log_sink.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <spdlog/logger.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace gatehouse::host {
namespace {

using OutputKind = LogOutputConfig::Kind;

// Lines are gathered for this long, so that a busy host wakes the thread a few dozen times a second.
constexpr Nanoseconds gathering_time = 20'000'000;

// As syslog and journald count them (syslog(3)).
unsigned severity(LogLevel level) noexcept {
    constexpr std::array<unsigned, 4> numbers{7, 6, 4, 3};
    return numbers[static_cast<std::size_t>(level)];
}

// Standard error leads to journald: JOURNAL_STREAM names it by its device and inode (systemd.exec(5)).
bool writes_to_journald() noexcept {
    const char* const named = std::getenv("JOURNAL_STREAM");
    struct stat status{};
    if (named == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return false;
    BoundedText<64> ours;
    ours.add(status.st_dev);
    ours += ':';
    ours.add(status.st_ino);
    return ours.view() == named;
}

std::shared_ptr<LogSocket> socket_for(const LogOutputConfig& config, bool journald) {
    const std::string usual = journald ? "unix:/run/systemd/journal/socket" : "unix:/dev/log";
    return std::make_shared<LogSocket>(config.to.empty() ? usual : config.to, journald ? "\n\n" : "\n");
}

} // namespace

LogOutput::Carrier LogOutput::carrier_of(const LogOutputConfig& config) noexcept {
    const bool local = config.to.empty() || config.to.starts_with("unix:");
    if (config.kind == OutputKind::syslog) return local ? Carrier::local_syslog : Carrier::syslog;
    if (config.kind == OutputKind::journald) return Carrier::journald;
    const bool is_free = config.kind == OutputKind::standard_error && config.format == LogFormat::automatic;
    return is_free && writes_to_journald() ? Carrier::journald : Carrier::plain;
}

LogOutput::LogOutput(const LogOutputConfig& config) : LogOutput(config, carrier_of(config)) {}

LogOutput::LogOutput(const LogOutputConfig& config, Carrier carrier)
    : config_(config), carrier_(carrier),
      file_(carrier == Carrier::plain ? std::make_shared<LogSink>(config.file, config.rotate_size, config.rotate_keep)
                                      : nullptr),
      socket_(carrier == Carrier::plain ? nullptr : socket_for(config, carrier == Carrier::journald)),
      format_(config.format != LogFormat::automatic                             ? config.format
              : carrier == Carrier::journald || (file_ && file_->is_terminal()) ? LogFormat::human
                                                                                : LogFormat::json),
      colour_(file_ && file_->is_terminal() && std::getenv("NO_COLOR") == nullptr),
      logger_(file_ ? std::make_shared<spdlog::logger>("gatehouse", file_) : nullptr) {
    static_assert(longest_start + max_log_line + 1 <= PIPE_BUF); // a pipe takes any line at once
    if (carrier_ == Carrier::local_syslog) {
        (origin_ += " gatehouse[").add(::getpid()) += "]: ";
    } else if (carrier_ == Carrier::syslog) {
        std::array<char, 65> name{};
        ::gethostname(name.data(), name.size() - 1);
        (((origin_ += ' ') += name.front() != '\0' ? name.data() : "-") += " gatehouse ").add(::getpid()) += " - - ";
    }
    thread_.start<&LogOutput::run>(*this, "the log");
}

LogOutput::~LogOutput() {
    {
        const MutexLock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join(never);
}

bool LogOutput::wants(LogLevel level, std::string_view message, Fields fields) const noexcept {
    if (level < config_.level) return false;
    if (!config_.records.empty() && std::ranges::find(config_.records, message) == config_.records.end()) return false;
    if (config_.listeners.empty()) return true;
    return std::any_of(fields.begin(), fields.end(), [this](const Field& field) {
        const auto* const name = field.key() == "listener" ? std::get_if<std::string_view>(&field.value()) : nullptr;
        return name != nullptr && std::ranges::find(config_.listeners, *name) != config_.listeners.end();
    });
}

void LogOutput::put(LogLevel level, std::string_view message, Fields fields) noexcept {
    if (!wants(level, message, fields)) return;
    LogLine line;
    if (carrier_ == Carrier::journald)
        format_journal(line, level, message, fields);
    else if (format_ == LogFormat::json)
        format_json(line, level, message, fields);
    else if (format_ == LogFormat::logfmt)
        format_logfmt(line, level, message, fields);
    else
        format_human(line, level, message, fields, colour_);
    push(level, line.view());
}

// Under the lock, so that the lines stand in the order of their times and numbers.
void LogOutput::append_start(LogLevel level) noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    const bool for_people = format_ == LogFormat::human && carrier_ == Carrier::plain;
    const bool to_the_second = carrier_ == Carrier::local_syslog;
    if (now.tv_sec != second_) {
        second_ = now.tv_sec;
        tm parts{};
        for_people || to_the_second ? ::localtime_r(&second_, &parts) : ::gmtime_r(&second_, &parts);
        const char* const form = for_people ? "%Y-%m-%d %H:%M:%S." : to_the_second ? "%b %e %H:%M:%S" : "%Y-%m-%dT%H:%M:%S.";
        std::array<char, longest_start> text{};
        date_.cut(0);
        date_ += std::string_view(text.data(), std::strftime(text.data(), text.size(), form, &parts));
    }
    Start time = date_;
    const auto milliseconds = static_cast<unsigned>(now.tv_nsec / 1'000'000);
    if (!to_the_second)
        for (const unsigned place : {100U, 10U, 1U}) time += static_cast<char>('0' + milliseconds / place % 10);
    if (for_people) return lines_.append(time.view());
    if (!to_the_second) time += 'Z';

    Header start;
    if (carrier_ == Carrier::journald) {
        (start += "SYSLOG_IDENTIFIER=gatehouse\nPRIORITY=").add(severity(level));
        (start += "\nGATEHOUSE_SEQ=").add(last_number_) += '\n';
        return lines_.append(start.view());
    }
    if (carrier_ != Carrier::plain) { // RFC 5424, or on this machine as syslog(3) does: the facility is "daemon"
        constexpr unsigned daemon = 3;
        (start += '<').add(daemon * 8 + severity(level)) += carrier_ == Carrier::syslog ? ">1 " : ">";
        lines_.append((start += time.view()).view());
        lines_.append(origin_.view());
        start.cut(0);
    }
    if (format_ == LogFormat::json) {
        start += '{';
        if (!to_the_second) ((start += R"("time":")") += time.view()) += R"(",)";
        (start += R"("seq":)").add(last_number_);
    } else if (format_ == LogFormat::logfmt) {
        if (!to_the_second) ((start += "time=") += time.view()) += ' ';
        (start += "seq=").add(last_number_);
    }
    lines_.append(start.view());
}

void LogOutput::push(LogLevel level, std::string_view record) noexcept {
    bool wake = false;
    {
        const MutexLock lock(mutex_);
        ++last_number_;
        if (const std::uint32_t lost = lines_.make_room(2 * longest_header + record.size() + 1); lost > 0)
            overrun_.fetch_add(lost, std::memory_order_relaxed);
        append_start(level);
        lines_.append(record);
        lines_.end_line();
        const bool hurry = !hurried_ && (level == LogLevel::error || lines_.is_half_full());
        wake = idle_ || hurry;
        hurried_ |= hurry;
        idle_ = false; // woken once is enough
    }
    if (wake) changed_.notify_one();
}

void LogOutput::run() noexcept {
    ::pthread_setname_np(::pthread_self(), "log");
    LineRing::Batch taken;
    MutexLock lock(mutex_);
    for (;;) {
        while (lines_.empty() && !stopping_) {
            idle_ = true;
            changed_.wait(lock);
        }
        idle_ = false;
        if (lines_.empty()) return;
        writing_ = true;
        while (!lines_.empty()) {
            lines_.take(taken);
            lock.unlock();
            if (logger_)
                logger_->log(spdlog::level::info, spdlog::string_view_t(taken.text.get(), taken.size));
            else
                socket_->write(taken.view());
            lock.lock();
        }
        writing_ = hurried_ = false;
        emptied_.notify_all();
        const Nanoseconds until = monotonic_now() + gathering_time;
        while (!hurried_ && !stopping_ && changed_.wait_until(lock, until)) {
        }
    }
}

bool LogOutput::reopen() { return !file_ || file_->reopen(); }

void LogOutput::hand_over(unsigned user) {
    if (file_) file_->hand_over(user);
}

bool LogOutput::can_reopen() const noexcept { return !file_ || file_->can_reopen(); }

void LogOutput::hurry() noexcept {
    const MutexLock lock(mutex_);
    hurried_ = true;
    changed_.notify_one();
}

void LogOutput::wait(Nanoseconds deadline) noexcept {
    MutexLock lock(mutex_);
    while ((!lines_.empty() || writing_) && emptied_.wait_until(lock, deadline)) {
    }
}

std::uint64_t LogOutput::unwritten() const noexcept { return file_ ? file_->dropped() : socket_->dropped(); }

} // namespace gatehouse::host
