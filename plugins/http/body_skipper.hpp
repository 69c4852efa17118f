// Reads past the body of a request: checks its framing and drops its content. RFC 9112 §6.2 and §7.1.
//
// It keeps a few numbers and no bytes, so a slow body costs no memory. It is stricter than a general parser: no blanks around
// chunk sizes, no control characters in extensions, no folded trailer.
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
        extension,
        size_end, // LF
        data,
        data_end,      // CR
        data_end_line, // LF
        trailer_start,
        trailer,
        trailer_end, // LF
        last_line,   // LF
        done
    };

    bool step(char c) noexcept; // a byte of the framing; false if it is malformed

    State state_;
    bool trailer_has_name_ = false;
    std::uint64_t left_;      // bytes of the content or chunk that are to come
    std::uint64_t total_ = 0; // bytes of a chunked body so far, framing included
};

} // namespace http
