// Content codings: RFC 9110 §8.4.1, RFC 7932, RFC 8878.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace http {

enum class Coding : std::uint8_t { plain, brotli, zstd, gzip };

// From the one that is smallest, as a rule.
inline constexpr std::array all_codings{Coding::brotli, Coding::zstd, Coding::gzip};

std::string_view name_of(Coding coding) noexcept;   // in Content-Encoding; "" for the plain content
std::string_view suffix_of(Coding coding) noexcept; // of a compressed file beside the plain one: ".br"

inline constexpr int lowest_level = 1, highest_level = 9;

// The content in a coding that is not the plain one, at a level from lowest_level to highest_level. Empty: it would not be
// smaller, or the library has no memory. It takes some MiB for the time of the call.
std::string compress(Coding coding, std::string_view content, int level);

} // namespace http
