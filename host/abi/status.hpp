// The status of a call that has failed, from the words of the kernel.
#pragma once

#include <gatehouse/gatehouse.h>

namespace gatehouse::host {

// What a plugin is told of the errno of a connect() that has failed.
gatehouse_status status_of_errno(int error) noexcept;

} // namespace gatehouse::host
