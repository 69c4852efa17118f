// The host's log: one line an event, a message and fields, for people or as JSON.
//
// Writing never waits, never fails and allocates nothing: a record is formatted on the caller's stack and copied into a bounded
// buffer, which one thread writes many lines at a time, within a few hundredths of a second. When the buffer overflows, the
// disk is full or the reader has gone, lines are dropped and counted. Each record has the next number, "seq" in JSON: numbers
// that are missing were dropped. [any] unless noted.
#pragma once

#include "base/clock.hpp"
#include "base/log_line.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

namespace gatehouse::host {

enum class LogFormat { automatic, human, json }; // automatic: human on a terminal, JSON otherwise

// [log]
struct LogConfig {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::automatic;
    std::filesystem::path file; // empty: standard error
    bool access = true;         // one line for each connection that has ended

    bool operator==(const LogConfig&) const = default;
};

class Log {
  public:
    // Throws std::runtime_error if the file cannot be opened. [main]
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

    // Another level until then, and after that the one of the configuration again. [main]
    void set_level(LogLevel level, Nanoseconds until) noexcept;
    // Goes back if it is time. Returns when it wants to be asked again. [main]
    Nanoseconds supervise(Nanoseconds now) noexcept;

    // Opens the log file again by its name, after logrotate or a person has moved it away. Keeps the old one if that fails.
    // [main]
    void reopen() noexcept;

    // Gives the log file to this user if the host has made it; one that was there keeps its owner. Throws std::system_error.
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
    struct Impl;
    void put(LogLevel level, std::string_view message, Fields fields) noexcept;

    LogLevel configured_;             // [main]
    std::atomic<LogLevel> level_;     // written by the main thread
    Nanoseconds level_until_ = never; // [main]
    std::unique_ptr<Impl> impl_;
};

} // namespace gatehouse::host
