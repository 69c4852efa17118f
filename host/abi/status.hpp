// Translates outcomes of the host into the ABI's gatehouse_status.
#pragma once

#include "dns/lookup.hpp"

#include <gatehouse/gatehouse.h>

namespace gatehouse::host {

gatehouse_status status_of(Lookup lookup) noexcept;

} // namespace gatehouse::host
