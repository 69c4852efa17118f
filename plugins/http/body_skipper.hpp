// Reads past the body of a request: checks its framing and drops its content. RFC 9112 §6.2 and §7.1.
//
// It keeps a few numbers and no bytes, so a slow body costs no memory. It follows the grammar but for blanks around chunk
// sizes, which it refuses: attackers use them.
#pragma once

#include "limits.hpp"
#include "request.hpp"

#include <cstdint>
#include <string_view>

namespace http {

class BodySkipper {
  public:
    // For a request that parse_head() has accepted.
    explicit BodySkipper(const Request& request) noexcept;

    // Removes the bytes of the body from the front of `input`.
    Problem skip(std::string_view& input, const Limits& limits) noexcept;

    bool done() const noexcept { return state_ == State::done; }

  private:
    enum class State {
        content, // by length
        size_start,
        size,
        extension, // after its semicolon: [ BWS ] chunk-ext-name [ BWS "=" BWS chunk-ext-val ]
        extension_name,
        extension_name_end,
        extension_value,
        extension_token,
        extension_quoted,
        extension_escape, // the character after a backslash
        extension_quote,  // after the closing one
        extension_value_end,
        size_end, // LF
        data,
        data_end,      // CR
        data_end_line, // LF
        trailer_start,
        trailer_name,
        trailer_value,
        trailer_end, // LF
        last_line,   // LF
        done
    };

    bool step(char c) noexcept; // a byte of the framing; false if it is malformed

    State state_;
    std::uint64_t left_;      // bytes of the content or chunk that are to come
    std::uint64_t total_ = 0; // bytes of a chunked body so far, framing included
};

} // namespace http
