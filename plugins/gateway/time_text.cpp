#include "time_text.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace gateway {
namespace {

constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> units{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

} // namespace

std::string time_text(std::chrono::milliseconds time) {
    for (const auto& [name, length] : units)
        if (time.count() != 0 && time.count() % length == 0) return std::to_string(time.count() / length) + std::string(name);
    return "0s";
}

std::optional<std::chrono::milliseconds> parse_time(std::string_view text) noexcept {
    constexpr std::int64_t a_year = 365 * units[0].second;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number < 0) return std::nullopt;
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    for (const auto& [name, length] : units)
        if (unit == name && number <= a_year / length) return std::chrono::milliseconds(number * length);
    if (unit.empty() && number == 0) return std::chrono::milliseconds(0);
    return std::nullopt;
}

} // namespace gateway
