// A request as the http plugin needs it, and the parsing of its head: RFC 9112 §3, §5, §6 and §9.
#pragma once

#include "limits.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace http {

enum class Method {
    get,
    head,
    other,  // HTTP knows it, this plugin does not
    unknown // HTTP does not know it
};

// A request that the plugin cannot serve. It closes the connection after the answer, since it cannot trust the bytes that
// follow.
struct Problem {
    int status = 0; // 0: no problem
    std::string_view detail;
    bool head_only = false; // the method is HEAD: the answer has no body

    explicit operator bool() const noexcept { return status != 0; }
};

// Repeated fields are joined with ", " (RFC 9110 §5.3). That makes a field that allows one value only invalid, as it should.
struct Request {
    Method method = Method::unknown;
    std::string_view head; // the one that was parsed; the next two are parts of it
    std::string_view target;
    std::string_view host;   // the value of the Host field, with the port if it has one; empty: there is none
    int version = 11;        // 10 or 11
    bool keep_alive = false; // the client wants to go on after this request
    bool expects_continue = false;
    bool chunked = false; // there is a body in chunks
    std::uint64_t content_length = 0;

    bool has_body() const noexcept { return chunked || content_length > 0; }

    // The value of a field that is not below; empty: there is none.
    std::string field(std::string_view name) const;

    std::optional<std::string> range;
    std::optional<std::string> if_range;
    std::optional<std::string> if_match;
    std::optional<std::string> if_none_match;
    std::optional<std::string> if_modified_since;
    std::optional<std::string> if_unmodified_since;
};

// Parses a head that HeadScanner found complete.
Problem parse_head(std::string_view head, const Limits& limits, Request& request);

// Whether a request that begins like this, whole or not, is one for HEAD or may become one: its answer has no content.
bool may_be_head(std::string_view text) noexcept;

} // namespace http
