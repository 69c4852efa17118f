// HTTP dates: RFC 9110 §5.6.7. Times are seconds since 1970, UTC.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace http {

// "Sun, 06 Nov 1994 08:49:37 GMT". Years beyond 9999 and before 0 are shown as the nearest of them.
class HttpDate {
  public:
    explicit HttpDate(std::int64_t time) noexcept;
    std::string_view text() const noexcept { return {text_.data(), text_.size()}; }

  private:
    std::array<char, 29> text_;
};

// Reads the form above and the two obsolete ones, "Sunday, 06-Nov-94 08:49:37 GMT" and "Sun Nov  6 08:49:37 1994". `now`
// decides the century of the second: a date that appears to be more than 50 years in the future is in the past.
std::optional<std::int64_t> parse_http_date(std::string_view text, std::int64_t now) noexcept;

} // namespace http
