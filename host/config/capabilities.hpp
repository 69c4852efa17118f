// The names of capabilities, as capabilities(7) has them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gatehouse::host {

// In the order of their numbers: the first is CAP_CHOWN, 0.
std::span<const std::string_view> capability_list() noexcept;

// "CAP_CHOWN, CAP_KILL" for a set with a bit for each (1 << number); "none" if no bit is set.
std::string capability_names(std::uint64_t capabilities);

} // namespace gatehouse::host
