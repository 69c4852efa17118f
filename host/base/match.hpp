// What the first bytes of a connection tell of a condition on them.
#pragma once

#include <cstdint>

namespace gatehouse::host {

enum class Match : std::uint8_t {
    no,   // whatever follows
    yes,  // whatever follows
    more, // it depends on what follows
};

} // namespace gatehouse::host
