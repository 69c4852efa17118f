// What the host knows of a connection, and what a plugin says of it: fact() and set_fact() of the host's table.
#pragma once

#include <gatehouse/gatehouse.h>

namespace gatehouse::host {

gatehouse_status fact(gatehouse_conn* conn, gatehouse_fact which, gatehouse_str* value) noexcept;
gatehouse_status set_fact(gatehouse_conn* conn, gatehouse_fact which, gatehouse_str value) noexcept;

} // namespace gatehouse::host
