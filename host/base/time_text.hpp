// A moment as people and programs read it: "2026-11-27T05:35:53.792Z" (RFC 3339).
#pragma once

#include "base/bounded_text.hpp"

#include <cstdint>

namespace gatehouse::host {

using TimeText = BoundedText<32>;

// Now, by the system's clock. [any]
std::int64_t milliseconds_since_1970() noexcept;

// Of so many milliseconds since 1970. Years that do not have four digits are left to the number. [any]
TimeText time_text(std::int64_t milliseconds) noexcept;

} // namespace gatehouse::host
