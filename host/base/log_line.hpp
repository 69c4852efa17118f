// How a record of the log becomes a line, on the caller's stack: for people, as JSON, as logfmt, or as journald takes it. Every
// text is escaped here, so one record is always one line.
#pragma once

#include "base/bounded_text.hpp"

#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace gatehouse::host {

enum class LogLevel { debug, info, warning, error };
inline constexpr std::size_t log_levels = 4;

// A named value. The key is a literal without characters that need escaping; a field with an empty one is left out. Text is not
// copied.
class Field {
  public:
    using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double>;

    Field() noexcept = default; // left out
    Field(std::string_view key, std::string_view value) noexcept : key_(key), value_(value) {}
    template <class Number>
        requires std::is_arithmetic_v<Number>
    Field(std::string_view key, Number value) noexcept : key_(key) {
        if constexpr (std::is_floating_point_v<Number>)
            value_ = double{value};
        else if constexpr (std::is_signed_v<Number>)
            value_ = std::int64_t{value};
        else
            value_ = std::uint64_t{value};
    }

    std::string_view key() const noexcept { return key_; }
    const Value& value() const noexcept { return value_; }

  private:
    std::string_view key_;
    Value value_;
};

// They are borrowed for the length of a call.
class Fields {
  public:
    Fields() noexcept = default;
    Fields(std::initializer_list<Field> list) noexcept : list_(std::data(list), list.size()) {}
    explicit Fields(std::span<const Field> list) noexcept : list_(list) {}
    auto begin() const noexcept { return list_.begin(); }
    auto end() const noexcept { return list_.end(); }

  private:
    std::span<const Field> list_;
};

// A record without what stands before it, its time and its number, and without the end of the line. A field that does not fit
// is left out, and so are those behind it.
inline constexpr std::size_t max_log_line = 4000;
using LogLine = BoundedText<max_log_line>;

void format_human(LogLine& line, LogLevel level, std::string_view message, Fields fields, bool colour) noexcept;
// From the comma behind the number to the closing brace.
void format_json(LogLine& line, LogLevel level, std::string_view message, Fields fields) noexcept;

// level=info msg=closed listener=web ...
void format_logfmt(LogLine& line, LogLevel level, std::string_view message, Fields fields) noexcept;
// The fields as NAME=value, a line each: MESSAGE for people, and the others by themselves, as GATEHOUSE_LISTENER.
void format_journal(LogLine& line, LogLevel level, std::string_view message, Fields fields) noexcept;

// The text as the inside of a JSON string, on one line.
std::string escape_json(std::string_view text);

} // namespace gatehouse::host
