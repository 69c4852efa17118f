// What the first bytes of a connection tell of a condition on them.
#pragma once

#include <cstdint>

namespace gatehouse::host {

enum class Match : std::uint8_t {
    no,   // further bytes cannot change it
    yes,  // further bytes cannot change it
    more, // further bytes decide
};

// Of two conditions that must both hold.
constexpr Match both(Match one, Match other) noexcept {
    if (one == Match::no || other == Match::no) return Match::no;
    return one == Match::more || other == Match::more ? Match::more : Match::yes;
}

// Of two conditions one of which is enough.
constexpr Match either(Match one, Match other) noexcept {
    if (one == Match::yes || other == Match::yes) return Match::yes;
    return one == Match::more || other == Match::more ? Match::more : Match::no;
}

} // namespace gatehouse::host
