// A connection's name in the log.
#pragma once

#include "base/bounded_text.hpp"
#include "connection/slots.hpp"

#include <cstdint>
#include <string_view>

namespace gatehouse::host {

using IdText = BoundedText<96>;

// "web-1a00003": the listener's name, and in hexadecimal digits which of its connections. No other one of this host has it.
inline IdText id_text(std::string_view listener, std::uint64_t id) noexcept {
    constexpr std::size_t longest_name = 64;
    constexpr std::uint64_t slots = std::uint64_t{1} << ConnectionSlots::slot_bits;
    IdText text;
    (text += listener.substr(0, longest_name)) += '-';
    return text.add((id >> 32U) * slots | (id & (slots - 1)), 16);
}

} // namespace gatehouse::host
