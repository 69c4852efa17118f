// Values with their types, for the log and for the answers to commands; see gatehouse_value.
//
//     conn.log(GATEHOUSE_LEVEL_INFO, "delivered", {{"to", name}, {"size", Value::bytes(size)}, {"took", 12ms}});
#ifndef GATEHOUSE_VALUE_HPP
#define GATEHOUSE_VALUE_HPP

#include "gatehouse.h"
#include "status.hpp"

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <ratio>
#include <string>
#include <string_view>
#include <utility>

namespace gatehouse {

// Text is borrowed.
struct Value : gatehouse_value {
    constexpr Value() noexcept : Value(GATEHOUSE_TYPE_NONE, 0) {}
    constexpr Value(std::string_view of) noexcept : Value(GATEHOUSE_TYPE_TEXT, 0, of) {}
    constexpr Value(const char* of) noexcept : Value(std::string_view(of)) {}
    Value(const std::string& of) noexcept : Value(std::string_view(of)) {}
    template <std::integral Number>
        requires(!std::same_as<Number, bool>)
    constexpr Value(Number of) noexcept : Value(GATEHOUSE_TYPE_NUMBER, number_of(of)) {}
    template <class Rep, class Period>
    constexpr Value(std::chrono::duration<Rep, Period> of) noexcept
        : Value(GATEHOUSE_TYPE_SECONDS,
                std::chrono::duration_cast<std::chrono::duration<std::int64_t, std::micro>>(of).count()) {}
    Value(std::chrono::system_clock::time_point of) noexcept
        : Value(GATEHOUSE_TYPE_TIME, std::chrono::duration_cast<std::chrono::milliseconds>(of.time_since_epoch()).count()) {}

    // One of a few words.
    static constexpr Value state(std::string_view word) noexcept { return {GATEHOUSE_TYPE_STATE, 0, word}; }
    template <std::integral Number>
    static constexpr Value bytes(Number of) noexcept {
        return {GATEHOUSE_TYPE_BYTES, number_of(of)};
    }

  private:
    constexpr Value(gatehouse_type what, std::int64_t much, std::string_view words = {}) noexcept
        : gatehouse_value{what, 0, much, {words.data(), words.size()}} {}
    template <class Number>
    static constexpr std::int64_t number_of(Number of) noexcept {
        constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
        return std::cmp_less(most, of) ? most : static_cast<std::int64_t>(of);
    }
};

// A named value in a line of the log. The name has lower-case letters, digits and '_'; see gatehouse_host.log.
struct Field : gatehouse_field {
    Field(std::string_view called, const Value& what) noexcept : gatehouse_field{detail::str(called), what} {}
};

} // namespace gatehouse

#endif
