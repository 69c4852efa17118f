#include "command_words.hpp"

#include "text.hpp"
#include "time_text.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace gateway {
namespace {

constexpr std::size_t longest_reason = 256;

} // namespace

void CommandWords::refuse() const { throw std::invalid_argument("usage: " + usage_); }

void CommandWords::expect_end() const {
    if (!words_.empty()) refuse();
}

std::string_view CommandWords::next() {
    if (words_.empty()) refuse();
    const std::string_view word = words_.front();
    words_ = words_.subspan(1);
    return word;
}

bool CommandWords::has_value() const noexcept {
    return !words_.empty() && words_.front() != "for" && words_.front() != "reason";
}

std::uint32_t CommandWords::number_in(std::string_view word, std::string_view what, std::uint32_t most) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size() || number > most)
        throw std::invalid_argument(in_quotes(word) + " is not " + std::string(what) + " (expected 0 to " +
                                    std::to_string(most) + ')');
    return number;
}

std::uint32_t CommandWords::number(std::string_view what, std::uint32_t most) { return number_in(next(), what, most); }

milliseconds CommandWords::duration() {
    const std::string_view word = next();
    const auto time = parse_time(word);
    if (!time) throw std::invalid_argument(in_quotes(word) + " is not a duration such as \"30s\"");
    return *time;
}

void CommandWords::read_end_of(Order& order, Clock::time_point now) {
    if (!words_.empty() && words_.front() == "for") {
        next();
        const milliseconds time = duration();
        if (time == milliseconds(0)) throw std::invalid_argument("an order for no time has no effect");
        order.until = now + time;
    }
    if (!words_.empty() && words_.front() == "reason") {
        next();
        order.reason = next();
        while (!words_.empty()) order.reason.append(" ").append(next());
        const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
        if (order.reason.size() > longest_reason || std::ranges::any_of(order.reason, is_control))
            throw std::invalid_argument("a reason has at most " + std::to_string(longest_reason) +
                                        " bytes and no control characters");
    }
    expect_end();
}

} // namespace gateway
