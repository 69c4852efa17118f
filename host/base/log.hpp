// The host's log: one line an event, a message and fields, for people or as JSON.
//
// Writing never blocks and never fails: lines go through a bounded queue to one thread that writes them. When the queue
// overflows, the disk is full or the reader has gone, lines are dropped and counted. Every text is escaped in one place, so one
// record is always one line. [any] unless noted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

namespace gatehouse::host {

enum class LogLevel { debug, info, warning, error };
enum class LogFormat { automatic, human, json }; // automatic: human on a terminal, JSON otherwise

// [log]
struct LogConfig {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::automatic;
    std::filesystem::path file; // empty: standard error
    bool access = true;         // one line for each connection that has ended

    bool operator==(const LogConfig&) const = default;
};

// A named value. The key is a literal without characters that need escaping; a field with an empty one is left out.
class Field {
  public:
    Field(std::string_view key, std::string_view value) : key_(key), text_(value), quoted_(true) {}
    template <class Number>
        requires std::is_arithmetic_v<Number>
    Field(std::string_view key, Number value) : key_(key), text_(std::to_string(value)), quoted_(false) {
        if (std::is_floating_point_v<Number>) text_.resize(text_.size() - 3); // thousandths are enough
    }

    std::string_view key() const noexcept { return key_; }
    std::string_view text() const noexcept { return text_; }
    bool quoted() const noexcept { return quoted_; }

  private:
    std::string_view key_;
    std::string text_;
    bool quoted_;
};

using Fields = std::initializer_list<Field>;

// One record as a line without its end, at most max_log_line bytes; `time` is "YYYY-MM-DD HH:MM:SS.mmm" or the like.
inline constexpr std::size_t max_log_line = 4000;
std::string format_human(std::string_view time, LogLevel level, std::string_view message, Fields fields, bool colour);
std::string format_json(std::string_view time, LogLevel level, std::string_view message, Fields fields);

// The text as the inside of a JSON string, on one line.
std::string escape_json(std::string_view text);

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

    bool enabled(LogLevel level) const noexcept { return level >= level_; }

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

    // Lines that were lost so far.
    std::uint64_t dropped() const noexcept;

  private:
    struct Impl;
    LogLevel level_;
    std::unique_ptr<Impl> impl_;
};

} // namespace gatehouse::host
