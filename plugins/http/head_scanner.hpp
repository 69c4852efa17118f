// Finds the end of a request's head (request line, fields, empty line) as its bytes come in, and refuses bytes that must not
// reach a parser: RFC 9112 §2.2 and §5.2. It looks at each byte once, so a slow client costs no more than one that sends its
// head whole. The verdict does not depend on how the network has cut the bytes.
#pragma once

#include "limits.hpp"

#include <cstddef>
#include <string_view>

namespace http {

class HeadScanner {
  public:
    enum class Result {
        need_more,
        complete,        // the head is text[begin(), end())
        malformed,       // a bare CR or LF, a folded line, a control character, or no request line
        target_too_long, // the target has more than max_target bytes
        head_too_long,   // more than max_header bytes and still no end
    };

    // Goes on from where the last call ended. `text` holds all bytes from the start of the head; it may have moved.
    Result scan(std::string_view text, const Limits& limits) noexcept;

    // Skips one empty line before the request line: old clients send it after a body.
    std::size_t begin() const noexcept { return begin_; }
    std::size_t end() const noexcept { return position_; }

  private:
    std::size_t begin_ = 0;
    std::size_t position_ = 0;
    std::size_t lines_ = 0;       // complete ones, without the skipped one
    std::size_t line_length_ = 0; // of the line that is being read, without CR
    std::size_t spaces_ = 0;      // in the request line
    std::size_t target_length_ = 0;
    char previous_ = '\0';
};

} // namespace http
