// Numbers in network byte order, and text, at a place in bytes that somebody has sent. The caller has checked the size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace gatehouse::host {

using Bytes = std::span<const std::byte>;

inline std::string_view text_of(Bytes bytes) noexcept { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline unsigned byte_at(Bytes bytes, std::size_t at) noexcept { return std::to_integer<unsigned>(bytes[at]); }
inline unsigned two_at(Bytes bytes, std::size_t at) noexcept { return byte_at(bytes, at) << 8U | byte_at(bytes, at + 1); }
inline std::uint32_t four_at(Bytes bytes, std::size_t at) noexcept { return two_at(bytes, at) << 16U | two_at(bytes, at + 2); }

} // namespace gatehouse::host
