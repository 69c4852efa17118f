// A connection's name in the log.
#pragma once

#include "base/bounded_text.hpp"
#include "connection/slots.hpp"

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace gatehouse::host {

using IdText = BoundedText<96>;
inline constexpr std::size_t longest_name = 64; // of a listener, in such a text

// "web-1a00003": the listener's name, and in hexadecimal digits which of its connections. No other one of this host has it.
inline IdText id_text(std::string_view listener, std::uint64_t id) noexcept {
    constexpr std::uint64_t slots = std::uint64_t{1} << ConnectionSlots::slot_bits;
    IdText text;
    (text += listener.substr(0, longest_name)) += '-';
    return text.add((id >> 32U) * slots | (id & (slots - 1)), 16);
}

// The id that such a text stands for, of this listener with this number; nothing: it is none of its.
inline std::optional<std::uint64_t> id_of(std::string_view text, std::string_view listener, std::uint32_t number) noexcept {
    constexpr std::uint64_t slots = std::uint64_t{1} << ConnectionSlots::slot_bits;
    const std::string_view name = listener.substr(0, longest_name);
    if (!text.starts_with(name) || text.substr(name.size(), 1) != "-") return std::nullopt;
    const std::string_view digits = text.substr(name.size() + 1);
    std::uint64_t value = 0;
    const auto [read, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (error != std::errc() || read != digits.data() + digits.size() || value / slots > UINT32_MAX) return std::nullopt;
    return value / slots << 32U | std::uint64_t{number} * slots | value % slots;
}

} // namespace gatehouse::host
