// What has become of a call, in the words of the ABI.
#pragma once

#include "dns/lookup.hpp"

#include <gatehouse/gatehouse.h>

namespace gatehouse::host {

// The status that a plugin gets for the errno of a failed connect().
gatehouse_status status_of_errno(int error) noexcept;

gatehouse_status status_of(Lookup lookup) noexcept;

} // namespace gatehouse::host
