#include "base/log.hpp"

#include "base/clock.hpp"
#include "base/line_ring.hpp"
#include "base/log_sink.hpp"
#include "base/mutex.hpp"
#include "base/thread.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <spdlog/logger.h>
#include <utility>

namespace gatehouse::host {
namespace {

// Lines are gathered for this long, so that a busy host wakes the log's thread a few dozen times a second.
constexpr Nanoseconds gathering_time = 20'000'000;

// What stands before a record: its time and its number.
constexpr std::size_t longest_start = 80;
using Start = BoundedText<longest_start>;
static_assert(longest_start + max_log_line + 1 <= PIPE_BUF); // a pipe takes any line at once

} // namespace

struct Log::Impl {
    explicit Impl(const LogConfig& config);
    ~Impl();

    void push(std::string_view record, bool urgent) noexcept;
    void append_start() noexcept GATEHOUSE_REQUIRES(mutex);
    void run() noexcept;

    // Constant after construction.
    const std::shared_ptr<LogSink> sink;
    const bool json;
    const bool colour;
    spdlog::logger logger; // used by the log's thread only

    // spdlog's own asynchronous logger allocates for each line, wakes its thread for it, and looks at its queue every ten
    // seconds when it is idle.
    Mutex mutex;
    ConditionVariable changed;
    ConditionVariable emptied;
    LineRing lines GATEHOUSE_GUARDED_BY(mutex);
    std::uint64_t last_number GATEHOUSE_GUARDED_BY(mutex) = 0;
    time_t second GATEHOUSE_GUARDED_BY(mutex) = -1; // that `date` stands for
    Start date GATEHOUSE_GUARDED_BY(mutex);
    bool idle GATEHOUSE_GUARDED_BY(mutex) = false;    // the thread waits for a line
    bool hurried GATEHOUSE_GUARDED_BY(mutex) = false; // it is not to gather lines
    bool writing GATEHOUSE_GUARDED_BY(mutex) = false;
    bool stopping GATEHOUSE_GUARDED_BY(mutex) = false;
    std::array<std::atomic<std::uint64_t>, log_levels> records{};
    std::atomic<std::uint64_t> overrun{0}; // lines that have made way for newer ones
    Thread thread;                         // last: everything above is ready when it starts
};

Log::Impl::Impl(const LogConfig& config)
    : sink(std::make_shared<LogSink>(config.file)),
      json(config.format == LogFormat::json || (config.format == LogFormat::automatic && !sink->is_terminal())),
      colour(sink->is_terminal() && std::getenv("NO_COLOR") == nullptr), logger("gatehouse", sink) {
    thread.start<&Impl::run>(*this, "the log");
}

Log::Impl::~Impl() {
    {
        const MutexLock lock(mutex);
        stopping = true;
    }
    changed.notify_one();
    thread.join(never);
}

// Under the lock, so that the lines stand in the order of their times and numbers.
void Log::Impl::append_start() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != second) {
        second = now.tv_sec;
        tm parts{};
        json ? ::gmtime_r(&second, &parts) : ::localtime_r(&second, &parts);
        std::array<char, longest_start> text{};
        const char* const format = json ? R"({"time":"%Y-%m-%dT%H:%M:%S.)" : "%Y-%m-%d %H:%M:%S.";
        date.cut(0);
        date += std::string_view(text.data(), std::strftime(text.data(), text.size(), format, &parts));
    }
    Start start = date;
    const auto milliseconds = static_cast<unsigned>(now.tv_nsec / 1'000'000);
    for (const unsigned place : {100U, 10U, 1U}) start += static_cast<char>('0' + milliseconds / place % 10);
    if (json) (start += R"(Z","seq":)").add(last_number);
    lines.append(start.view());
}

void Log::Impl::push(std::string_view record, bool urgent) noexcept {
    bool wake = false;
    {
        const MutexLock lock(mutex);
        ++last_number;
        if (const std::uint32_t lost = lines.make_room(longest_start + record.size() + 1); lost > 0)
            overrun.fetch_add(lost, std::memory_order_relaxed);
        append_start();
        lines.append(record);
        lines.end_line();
        const bool hurry = !hurried && (urgent || lines.is_half_full());
        wake = idle || hurry;
        hurried |= hurry;
        idle = false; // woken once is enough
    }
    if (wake) changed.notify_one();
}

void Log::Impl::run() noexcept {
    ::pthread_setname_np(::pthread_self(), "log");
    LineRing::Batch taken;
    MutexLock lock(mutex);
    for (;;) {
        while (lines.empty() && !stopping) {
            idle = true;
            changed.wait(lock);
        }
        idle = false;
        if (lines.empty()) return;
        writing = true;
        while (!lines.empty()) {
            lines.take(taken);
            lock.unlock();
            logger.log(spdlog::level::info, spdlog::string_view_t(taken.text.get(), taken.size));
            lock.lock();
        }
        writing = hurried = false;
        emptied.notify_all();
        const Nanoseconds until = monotonic_now() + gathering_time;
        while (!hurried && !stopping && changed.wait_until(lock, until)) {
        }
    }
}

Log::Log(const LogConfig& config) : configured_(config.level), level_(config.level), impl_(std::make_unique<Impl>(config)) {}

Log::~Log() = default;

void Log::write(LogLevel level, std::string_view message, Fields fields) noexcept {
    if (enabled(level)) put(level, message, fields);
}

void Log::put(LogLevel level, std::string_view message, Fields fields) noexcept {
    impl_->records[static_cast<std::size_t>(level)].fetch_add(1, std::memory_order_relaxed);
    LogLine line;
    if (impl_->json)
        format_json(line, level, message, fields);
    else
        format_human(line, level, message, fields, impl_->colour);
    impl_->push(line.view(), level == LogLevel::error);
}

void Log::configure(LogLevel level) noexcept {
    configured_ = level;
    if (level_until_ == never) set_level(level, never);
}

void Log::set_level(LogLevel level, Nanoseconds until) noexcept {
    level_until_ = until;
    level_.store(level, std::memory_order_relaxed);
}

Nanoseconds Log::supervise(Nanoseconds now) noexcept {
    if (level_until_ > now) return level_until_;
    set_level(configured_, never);
    info("the log has the level of the configuration again");
    return never;
}

void Log::reopen() noexcept {
    try {
        if (!impl_->sink->reopen())
            error("cannot reopen the log file; going on with the old one", {{"error", std::strerror(errno)}});
        else
            info("log file reopened");
    } catch (const std::exception&) { // no memory: the old one goes on
    }
}

void Log::hand_over(unsigned user) { impl_->sink->hand_over(user); }

bool Log::can_reopen() const noexcept { return impl_->sink->can_reopen(); }

void Log::flush() noexcept {
    const Nanoseconds deadline = monotonic_now() + 1'000'000'000;
    MutexLock lock(impl_->mutex);
    impl_->hurried = true;
    impl_->changed.notify_one();
    while ((!impl_->lines.empty() || impl_->writing) && impl_->emptied.wait_until(lock, deadline)) {
    }
}

std::uint64_t Log::records(LogLevel level) const noexcept {
    return impl_->records[static_cast<std::size_t>(level)].load(std::memory_order_relaxed);
}

std::uint64_t Log::overrun() const noexcept { return impl_->overrun.load(std::memory_order_relaxed); }
std::uint64_t Log::unwritten() const noexcept { return impl_->sink->dropped(); }
std::uint64_t Log::dropped() const noexcept { return overrun() + unwritten(); }

} // namespace gatehouse::host
