// How looking a name up has ended.
#pragma once

#include <cstdint>

namespace gatehouse::host {

enum class Lookup : std::uint8_t {
    found,
    not_found, // there is no such name, or it has no such records
    timeout,   // no answer came in time
    invalid,   // not something that can be looked up
    failed,    // the name servers, or this host, cannot say
};

} // namespace gatehouse::host
