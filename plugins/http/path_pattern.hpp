// Patterns for the paths of a configuration: "/about", "/assets/*", "*.css". A "*" stands for any text, slashes too, and there
// is at most one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace http {

class PathPattern {
  public:
    // Nothing if it is none: it begins with neither "/" nor "*", or has two of these.
    static std::optional<PathPattern> parse(std::string_view text);

    // What the "*" stands for in a path, which begins with a slash; "" if there is none in the pattern. Nothing: the path does
    // not match.
    std::optional<std::string_view> match(std::string_view path) const noexcept;

  private:
    std::string before_;
    std::optional<std::string> after_; // nothing: there is no "*"
};

} // namespace http
