#include "head_scanner.hpp"

namespace http {

namespace {

bool is_control(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

} // namespace

HeadScanner::Result HeadScanner::scan(std::string_view text, const Limits& limits) noexcept {
    while (position_ < text.size()) {
        if (position_ == limits.max_header) return Result::head_too_long;
        const char c = text[position_++];
        if (c == '\n') {
            if (previous_ != '\r') return Result::malformed;
            if (line_length_ == 0) {
                if (lines_ > 0) return Result::complete;
                if (begin_ > 0) return Result::malformed;
                begin_ = position_;
            } else {
                ++lines_;
            }
            line_length_ = 0;
        } else if (previous_ == '\r') {
            return Result::malformed;
        } else if (c != '\r') {
            if (is_control(c)) return Result::malformed;
            // A line that starts with a blank continues the one before it, to some readers and not to others.
            if (line_length_ == 0 && (c == ' ' || c == '\t')) return Result::malformed;
            if (lines_ == 0) {
                if (c == ' ')
                    ++spaces_;
                else if (spaces_ == 1 && ++target_length_ > limits.max_target)
                    return Result::target_too_long;
            }
            ++line_length_;
        }
        previous_ = c;
    }
    return Result::need_more;
}

} // namespace http
