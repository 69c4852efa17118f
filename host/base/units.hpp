// Durations and sizes as users write them: a whole number with its unit, so that no key needs its unit in its name.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::host {

using Milliseconds = std::chrono::milliseconds;

// The longest duration that is accepted: a hundred years, which can be added to any clock without overflow.
inline constexpr Milliseconds max_duration = std::chrono::days(36'500);

// "1500ms", "30s", "5m", "2h", "1d"; "0" needs no unit. On failure nothing, and `error` says what is wrong with the text.
std::optional<Milliseconds> parse_duration(std::string_view text, std::string& error);

// Bytes: "512", "512B", "64KiB", "1MiB", "2GiB" (powers of 1024), "10KB", "10MB", "1GB" (powers of 1000). Failure as above.
std::optional<std::uint64_t> parse_size(std::string_view text, std::string& error);

// The shortest exact form that the functions above read back: 90'000 ms -> "90s", 65536 -> "64KiB", 1000 -> "1000".
std::string format_duration(Milliseconds duration);
std::string format_size(std::uint64_t bytes);

} // namespace gatehouse::host
