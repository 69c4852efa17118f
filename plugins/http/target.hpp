// From a request target to a path beneath the document root and back: RFC 9112 §3.2, RFC 3986 §2.1 and §5.2.4.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace http {

struct Path {
    std::string relative;   // decoded; no leading or trailing slash, no empty, "." or ".." segment; "" is the root itself
    bool directory = false; // the target ended in a slash (or a dot segment), or is the root
    std::string_view query; // with its '?', as it was sent; empty if there is none

    std::string whole() const { return '/' + relative + (directory && !relative.empty() ? "/" : ""); }
};

// Takes the forms "/path?query" and "http://host/path?query". Nothing for other forms, for a path that climbs above the root,
// and for one with an encoded NUL or slash, which no file name can contain.
std::optional<Path> parse_target(std::string_view target);

// The host of a target of the form "http://host:port/path", without the port; empty: it has another form.
std::string_view host_of_target(std::string_view target) noexcept;

// "a.example:8080" gives "a.example".
std::string_view without_port(std::string_view authority) noexcept;

// Whether a segment starts with a dot: the plugin does not serve these files, except in /.well-known/ (RFC 8615).
bool is_hidden(std::string_view relative) noexcept;

// The absolute path of a URI, percent-encoded: "a b" gives "/a%20b".
std::string encode_path(std::string_view relative);

} // namespace http
