// What the first bytes of a connection tell of a condition on them.
#pragma once

#include <cstdint>

namespace gatehouse::host {

enum class Match : std::uint8_t {
    no,   // further bytes cannot change it
    yes,  // further bytes cannot change it
    more, // further bytes decide
};

} // namespace gatehouse::host
