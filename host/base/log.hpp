// The host's log: one record an event, a message and fields. It goes to one output or several, each with its own format.
//
// Writing never waits, never fails and allocates nothing: a record is formatted on the caller's stack and copied into a bounded
// buffer of the output, which a thread writes many lines at a time, within a few hundredths of a second. When the buffer
// overflows, the disk is full or the reader has gone, lines are dropped and counted. Each record of an output has the next
// number, "seq" in JSON: numbers that are missing were dropped. [any] unless noted.
#pragma once

#include "base/clock.hpp"
#include "base/log_config.hpp"
#include "base/log_line.hpp"
#include "base/mutex.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace gatehouse::host {

class LogOutput;

class Log {
  public:
    // Throws std::runtime_error if a file cannot be opened. [main]
    explicit Log(const LogConfig& config);
    ~Log(); // writes what is queued

    void write(LogLevel level, std::string_view message, Fields fields = {}) noexcept;
    void debug(std::string_view message, Fields fields = {}) noexcept { write(LogLevel::debug, message, fields); }
    void info(std::string_view message, Fields fields = {}) noexcept { write(LogLevel::info, message, fields); }
    void warning(std::string_view message, Fields fields = {}) noexcept { write(LogLevel::warning, message, fields); }
    void error(std::string_view message, Fields fields = {}) noexcept { write(LogLevel::error, message, fields); }

    // Writes a record at `info` whatever the level of the log is: of what people have changed.
    void audit(std::string_view message, Fields fields) noexcept { put(LogLevel::info, message, fields); }

    bool enabled(LogLevel level) const noexcept { return level >= level_.load(std::memory_order_relaxed); }
    LogLevel level() const noexcept { return level_.load(std::memory_order_relaxed); }

    // The configuration has another level now. [main]
    void configure(LogLevel level) noexcept;

    // Another level until then, and after that the one of the configuration again. `wanted`: whether a record is written that
    // the configuration's level leaves out; empty: all are. With it no record is left out that the configuration's level has.
    // May throw std::bad_alloc. [main]
    using Wanted = std::function<bool(const Fields& fields)>; // must not throw
    void set_level(LogLevel level, Nanoseconds until, Wanted wanted = {});
    void restore_level() noexcept; // before its time. [main]
    // Goes back if it is time. Returns when it wants to be asked again. [main]
    Nanoseconds supervise(Nanoseconds now) noexcept;

    // Opens the log files again by their names, after logrotate or a person has moved them away. Keeps an old one if that
    // fails. [main]
    void reopen() noexcept;

    // Gives the log files to this user that the host has made; one that was there keeps its owner. Throws std::system_error.
    // [main]
    void hand_over(unsigned user);

    // Whether reopen() would succeed as things are; if not, errno says why. [main]
    bool can_reopen() const noexcept;

    // Waits until what is queued has been written, for a second at most. [main]
    void flush() noexcept;

    // How many records of a level were written, the lost ones included.
    std::uint64_t records(LogLevel level) const noexcept;

    // How many lines were lost so far: since more came than fit into the buffer, or since the disk or the reader did not take
    // them.
    std::uint64_t overrun() const noexcept;
    std::uint64_t unwritten() const noexcept;
    // Both.
    std::uint64_t dropped() const noexcept;

  private:
    void put(LogLevel level, std::string_view message, Fields fields) noexcept;

    bool is_wanted(const Fields& fields) const noexcept;
    void settle_level() noexcept; // [main]

    std::atomic<LogLevel> configured_; // written by the main thread, as is the next one
    std::atomic<LogLevel> level_;
    Nanoseconds level_until_ = never; // [main], as are the next two
    std::optional<LogLevel> ordered_; // nothing: the configuration's level counts
    bool is_filtered_ = false;
    std::array<std::atomic<std::uint64_t>, log_levels> records_{};
    std::vector<std::unique_ptr<LogOutput>> outputs_;
    mutable Mutex filtering_;
    std::shared_ptr<const Wanted> wanted_ GATEHOUSE_GUARDED_BY(filtering_); // null: all records
};

} // namespace gatehouse::host
