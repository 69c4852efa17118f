// Durations as people write them: "1500ms", "30s", "5m", "2h", "1d".
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace gateway {

// In the largest unit that it is a whole number of.
std::string time_text(std::chrono::milliseconds time);

// Nothing if it is none, or longer than a year.
std::optional<std::chrono::milliseconds> parse_time(std::string_view text) noexcept;

} // namespace gateway
