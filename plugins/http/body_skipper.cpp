#include "body_skipper.hpp"
#include "grammar.hpp"

#include <algorithm>
#include <limits>

namespace http {

namespace {

constexpr Problem too_large{413, "The request's body is too large."};

bool is_text(char c) noexcept { return (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) || c == '\t'; }

// Appends a hexadecimal digit to the number, which stays at the largest one if it would overflow.
bool append_digit(std::uint64_t& number, char c) noexcept {
    const int digit = hex_digit(c);
    if (digit < 0) return false;
    constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
    number = number > largest / 16 ? largest : number * 16 + static_cast<std::uint64_t>(digit);
    return true;
}

} // namespace

BodySkipper::BodySkipper(const Request& request) noexcept
    : state_(request.chunked ? State::size_start : State::content), left_(request.content_length) {}

Problem BodySkipper::skip(std::string_view& input, const Limits& limits) noexcept {
    while (!done() && !input.empty()) {
        const std::size_t count =
            state_ == State::content || state_ == State::data ? std::min<std::uint64_t>(left_, input.size()) : 1;
        if (state_ == State::content) {
            left_ -= count;
            if (left_ == 0) state_ = State::done;
        } else {
            total_ += count;
            if (total_ > limits.max_body) return too_large;
            if (state_ == State::data) {
                left_ -= count;
                if (left_ == 0) state_ = State::data_end;
            } else if (!step(input.front())) {
                return {400, "The request's body is not correctly chunked."};
            }
            // The answer goes out as soon as the size is known, not after the chunk.
            if (state_ == State::size && left_ > limits.max_body) return too_large;
        }
        input.remove_prefix(count);
    }
    return {};
}

bool BodySkipper::step(char c) noexcept {
    const auto go = [this](bool valid, State next) {
        state_ = next;
        return valid;
    };
    switch (state_) {
    case State::size_start:
        left_ = 0;
        return go(append_digit(left_, c), State::size);
    case State::size:
        if (c == '\r') return go(true, State::size_end);
        if (c == ';') return go(true, State::extension);
        return append_digit(left_, c);
    case State::extension:
        return is_blank(c) || go(is_token_char(c), State::extension_name);
    case State::extension_name:
        if (is_token_char(c)) return true;
        if (c == '\r') return go(true, State::size_end);
        state_ = State::extension_name_end;
        [[fallthrough]];
    case State::extension_name_end:
        if (c == '=') return go(true, State::extension_value);
        return is_blank(c) || go(c == ';', State::extension);
    case State::extension_value:
        if (c == '"') return go(true, State::extension_quoted);
        return is_blank(c) || go(is_token_char(c), State::extension_token);
    case State::extension_quoted:
        if (c == '"') return go(true, State::extension_quote);
        if (c == '\\') return go(true, State::extension_escape);
        return is_text(c);
    case State::extension_escape:
        return go(is_text(c), State::extension_quoted);
    case State::extension_token:
        if (is_token_char(c)) return true;
        [[fallthrough]];
    case State::extension_quote:
        if (c == '\r') return go(true, State::size_end);
        state_ = State::extension_value_end;
        [[fallthrough]];
    case State::extension_value_end:
        return is_blank(c) || go(c == ';', State::extension);
    case State::size_end:
        return go(c == '\n', left_ == 0 ? State::trailer_start : State::data);
    case State::data_end:
        return go(c == '\r', State::data_end_line);
    case State::data_end_line:
        return go(c == '\n', State::size_start);
    case State::trailer_start:
        if (c == '\r') return go(true, State::last_line);
        return go(is_token_char(c), State::trailer_name);
    case State::trailer_name:
        return is_token_char(c) || go(c == ':', State::trailer_value);
    case State::trailer_value:
        if (c == '\r') return go(true, State::trailer_end);
        return is_text(c);
    case State::trailer_end:
        return go(c == '\n', State::trailer_start);
    case State::last_line:
        return go(c == '\n', State::done);
    case State::content:
    case State::data:
    case State::done:
        break;
    }
    return false;
}

} // namespace http
