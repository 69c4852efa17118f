// Whether and why a connection ends when its plugin's turn is over.
#pragma once

#include "base/reason.hpp"
#include "connection/connection.hpp"

#include <gatehouse/gatehouse.h>

namespace gatehouse::host {

// Whether it has a reason to end that gives it no time. [owner]
bool ends_at_once(const Connection& connection) noexcept;

// `next` is the result of serve(), but not PARK, WAIT or RELAY of a connection that goes on. [owner]
Reason reason_for(const Connection& connection, gatehouse_next next) noexcept;

} // namespace gatehouse::host
