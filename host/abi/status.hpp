// Translates outcomes of the host into the ABI's gatehouse_status.
#pragma once

#include "dns/lookup.hpp"

#include <gatehouse/gatehouse.h>

namespace gatehouse::host {

// The status that a plugin gets for the errno of a failed connect().
gatehouse_status status_of_errno(int error) noexcept;

gatehouse_status status_of(Lookup lookup) noexcept;

} // namespace gatehouse::host
