#include "base/log.hpp"

#include "base/log_output.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace gatehouse::host {

Log::Log(const LogConfig& config) : configured_(config.level), level_(config.level) {
    for (const LogOutputConfig& output : config.all_outputs()) outputs_.push_back(std::make_unique<LogOutput>(output));
}

Log::~Log() = default;

void Log::write(LogLevel level, std::string_view message, Fields fields) noexcept {
    if (enabled(level) && (level >= configured_.load(std::memory_order_relaxed) || is_wanted(fields)))
        put(level, message, fields);
}

// Of a record that only an order has written.
bool Log::is_wanted(const Fields& fields) const noexcept {
    std::shared_ptr<const Wanted> wanted;
    {
        const MutexLock lock(filtering_);
        wanted = wanted_;
    }
    return !wanted || (*wanted)(fields);
}

void Log::put(LogLevel level, std::string_view message, Fields fields) noexcept {
    records_[static_cast<std::size_t>(level)].fetch_add(1, std::memory_order_relaxed);
    for (const auto& output : outputs_) output->put(level, message, fields);
}

void Log::configure(LogLevel level) noexcept {
    configured_.store(level, std::memory_order_relaxed);
    settle_level();
}

void Log::settle_level() noexcept {
    const LogLevel configured = configured_.load(std::memory_order_relaxed);
    const LogLevel ordered = ordered_.value_or(configured);
    level_.store(is_filtered_ ? std::min(ordered, configured) : ordered, std::memory_order_relaxed);
}

void Log::set_level(LogLevel level, Nanoseconds until, Wanted wanted) {
    std::shared_ptr<const Wanted> filter = wanted ? std::make_shared<const Wanted>(std::move(wanted)) : nullptr;
    level_until_ = until;
    ordered_ = level;
    is_filtered_ = filter != nullptr;
    {
        const MutexLock lock(filtering_);
        wanted_.swap(filter);
    }
    settle_level();
}

void Log::restore_level() noexcept {
    level_until_ = never;
    ordered_.reset();
    is_filtered_ = false;
    settle_level();
    const MutexLock lock(filtering_);
    wanted_.reset();
}

Nanoseconds Log::supervise(Nanoseconds now) noexcept {
    if (level_until_ > now) return level_until_;
    restore_level();
    info("the log has the level of the configuration again");
    return never;
}

void Log::reopen() noexcept {
    try {
        int failed = 0;
        for (const auto& output : outputs_)
            if (!output->reopen()) failed = errno;
        if (failed != 0)
            error("cannot reopen the log file; going on with the old one", {{"error", std::strerror(failed)}});
        else
            info("log file reopened");
    } catch (const std::exception&) { // no memory: the old one goes on
    }
}

void Log::hand_over(unsigned user) {
    for (const auto& output : outputs_) output->hand_over(user);
}

bool Log::can_reopen() const noexcept {
    return std::ranges::all_of(outputs_, [](const auto& output) { return output->can_reopen(); });
}

void Log::flush() noexcept {
    const Nanoseconds deadline = monotonic_now() + 1'000'000'000;
    for (const auto& output : outputs_) output->hurry();
    for (const auto& output : outputs_) output->wait(deadline);
}

std::uint64_t Log::records(LogLevel level) const noexcept {
    return records_[static_cast<std::size_t>(level)].load(std::memory_order_relaxed);
}

std::uint64_t Log::overrun() const noexcept {
    std::uint64_t all = 0;
    for (const auto& output : outputs_) all += output->overrun();
    return all;
}

std::uint64_t Log::unwritten() const noexcept {
    std::uint64_t all = 0;
    for (const auto& output : outputs_) all += output->unwritten();
    return all;
}

std::uint64_t Log::dropped() const noexcept { return overrun() + unwritten(); }

} // namespace gatehouse::host
