// The words of a command, read from left to right. Each function throws std::invalid_argument for the operator.
#pragma once

#include "orders.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace gateway {

class CommandWords {
  public:
    CommandWords(std::span<const std::string_view> words, std::string usage) : words_(words), usage_(std::move(usage)) {}

    std::string_view next(); // refuses if there is none
    // Whether a word follows that does not begin the end of an order.
    bool has_value() const noexcept;
    std::uint32_t number(std::string_view what, std::uint32_t most); // the next word
    milliseconds duration();                                         // the same
    // [for TIME] [reason TEXT], and nothing else.
    void read_end_of(Order& order, Clock::time_point now);
    void expect_end() const;
    [[noreturn]] void refuse() const; // says how the command is used

    static std::uint32_t number_in(std::string_view word, std::string_view what, std::uint32_t most);

  private:
    std::span<const std::string_view> words_; // that are left
    std::string usage_;
};

} // namespace gateway
