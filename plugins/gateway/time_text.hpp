// Durations as people write them: "1500ms", "30s", "5m", "2h", "1d".
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace gateway {

// In the largest unit in which it is a whole number.
std::string time_text(std::chrono::milliseconds time);

// Nothing if the text is not a duration, or longer than a year.
std::optional<std::chrono::milliseconds> parse_time(std::string_view text) noexcept;

} // namespace gateway
